//! Whose a post is that a network knows by its words alone: another delivery of the same account may
//! have the same ones.

use ::channels::{Rendition, place, text};

use super::{App, AppError, Result, readiness};
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
    /// The ids of the channels that lead to the same account, once they are locked, and the numbers that they have for it.
    kin: Vec<String>,
    numbers: Vec<String>,
}

impl Claimant {
    pub async fn read(app: &App, d: &Delivery) -> Result<Self> {
        let channel = app.store().channel(&d.channel_id).await?;
        let channel = channel.ok_or_else(|| AppError::not_found("channel", &d.channel_id))?;
        let first = app.store().attempts(&d.id).await?.first().map_or(0, |a| a.permitted_at);
        Ok(Self { delivery: d.id.clone(), channel, first, kin: Vec::new(), numbers: Vec::new() })
    }

    /// Locks the channels of the account and its kin: two who read at once judge one after the other. Called
    /// before anything else is locked.
    pub async fn lock(&mut self, tx: &mut Tx) -> Result<()> {
        let all = tx.channels_of(&self.channel.adapter).await?;
        self.kin = self.kin_of(&all);
        let kin = all.iter().filter(|c| self.kin.contains(&c.id));
        self.numbers = kin.filter_map(readiness::number_in_settings).collect();
        Ok(())
    }

    /// The ids of those channels that lead to the same account.
    pub fn kin_of(&self, all: &[Channel]) -> Vec<String> {
        let settings = |c: &Channel| serde_json::from_str(&c.settings).unwrap_or_default();
        let own = settings(&self.channel);
        let is_same = |c: &&Channel| {
            let other = settings(c);
            place::same(&own, &other)
                || place::has_two_numbers(&c.adapter, &own, &other) && !self.is_another(c)
        };
        let kin = all.iter().filter(|c| c.adapter == self.channel.adapter).filter(is_same);
        kin.map(|c| c.id.clone()).collect()
    }

    /// Whether checks have seen the account of a channel, and it has another name than this one's. One number is one
    /// account, which was renamed between two checks.
    fn is_another(&self, c: &Channel) -> bool {
        let number = readiness::number_in_settings;
        if number(c).is_some() && number(c) == number(&self.channel) {
            return false;
        }
        let name = |c: &Channel| readiness::learned_account(c).map(|account| account.name.to_lowercase());
        matches!((name(&self.channel), name(c)), (Some(one), Some(other)) if one != other)
    }

    /// How a receipt of one of the kin can name a post.
    fn names(&self, remote_id: &str) -> Vec<String> {
        let bare = remote_id.split_once(':').map(|(_, id)| id);
        let others = bare.iter().flat_map(|id| self.numbers.iter().map(move |n| format!("{n}:{id}")));
        let mut names: Vec<String> = std::iter::once(remote_id.to_owned()).chain(others).collect();
        names.sort_unstable();
        names.dedup();
        names
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
        for name in self.names(remote_id) {
            let same = tx.with_remote(adapter, &name, &self.delivery).await?;
            if same.iter().any(|channel| self.kin.contains(channel)) {
                return Ok(Some("the post that is there belongs to another delivery".into()));
            }
        }
        let own = words(&of.body);
        let since = self.first.saturating_sub(NEAR);
        let others = tx.without_remote(adapter, &self.delivery, since).await?;
        let rival = others.iter().any(|(channel, body)| self.kin.contains(channel) && words(body) == own);
        let why = "another delivery with the same words may have made the post that is there";
        Ok(rival.then(|| why.to_owned()))
    }
}

/// The numbers by which other channels name the account of this one, where it has two: as far as checks have seen that
/// they are one, by its name. What knows one number alone sees by them what those channels have sent.
pub(super) fn numbers_beside(channel: &Channel, all: &[Channel]) -> Vec<String> {
    let settings = |c: &Channel| serde_json::from_str(&c.settings).unwrap_or_default();
    let name = |c: &Channel| readiness::learned_account(c).map(|account| account.name.to_lowercase());
    let (own, known) = (settings(channel), name(channel));
    let is_same = |c: &&Channel| {
        c.adapter == channel.adapter
            && place::has_two_numbers(&c.adapter, &own, &settings(c))
            && known.is_some()
            && name(c) == known
    };
    let number = readiness::number_in_settings(channel);
    let numbers = all.iter().filter(is_same).filter_map(readiness::number_in_settings);
    numbers.filter(|other| Some(other) != number.as_ref()).collect()
}

/// What can be compared: text and title, without anything that an adapter leaves out when it compares. Of a
/// thread it is the first part: the others answer it. Two that are held for rivals wrongly cost a look; two that
/// are not could cost a post.
fn words(body: &str) -> Option<(String, String)> {
    let rendition: Rendition = serde_json::from_str(body).ok()?;
    Some((text::loose(&rendition.text), text::loose(rendition.title.as_deref().unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A channel that a check may have seen to be of that account.
    fn channel(id: &str, settings: Value, account: Option<&str>) -> Channel {
        let health = account.map(|account| json!({ "facts": { "account": account } }).to_string());
        Channel { id: id.into(), health, ..Channel::for_tests("instagram", &settings) }
    }

    #[test]
    fn an_account_with_two_numbers_is_one_as_far_as_nobody_knows_better() {
        let login = |user: &str| json!({ "user": user, "server": "https://graph.instagram.com" });
        let all = [
            channel("scoped", login("26"), Some("@bank")),
            channel("own", login("1784"), Some("@Bank")),
            channel("of a page", json!({ "user": "1784" }), None),
            channel("alice", login("99"), Some("@alice")),
        ];
        let kin = |n: usize| {
            let channel = all[n].clone();
            let (kin, numbers) = (Vec::new(), Vec::new());
            Claimant { delivery: "d".into(), channel, first: 0, kin, numbers }.kin_of(&all)
        };
        assert_eq!(kin(0), ["scoped", "own", "of a page"]);
        assert_eq!(kin(1), ["scoped", "own", "of a page"]);
        assert_eq!(kin(3), ["of a page", "alice"], "nobody knows whose that of the page is");
        assert_eq!(numbers_beside(&all[0], &all), ["1784"]);
        assert!(numbers_beside(&all[2], &all).is_empty(), "nobody has seen whose that is");
        let page = channel("page", json!({ "user": "1784" }), Some("@BANK"));
        assert_eq!(numbers_beside(&page, &all), ["26"]);
        let page = json!({ "user": "1784", "server": "https://graph.facebook.com" });
        let renamed = [all[1].clone(), channel("renamed", page, Some("@thebank"))];
        let own = Claimant {
            delivery: "d".into(),
            channel: renamed[0].clone(),
            first: 0,
            kin: Vec::new(),
            numbers: Vec::new(),
        };
        assert_eq!(own.kin_of(&renamed), ["own", "renamed"], "one number is one account, whatever its name");
        let two =
            [channel("one", json!({ "user": "1" }), None), channel("two", json!({ "user": "2" }), None)];
        let (kin, numbers, channel) = (Vec::new(), vec!["1".into(), "2".into()], two[0].clone());
        let one = Claimant { delivery: "d".into(), channel, first: 0, kin, numbers };
        assert_eq!(one.kin_of(&two), ["one"], "with Facebook Login an account has one number");
        assert_eq!(one.names("1:1790"), ["1:1790", "2:1790"]);
    }
}
