//! A post at the top of the chat.

use serde_json::json;

use super::{Accepted, Telegram, parts};
use crate::NOT_OURS;
use crate::http::Request;
use crate::message::Doing;

impl Telegram {
    /// Source: <https://core.telegram.org/bots/api#pinchatmessage>. Nobody gets a notice: the post had its own.
    pub(super) async fn keep_on_top(&self, remote_id: &str, up: bool) -> Result<(), String> {
        let (bot, chat, numbers) = parts(remote_id).ok_or(NOT_OURS)?;
        // Of several pictures the first, which has the words.
        let number = numbers[0];
        if bot != self.bot() {
            return Err("another bot made the post; pin it by hand".to_owned());
        }
        let (method, content) = match up {
            true => (
                "pinChatMessage",
                json!({ "chat_id": chat, "message_id": number, "disable_notification": true }),
            ),
            false => ("unpinChatMessage", json!({ "chat_id": chat, "message_id": number })),
        };
        let answer = self.http.call(Request::post(self.method(method).as_str()).json(&content)).await;
        let answer = answer.map_err(|trouble| trouble.to_string())?;
        match answer.is_success() && answer.json::<Accepted<bool>>().is_ok_and(|a| a.ok && a.result) {
            true => Ok(()),
            false => Err(self.failure(&answer, Doing::Pin).to_string()),
        }
    }
}
