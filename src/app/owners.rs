//! Whose a post is that a network knows by its words alone: another delivery of the same account may
//! have the same ones.

use ::channels::{Rendition, place, text};

use super::{App, AppError, Result};
use crate::clock::Millis;
use crate::store::Tx;
use crate::store::attempts::Attempt;
use crate::store::channels::Channel;
use crate::store::deliveries::Delivery;

/// A post that a person calls published, without an id, is a rival when it was permitted this long before
/// the first attempt in question, or later: by then it was out.
const NEAR: Millis = 10 * 60_000;

/// A delivery as the look at a post needs it.
pub(super) struct Claimant {
    delivery: String,
    channel: Channel,
    /// When its first attempt was permitted.
    first: Millis,
    /// The ids of the channels that lead to the same server, once they are locked.
    kin: Vec<String>,
}

impl Claimant {
    pub async fn read(app: &App, d: &Delivery) -> Result<Self> {
        let channel = app.store().channel(&d.channel_id).await?;
        let channel = channel.ok_or_else(|| AppError::not_found("channel", &d.channel_id))?;
        let first = app.store().attempts(&d.id).await?.first().map_or(0, |a| a.permitted_at);
        Ok(Self { delivery: d.id.clone(), channel, first, kin: Vec::new() })
    }

    /// Locks the channels of the account and its kin: two who read at once judge one after the other. Called
    /// before anything else is locked.
    pub async fn lock(&mut self, tx: &mut Tx) -> Result<()> {
        let all = tx.channels_of(&self.channel.adapter).await?;
        self.kin = self.kin_of(&all);
        Ok(())
    }

    /// The ids of those channels that lead to the same account.
    pub fn kin_of(&self, all: &[Channel]) -> Vec<String> {
        let settings = |c: &Channel| serde_json::from_str(&c.settings).unwrap_or_default();
        let own = settings(&self.channel);
        let kin = all.iter().filter(|c| c.adapter == self.channel.adapter && place::same(&own, &settings(c)));
        kin.map(|c| c.id.clone()).collect()
    }

    pub fn adapter(&self) -> &str {
        &self.channel.adapter
    }

    /// When its first attempt was permitted.
    pub fn first(&self) -> Millis {
        self.first
    }

    /// Why the post of that id may be another delivery's, if it may.
    pub async fn doubt(&self, tx: &mut Tx, of: &Attempt, remote_id: &str) -> Result<Option<String>> {
        let adapter = &self.channel.adapter;
        let same = tx.with_remote(adapter, remote_id, &self.delivery).await?;
        if same.iter().any(|channel| self.kin.contains(channel)) {
            return Ok(Some("the post that is there belongs to another delivery".into()));
        }
        let own = words(&of.body);
        let since = self.first.saturating_sub(NEAR);
        let others = tx.without_remote(adapter, &self.delivery, since).await?;
        let rival = others.iter().any(|(channel, body)| self.kin.contains(channel) && words(body) == own);
        let why = "another delivery with the same words may have made the post that is there";
        Ok(rival.then(|| why.to_owned()))
    }
}

/// What can be compared: text and title, without anything that an adapter leaves out when it compares. Of a
/// thread it is the first part: the others answer it. Two that are held for rivals wrongly cost a look; two that
/// are not could cost a post.
fn words(body: &str) -> Option<(String, String)> {
    let rendition: Rendition = serde_json::from_str(body).ok()?;
    Some((text::loose(&rendition.text), text::loose(rendition.title.as_deref().unwrap_or_default())))
}
