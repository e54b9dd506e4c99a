//! Pictures that a network fetches from this service: each at an address that nobody can guess, that ends
//! soon, and that leads somewhere only while a delivery with the picture is under way on such a network.

use ::channels::{MediaRef, Rendition};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::media::{self, Media};
use super::{App, AppError, Result, freezes};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::freeze::{Subject, covering};
use crate::domain::post::Lane;
use crate::store::deliveries::Delivery;

/// How long an address leads somewhere: an attempt takes two minutes at most.
const LIFE: Millis = 3 * 60_000;

/// What an address names.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    pub delivery: &'a str,
    pub sha256: &'a str,
    /// When it ends.
    pub until: Millis,
}

impl Address<'_> {
    fn mac(self, app: &App) -> Hmac<Sha256> {
        let key = app.keys().derive("pictures that networks fetch");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length will do");
        for part in [self.delivery, self.sha256] {
            mac.update(part.as_bytes());
            mac.update(b"\0");
        }
        mac.update(&self.until.to_be_bytes());
        mac
    }
}

/// The addresses of a delivery's pictures, in their order.
pub fn addresses(app: &App, delivery: &str, pictures: &[MediaRef]) -> Vec<String> {
    let until = app.now() + LIFE;
    let address = |picture: &MediaRef| {
        let address = Address { delivery, sha256: &picture.sha256, until };
        let mac = hex::encode(address.mac(app).finalize().into_bytes());
        format!("{}/media/{delivery}/{}/{until}/{mac}", app.public_url(), picture.sha256)
    };
    pictures.iter().map(address).collect()
}

/// The picture at an address, for whoever has it.
///
/// # Errors
/// "Not found", whatever is wrong with the address; or the database's own.
pub async fn picture(app: &App, address: Address<'_>, mac: &str) -> Result<Media> {
    let nothing = || AppError::not_found("picture", address.sha256);
    // Before anything is looked up: who does not know the key makes no work.
    let mac = hex::decode(mac).map_err(|_| nothing())?;
    address.mac(app).verify_slice(&mac).map_err(|_| nothing())?;
    if address.until <= app.now() {
        return Err(nothing());
    }
    let delivery = app.store().delivery(address.delivery).await?.ok_or_else(nothing)?;
    if !is_under_way(&delivery, address.sha256) || !may_go(app, &delivery).await? {
        return Err(nothing());
    }
    media::read(app, address.sha256).await
}

/// Whether an attempt at it has a permit and no outcome, and its words go with that picture.
fn is_under_way(delivery: &Delivery, sha256: &str) -> bool {
    let rendition = serde_json::from_str::<Rendition>(&delivery.rendition).ok();
    delivery.state == State::Sending.word()
        && rendition.is_some_and(|r| r.media.iter().any(|picture| picture.sha256 == sha256))
}

/// Whether its network fetches pictures, and no freeze covers it: no byte of what is frozen leaves.
async fn may_go(app: &App, delivery: &Delivery) -> Result<bool> {
    let Some(channel) = app.store().channel(&delivery.channel_id).await? else { return Ok(false) };
    let Some(post) = app.store().post(&delivery.post_id).await? else { return Ok(false) };
    let fetches = ::channels::adapter(&channel.adapter).is_some_and(::channels::Adapter::fetches);
    let subject = Subject {
        lane: Lane::from_number(delivery.lane),
        brand: post.brand,
        channel: channel.id,
        channel_brand: channel.brand,
        labels: serde_json::from_str(&post.labels).unwrap_or_default(),
        due_at: delivery.due_at,
    };
    Ok(fetches && covering(&freezes::in_force(app).await?.orders, &subject).is_none())
}
