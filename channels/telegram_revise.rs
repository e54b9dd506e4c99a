//! New words for a message of the bot, in its place.

use serde_json::json;

use super::answers::{in_doubt, is_unknown, is_unmodified};
use super::post::content;
use super::{Accepted, Message, Telegram, link, parts};
use crate::http::Request;
use crate::message::Doing;
use crate::revise::GONE;
use crate::{Failure, Job, Pass, Receipt, Revised};

impl Telegram {
    /// That the message has these words already is an acceptance: an attempt before this one has changed it.
    ///
    /// Sources: <https://core.telegram.org/bots/api#editmessagetext> and `#editmessagecaption`. Pictures stay.
    pub(super) async fn change(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let (bot, chat, numbers) = parts(&of.remote_id).ok_or_else(|| Failure::never(GONE))?;
        if bot != self.bot() {
            return Err(Failure::never("another bot made the post; change it by hand"));
        }
        let number = numbers[0];
        let (method, mut content) = match of.before.media.is_empty() {
            true => ("editMessageText", content(&job.rendition.text, &chat.into())),
            false => ("editMessageCaption", json!({ "chat_id": chat, "caption": job.rendition.text })),
        };
        content["message_id"] = number.into();
        let request = Request::post(self.method(method).as_str()).json(&content);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        let receipt = |url| Receipt { remote_id: of.remote_id.clone(), url, note: None };
        if is_unmodified(&answer) {
            return Ok(receipt(None));
        }
        if is_unknown(&answer) {
            return Err(Failure::never(GONE));
        }
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Revise));
        }
        let accepted: Accepted<Message> = answer.json().map_err(|reason| Failure::InDoubt { reason })?;
        let message = accepted.result;
        if !accepted.ok || message.message_id != number || message.chat.id != chat {
            return Err(in_doubt(answer.status));
        }
        Ok(receipt(link(&message)))
    }
}
