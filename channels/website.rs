//! Adapter `website`: the crisis page, banner and feeds that the service itself serves.
//!
//! Nothing is sent, so there is nothing to connect. The service implements [`crate::Channel`] for
//! it: a delivery becomes a row that the page shows, under the delivery's own id.

use crate::text::Unit;
use crate::{Adapter, Capabilities, Limits, ReadBack, Replay};

/// The website of the service.
pub const ADAPTER: Adapter = Adapter {
    name: "website",
    title: "Website",
    capabilities: Capabilities {
        replay: Replay::ClientId,
        read_back: ReadBack::Consistent,
        retract: true,
        media: true,
        concurrency: 1,
    },
    limits: Limits {
        text: None,
        unit: Unit::Characters,
        text_bytes: None,
        title: Some(200),
        media: 10,
        media_bytes: 10 << 20,
    },
    settings: &[],
    connect: |_| Err("the website channel is served by the service itself".to_owned()),
};
