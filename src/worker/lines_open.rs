//! Opening channels: from their rows to what can send.

use std::sync::Arc;

use channels::http::Http;
use channels::{Capabilities, Channel, Connection, Ear, Fetched};
use secrecy::SecretString;
use serde_json::Value;

use super::super::site;
use super::Lines;
use crate::app::fetching;
use crate::clock::date_time;

/// A channel that is open for sending.
#[derive(Clone)]
pub(crate) struct Open {
    pub channel: Arc<dyn Channel>,
    pub capabilities: Capabilities,
    /// Until when its network fetches pictures from this service, if it does.
    pub fetches: Option<Fetched>,
    /// What its server says besides.
    pub ear: Arc<Ear>,
    /// The version of the channel that this is.
    pub version: i64,
    /// It has a credential, which can be taken away.
    pub sealed: bool,
}

impl Lines {
    pub(super) fn open(&self, row: &crate::app::channels::Channel) -> std::result::Result<Open, String> {
        let adapter = channels::adapter(&row.adapter).ok_or_else(|| format!("no adapter {}", row.adapter))?;
        let (capabilities, version, sealed) = (adapter.capabilities, row.version, row.credential.is_some());
        let fetches = fetching::fetched(adapter);
        let ear = Arc::new(Ear::new(adapter.name, self.clock()));
        if adapter.name == "website" {
            let channel = Arc::new(site::Site(self.app.clone()));
            return Ok(Open { channel, capabilities, fetches, ear, version, sealed: false });
        }
        let credential = match &row.credential {
            None => None,
            Some(sealed) => Some(crate::app::credentials::open(&self.app, &row.id, sealed)?),
        };
        let settings = serde_json::from_str(&row.settings).unwrap_or_default();
        let connection = self.connection(settings, credential);
        let http = Arc::new(connection.http.heard_by(Arc::clone(&ear)));
        let channel = (adapter.connect)(&Connection { http, ..connection })?.into();
        Ok(Open { channel, capabilities, fetches, ear, version, sealed })
    }

    /// The client that every channel uses.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// What an adapter needs to open a channel.
    pub fn connection(&self, settings: Value, credential: Option<SecretString>) -> Connection {
        let public_url = self.app.public_url().parse().ok();
        Connection { settings, credential, http: Arc::clone(&self.http), clock: self.clock(), public_url }
    }

    fn clock(&self) -> channels::Clock {
        let clock = self.app.clock().clone();
        Arc::new(move || date_time(clock.now()))
    }
}
