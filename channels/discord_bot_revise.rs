//! New words for a message of the bot, in its place.

use serde_json::Value;

use super::Bot;
use crate::discord_answers::{is_id, is_no_more};
use crate::discord_post::{Message, sighting, words};
use crate::http::Request;
use crate::message::Doing;
use crate::revise::GONE;
use crate::{Failure, Job, Pass, Receipt, Revised, Sighting};

impl Bot {
    /// The message's address.
    fn message_of(&self, of: &Revised) -> Option<url::Url> {
        let parts = of.remote_id.split_once(':').filter(|(channel, id)| is_id(channel) && is_id(id));
        parts.map(|(channel, id)| self.url(&["channels", channel, "messages", id]))
    }

    /// Source: <https://docs.discord.com/developers/resources/message#edit-message>.
    pub(super) async fn change(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let gone = || Failure::never(GONE);
        let url = self.message_of(of).ok_or_else(gone)?;
        let request = self.signed(Request::patch(url.as_str())).json(&words(&job.rendition));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if is_no_more(&answer) {
            return Err(gone());
        }
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Revise));
        }
        let message: Message = answer.json().map_err(|reason| Failure::InDoubt { reason })?;
        if of.remote_id != format!("{}:{}", message.channel_id, message.id) {
            return Err(Failure::InDoubt { reason: "the answer is not about the post".to_owned() });
        }
        Ok(Self::receipt(&message, self.server_of_channel().await))
    }

    pub(super) async fn seen_changed(&self, job: &Job, of: &Revised) -> Sighting {
        let Some(url) = self.message_of(of) else { return Sighting::Gone(GONE.to_owned()) };
        let answer = match self.http.call(self.signed(Request::get(url.as_str()))).await {
            Ok(answer) => answer,
            Err(trouble) => return Sighting::Unknown(trouble.to_string()),
        };
        if is_no_more(&answer) {
            return Sighting::Gone(GONE.to_owned());
        }
        if answer.status != 200 {
            return Sighting::Unknown(self.failure(&answer, Doing::Ask).to_string());
        }
        match answer.json::<Value>() {
            Ok(told) => sighting(&told, job, of),
            Err(why) => Sighting::Unknown(why),
        }
    }
}
