//! Pictures that a network fetches from this service: each at an address that nobody can guess, and that leads somewhere
//! only while a delivery with the picture is under way on such a network. It ends soon, and is another one for each
//! attempt. Where the network takes the post first ([`Fetched::Afterwards`]), or keeps no copy ([`Fetched::Shown`]), it leads
//! there also when the post is out, or may be: a freeze takes nothing from a post that was out before it. A receiver that is
//! told the address in what is sent ([`Fetched::Named`]) is told the same each time, and finds the picture there for a
//! week after it has taken the post.

use ::channels::{Adapter, Fetched, MediaRef, Rendition};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::media::{self, Media};
use super::{App, AppError, Result, keys};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::freeze::{Subject, covering};
use crate::domain::post::Lane;
use crate::store::channels::Channel;
use crate::store::deliveries::Delivery;
use crate::store::freezes::Freeze;

/// How long an address of one attempt leads somewhere: an attempt takes two minutes at most.
const LIFE: Millis = 3 * 60_000;

/// How long one does that is fetched after the post was taken: SMS wait in a queue for half an hour at most.
const AFTERWARDS: Millis = 40 * 60_000;

/// How long one does that is looked at with the post: ten years.
const SHOWN: Millis = 3_650 * 24 * 3_600_000;

/// How long an address that lasts leads somewhere after the receiver has taken the post.
const WEEK: Millis = 7 * 24 * 3_600_000;

/// Stands in an address in the place of its end where the state of the delivery says when it ends.
const LASTING: Millis = 0;

/// Until when a channel's network fetches pictures from here, if it does.
pub fn fetched(adapter: &Adapter) -> Option<Fetched> {
    let fetched = adapter.ways.fetched;
    (adapter.capabilities.fetches || fetched == Fetched::Named).then_some(fetched)
}

/// What the key of the addresses is derived for.
const PURPOSE: &str = "pictures that networks fetch";

/// What an address names.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    pub delivery: &'a str,
    pub sha256: &'a str,
    /// When it ends, or [`LASTING`].
    pub until: Millis,
}

impl Address<'_> {
    fn mac(self, key: &[u8; 32]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
        for part in [self.delivery, self.sha256] {
            mac.update(part.as_bytes());
            mac.update(b"\0");
        }
        mac.update(&self.until.to_be_bytes());
        mac
    }
}

/// The addresses of a delivery's pictures, in their order. Those that last are the same each time, as long as the same
/// instance key seals and this service has the same address.
///
/// # Errors
/// When this node does not know the instance key that seals; or the database's own.
pub async fn addresses(
    app: &App,
    delivery: &str,
    pictures: &[MediaRef],
    fetched: Fetched,
) -> Result<Vec<String>> {
    if pictures.is_empty() {
        return Ok(Vec::new());
    }
    let key = keys::derived(app, PURPOSE).await?;
    let until = match fetched {
        Fetched::Sending => app.now() + LIFE,
        Fetched::Afterwards => app.now() + AFTERWARDS,
        Fetched::Shown => app.now() + SHOWN,
        Fetched::Named => LASTING,
    };
    let address = |picture: &MediaRef| {
        let address = Address { delivery, sha256: &picture.sha256, until };
        let mac = hex::encode(address.mac(&key).finalize().into_bytes());
        format!("{}/media/{delivery}/{}/{until}/{mac}", app.public_url(), picture.sha256)
    };
    Ok(pictures.iter().map(address).collect())
}

/// A picture at an address.
pub struct Seen {
    pub picture: Media,
    /// Whoever looks at the post sees it, so a browser and what is between may keep it for a while.
    pub is_shown: bool,
}

/// The picture at an address, for whoever has it.
///
/// # Errors
/// "Not found", whatever is wrong with the address; or the database's own.
pub async fn picture(app: &App, address: Address<'_>, mac: &str) -> Result<Seen> {
    let nothing = || AppError::not_found("picture", address.sha256);
    // Before anything is looked up: who does not know the key makes no work.
    let mac = hex::decode(mac).map_err(|_| nothing())?;
    let keys = keys::derived_from_each(app, PURPOSE);
    if !keys.iter().any(|key| address.mac(key).verify_slice(&mac).is_ok()) {
        return Err(nothing());
    }
    if address.until != LASTING && address.until <= app.now() {
        return Err(nothing());
    }
    let delivery = app.store().delivery(address.delivery).await?.ok_or_else(nothing)?;
    let channel = app.store().channel(&delivery.channel_id).await?.ok_or_else(nothing)?;
    let fetched = ::channels::adapter(&channel.adapter).and_then(fetched).ok_or_else(nothing)?;
    // The address is of an attempt that has a permit; it has no outcome, or it is out, or may be.
    let state = State::parse(&delivery.state).map_err(AppError::Internal)?;
    let is_under_way = state == State::Sending;
    let is_out = matches!(state, State::Accepted | State::InDoubt);
    let is_gone = matches!(state, State::Cancelled | State::Retracted);
    let is_now = match fetched {
        Fetched::Sending => is_under_way,
        // A list that is not with everybody waits for its next try, and the first have it.
        Fetched::Afterwards => !is_gone,
        Fetched::Shown => is_under_way || is_out,
        Fetched::Named => lasts(state, delivery.settled_at, app.now()),
    };
    let is_lasting = address.until == LASTING;
    if is_lasting != (fetched == Fetched::Named) || !is_now || !goes_with(&delivery, address.sha256) {
        return Err(nothing());
    }
    let picture = media::read(app, address.sha256).await?;
    // Last of all: what is frozen by then is not answered with.
    let can_stop = !is_out || fetched == Fetched::Named;
    if can_stop && is_frozen(app, &delivery, channel).await? {
        return Err(nothing());
    }
    Ok(Seen { picture, is_shown: fetched == Fetched::Shown })
}

/// Whether its words go with that picture.
fn goes_with(delivery: &Delivery, sha256: &str) -> bool {
    let rendition = serde_json::from_str::<Rendition>(&delivery.rendition).ok();
    rendition.is_some_and(|r| r.media.iter().any(|picture| picture.sha256 == sha256))
}

/// Whether its receiver has it or may have it: under way, in doubt, or taken within a week.
fn lasts(state: State, settled_at: Option<Millis>, now: Millis) -> bool {
    match state {
        State::Sending | State::InDoubt => true,
        State::Accepted => settled_at.is_some_and(|at| now < at + WEEK),
        _ => false,
    }
}

/// Whether a freeze covers it. It is a plain look: whoever has an address keeps no freeze waiting.
async fn is_frozen(app: &App, delivery: &Delivery, channel: Channel) -> Result<bool> {
    let Some(post) = app.store().post(&delivery.post_id).await? else { return Ok(true) };
    let subject = Subject {
        lane: Lane::from_number(delivery.lane),
        brand: post.brand,
        channel: channel.id,
        channel_brand: channel.brand,
        labels: serde_json::from_str(&post.labels).unwrap_or_default(),
        due_at: delivery.due_at,
    };
    let freezes = app.store().freezes(true).await?;
    let orders = freezes.iter().map(Freeze::order).collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(covering(&orders, &subject).is_some())
}
