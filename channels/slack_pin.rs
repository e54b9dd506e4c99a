//! A post among the pins of the channel.

use serde_json::{Value, json};

use super::{Slack, parts};
use crate::NOT_OURS;
use crate::message::Doing;

impl Slack {
    /// Source: <https://docs.slack.dev/reference/methods/pins.add>; permission `pins:write`.
    pub(super) async fn keep_on_top(&self, remote_id: &str, up: bool) -> Result<(), String> {
        let (channel, ts) = parts(remote_id).ok_or(NOT_OURS)?;
        let (method, done) = if up { ("pins.add", "already_pinned") } else { ("pins.remove", "no_pin") };
        let request = self.post(method, &json!({ "channel": channel, "timestamp": ts }));
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        let is_so = answer.status == 200 && answer.json::<Value>().is_ok_and(|told| told["error"] == done);
        match self.accepted(&answer, Doing::Pin) {
            Err(failure) if !is_so => Err(failure.to_string()),
            _ => Ok(()),
        }
    }
}
