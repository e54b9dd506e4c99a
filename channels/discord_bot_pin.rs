//! A post among the pins of the channel.

use super::Bot;
use crate::NOT_OURS;
use crate::discord_answers::is_id;
use crate::http::Request;
use crate::message::Doing;

impl Bot {
    /// Source: <https://docs.discord.com/developers/resources/message#pin-message>; permission Pin Messages.
    pub(super) async fn keep_on_top(&self, remote_id: &str, up: bool) -> Result<(), String> {
        let parts = remote_id.split_once(':').filter(|(channel, id)| is_id(channel) && is_id(id));
        let (channel, id) = parts.ok_or(NOT_OURS)?;
        let url = self.url(&["channels", channel, "messages", "pins", id]);
        let request = if up { Request::put(url.as_str()) } else { Request::delete(url.as_str()) };
        let answer = self.http.call(self.signed(request)).await.map_err(|trouble| trouble.to_string())?;
        match answer.status {
            204 => Ok(()),
            _ => Err(self.failure(&answer, Doing::Pin).to_string()),
        }
    }
}
