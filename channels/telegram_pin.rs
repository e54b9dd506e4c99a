//! A post at the top of the chat.

use serde_json::{Value, json};

use super::{Accepted, Telegram, parts};
use crate::NOT_OURS;
use crate::http::{Answer, Request};
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
        let is_done = answer.is_success() && answer.json::<Accepted<bool>>().is_ok_and(|a| a.ok && a.result);
        match is_done || is_so(&answer, up) {
            true => Ok(()),
            false => Err(self.failure(&answer, Doing::Pin).to_string()),
        }
    }
}

/// Whether a refusal says that it is so already. Bots meet it when the answer to a try before was lost; what is not
/// there is not pinned either.
///
/// Source: <https://core.telegram.org/method/messages.updatePinnedMessage>; the words for bots are those that clients
/// have met.
fn is_so(answer: &Answer, up: bool) -> bool {
    let told: Value = answer.json().unwrap_or_default();
    let said = told["description"].as_str().unwrap_or_default().to_ascii_lowercase();
    let words = ["chat_not_modified", "message to unpin not found"];
    answer.status == 400 && words[..if up { 1 } else { 2 }].iter().any(|words| said.contains(words))
}
