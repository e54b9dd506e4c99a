//! The service's own public page. The service implements [`crate::Channel`] for it, because its
//! timeline is in the service's database.

use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Limits, PictureLimits, Pictures, Pins, ReadBack, Replay,
    Revising, Ways,
};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "website",
    title: "Own website",
    capabilities: Capabilities {
        // Entries are keyed by the delivery: a replay changes nothing.
        replay: Replay::ClientId,
        read_back: ReadBack::Consistent,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Sent, readable: true }),
        pins: Pins::None,
        fetches: false,
        watches: false,
        sweeps: false,
        publishes: true,
        concurrency: 4,
    },
    limits: Limits {
        text: Some(20_000),
        unit: Unit::Characters,
        text_bytes: None,
        title: Some(300),
        title_needed: false,
        media: 10,
        media_bytes: 8 << 20,
        media_all: None,
        alt: None,
        parts: 1,
        cards: false,
        pictures: PictureLimits::ANY,
    },
    settings: &[],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

fn connect(_: &Connection) -> Result<Box<dyn Channel>, String> {
    Err("the website is served by the service itself".into())
}
