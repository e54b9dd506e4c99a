//! New words for a message of the webhook, in its place.

use serde_json::Value;

use super::{Discord, Place};
use crate::discord_answers::is_no_more;
use crate::discord_post::{AGENT, Message, sighting, words};
use crate::http::Request;
use crate::message::Doing;
use crate::revise::GONE;
use crate::{Failure, Job, Pass, Receipt, Retry, Revised, Sighting};

const MOVED: &str =
    "the webhook was moved to another channel, and finds no post of the one before; change it by hand";

/// Said of a post of an earlier address of the channel: it is there still.
const NOT_OURS: &str = "another webhook made the post; change it by hand";

fn rejected(reason: String, retry: Retry) -> Failure {
    Failure::Rejected { reason, retry }
}

impl Discord {
    /// Source: <https://docs.discord.com/developers/resources/webhook#edit-webhook-message>.
    pub(super) async fn change(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let found = self.post_of(&of.remote_id);
        let (place, url) = found.ok_or_else(|| rejected(NOT_OURS.to_owned(), Retry::Never))?;
        let request = Request::patch(url.as_str()).header("user-agent", AGENT).json(&words(&job.rendition));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if is_no_more(&answer) {
            return match self.why_missing(place).await {
                Ok(why) => Err(rejected(why.to_owned(), Retry::Never)),
                Err(why) => Err(rejected(why, Retry::Backoff)),
            };
        }
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Revise));
        }
        let message: Message = answer.json().map_err(|reason| Failure::InDoubt { reason })?;
        if !of.remote_id.ends_with(&format!(":{}", message.id)) {
            return Err(Failure::InDoubt { reason: "the answer is not about the post".to_owned() });
        }
        let url = self.link(&message).await;
        Ok(Receipt { url, remote_id: of.remote_id.clone(), note: None })
    }

    pub(super) async fn seen_changed(&self, job: &Job, of: &Revised) -> Sighting {
        let Some((place, url)) = self.post_of(&of.remote_id) else {
            return Sighting::Unknown(NOT_OURS.to_owned());
        };
        let request = Request::get(url.as_str()).header("user-agent", AGENT);
        let answer = match self.http.call(request).await {
            Ok(answer) => answer,
            Err(trouble) => return Sighting::Unknown(trouble.to_string()),
        };
        if is_no_more(&answer) {
            return match self.why_missing(place).await {
                Ok(GONE) => Sighting::Gone(GONE.to_owned()),
                Ok(why) => Sighting::Unknown(why.to_owned()),
                Err(why) => Sighting::Unknown(why),
            };
        }
        if answer.status != 200 {
            return Sighting::Unknown(self.failure(&answer, Doing::Ask).to_string());
        }
        match answer.json::<Value>() {
            Ok(told) => sighting(&told, job, of),
            Err(why) => Sighting::Unknown(why),
        }
    }

    /// What it means that the webhook finds no post of that id in the place.
    async fn why_missing(&self, place: Place<'_>) -> Result<&'static str, String> {
        let Place::Channel(channel) = place else { return Ok(GONE) };
        let webhook = self.ask().await?;
        Ok(if webhook.channel_id.as_deref() == Some(channel) { GONE } else { MOVED })
    }
}
