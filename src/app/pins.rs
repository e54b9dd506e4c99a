//! A post at the top of the account, page or room, on each channel whose network can do that. It shows nothing
//! that is not out already, so no approval is asked again.

use std::collections::HashMap;

use ::channels::{NO_PINS, Pinned, Pins};
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::{Actor, App, AppError, Result, channels, revisions};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::role::Right;

/// One copy of a post that is out.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PinView {
    pub delivery: String,
    pub channel_name: String,
    /// Since when it is pinned, as far as that was done here.
    pub pinned_at: Option<String>,
    /// Why it is not as it was asked, or cannot be.
    pub reason: Option<String>,
}

/// What is asked.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Whether the post is to be at the top.
    pub pinned: bool,
}

/// A copy that is out.
struct Copy {
    delivery: String,
    /// The delivery that made the post: another one, where this one changed its words.
    maker: String,
    name: String,
    can: bool,
    /// The one that is pinned takes the place of others: the channel.
    alone_on: Option<String>,
    pinned_at: Option<Millis>,
}

/// The copies of a post that are out, and which are pinned.
///
/// # Errors
/// When there is no such post, or the actor may not read.
pub async fn list(app: &App, by: &Actor, post: &str) -> Result<Vec<PinView>> {
    by.need(Right::Read)?;
    let view = |c: Copy| {
        let reason = (!c.can).then(|| NO_PINS.to_owned());
        PinView { delivery: c.delivery, channel_name: c.name, pinned_at: c.pinned_at.map(rfc3339), reason }
    };
    Ok(copies(app, post).await?.into_iter().map(view).collect())
}

async fn copies(app: &App, post: &str) -> Result<Vec<Copy>> {
    if app.store().post(post).await?.is_none() {
        return Err(AppError::not_found("post", post));
    }
    let out: Vec<_> = app
        .store()
        .deliveries(post)
        .await?
        .into_iter()
        .filter(|d| d.state == State::Accepted.word())
        .collect();
    let ids: Vec<&str> = out.iter().map(|d| d.id.as_str()).collect();
    let mut makers = revisions::makers(app, &ids).await?;
    let mut maker = |id: &str| makers.remove(id).unwrap_or_else(|| id.to_owned());
    let out: Vec<_> = out.into_iter().map(|d| (maker(&d.id), d)).collect();
    let ids: Vec<&str> = out.iter().map(|(maker, _)| maker.as_str()).collect();
    let pinned: HashMap<String, Millis> = app.store().pins(&ids).await?.into_iter().collect();
    let channels: HashMap<String, channels::Channel> =
        app.store().channels().await?.into_iter().map(|c| (c.id.clone(), c)).collect();
    let copy = |(maker, d): (String, crate::store::deliveries::Delivery)| {
        let channel = channels.get(&d.channel_id)?;
        let pins = ::channels::adapter(&channel.adapter).map_or(Pins::None, |a| a.capabilities.pins);
        let (can, pinned_at) = (pins != Pins::None, pinned.get(&maker).copied());
        let alone_on = (pins == Pins::One).then_some(d.channel_id);
        Some(Copy { name: channel.name.clone(), can, alone_on, pinned_at, maker, delivery: d.id })
    };
    Ok(out.into_iter().filter_map(copy).collect())
}

/// Pins every copy of a post that is out, or lets all go: the result for each.
///
/// # Errors
/// When nothing of the post is out, or the actor may not decide.
pub async fn set(app: &App, by: &Actor, post: &str, pin: Pin) -> Result<Vec<PinView>> {
    by.need(Right::Decide)?;
    let copies = copies(app, post).await?;
    if copies.is_empty() {
        return Err(AppError::Conflict("nothing of this post is out, so there is nothing to pin".into()));
    }
    let networks = app.networks()?;
    let (asked, done) = match pin.pinned {
        true => ("delivery.pin_asked", "delivery.pinned"),
        false => ("delivery.unpin_asked", "delivery.unpinned"),
    };
    let subject = |delivery: &str| format!("delivery:{delivery}");
    let entries: Vec<Entry> =
        copies.iter().filter(|c| c.can).map(|c| Entry::new(asked, &subject(&c.maker))).collect();
    if !entries.is_empty() {
        app.commit(app.store().begin().await?, by, &entries, &[]).await?;
    }
    let each = copies.into_iter().map(|copy| {
        let networks = &networks;
        async move {
            let result = match copy.can {
                // What the others did is written down all the same.
                true => networks
                    .pin(&copy.maker, pin.pinned)
                    .await
                    .unwrap_or_else(|e| Pinned::Failed(e.to_string())),
                false => Pinned::Failed(NO_PINS.to_owned()),
            };
            (copy, result)
        }
    });
    let results = join_all(each).await;
    let mut tx = app.store().begin().await?;
    let (mut entries, mut views) = (Vec::new(), Vec::new());
    for (copy, result) in results {
        let before = copy.pinned_at.filter(|_| pin.pinned || result != Pinned::Done);
        let at = before.or_else(|| (result == Pinned::Done && pin.pinned).then(|| app.now()));
        if let Some(channel) = copy.alone_on.filter(|_| pin.pinned && result == Pinned::Done) {
            tx.clear_pins(&channel).await?;
        }
        if copy.can {
            tx.set_pin(&copy.maker, at).await?;
            entries.push(Entry::new(done, &subject(&copy.maker)).after(&result));
        }
        let reason = match result {
            Pinned::Done => None,
            Pinned::Failed(why) => Some(why),
        };
        let (delivery, channel_name) = (copy.delivery, copy.name);
        views.push(PinView { delivery, channel_name, pinned_at: at.map(rfc3339), reason });
    }
    if !entries.is_empty() {
        app.commit(tx, by, &entries, &[]).await?;
    }
    Ok(views)
}
