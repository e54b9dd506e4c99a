//! How a post is taken down: each of its messages.

use serde_json::json;

use super::answers::is_no_more;
use super::{Accepted, Telegram, parts};
use crate::Retraction;
use crate::http::Request;
use crate::message::Doing;

impl Telegram {
    /// The first message goes first: it has the words. One that stays keeps no other from going.
    pub(super) async fn take_down(&self, remote_id: Option<&str>) -> Retraction {
        let Some((bot, chat, numbers)) = remote_id.and_then(parts) else {
            return Retraction::StillLive(
                "without its number a bot cannot find a post; take it down by hand".to_owned(),
            );
        };
        if bot != self.bot() {
            // Its numbers can be those of other messages.
            return Retraction::StillLive("another bot made the post; take it down by hand".to_owned());
        }
        let mut said = Retraction::Gone;
        for number in numbers {
            if let Err(why) = self.delete(chat, number).await
                && said == Retraction::Gone
            {
                said = Retraction::StillLive(why);
            }
        }
        said
    }

    async fn delete(&self, chat: i64, number: i64) -> Result<(), String> {
        let content = json!({ "chat_id": chat, "message_id": number });
        let request = Request::post(self.method("deleteMessage").as_str()).json(&content);
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        let gone = match answer.status {
            200 => answer.json::<Accepted<bool>>().is_ok_and(|a| a.ok && a.result),
            // Somebody else took it down.
            400 => is_no_more(&answer),
            _ => false,
        };
        if gone { Ok(()) } else { Err(self.failure(&answer, Doing::TakeDown).to_string()) }
    }
}
