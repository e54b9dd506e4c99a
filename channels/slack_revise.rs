//! New words for a message that is out, in its place.

use serde_json::{Value, json};

use super::{EVENT, Message, Slack, is_ts, parts, pictures, word};
use crate::http::Request;
use crate::message::Doing;
use crate::revise::GONE;
use crate::{Failure, Job, Pass, Receipt, Rendition, Revised, Sighting, slack_text};

/// Said of a message that is there without its key.
const NO_KEY: &str = "Slack does not show the key of the post, so nobody can tell which words it has";

/// Said of a message that shows other pictures than it was given.
const PICTURES: &str = "the message shows other pictures than it was given; change it by hand";

/// The message as the API takes it: its blocks take the place of all that were there, so those of its pictures are among
/// them. Its metadata names the delivery that made it, and the one that changed it.
fn content(job: &Job, of: &Revised, files: &[String], (channel, ts): (&str, &str)) -> Value {
    let mut blocks = slack_text::blocks(&job.rendition.text);
    if let Some(blocks) = blocks.as_array_mut() {
        blocks.extend(pictures::blocks(files, &job.rendition.media));
    }
    json!({
        "channel": channel,
        "ts": ts,
        "text": slack_text::short(&job.rendition.text),
        "blocks": blocks,
        "parse": "none",
        "link_names": false,
        "metadata": { "event_type": EVENT, "event_payload": {
            "delivery": of.delivery.to_string(), "revision": job.delivery.to_string(),
        } },
    })
}

impl Message {
    /// Whether it has the words of that delivery.
    fn is_changed_by(&self, job: &Job) -> bool {
        let revision = |m: &Value| m["event_payload"]["revision"] == job.delivery.to_string();
        self.metadata.as_ref().is_some_and(|m| m["event_type"] == EVENT && revision(m))
    }

    /// Whether it says which delivery it has the words of. Without the permission for that, nothing does.
    fn is_ours(&self) -> bool {
        self.metadata.as_ref().is_some_and(|m| m["event_type"] == EVENT)
    }
}

impl Slack {
    /// Source: <https://docs.slack.dev/reference/methods/chat.update>. Only the app itself changes its messages.
    pub(super) async fn change(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let gone = || Failure::never(GONE);
        let (channel, ts) = parts(&of.remote_id).ok_or_else(gone)?;
        let files = match job.rendition.media.is_empty() {
            true => Vec::new(),
            false => self.shown_files(channel, ts, &of.before).await?,
        };
        let request = self.post("chat.update", &content(job, of, &files, (channel, ts)));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        let told = match self.accepted(&answer, Doing::Revise) {
            Err(_) if answer.status == 200 && word(&answer) == "message_not_found" => return Err(gone()),
            told => told?,
        };
        if told["ts"] != ts {
            return Err(Failure::InDoubt { reason: "the answer is not about the post".to_owned() });
        }
        let who = self.known.learn(async { self.ask().await.ok().map(|(who, _)| who) }).await;
        Ok(self.receipt(Some(channel), ts, who.as_ref()))
    }

    /// The pictures of a message, which only the message names.
    async fn shown_files(&self, channel: &str, ts: &str, before: &Rendition) -> Result<Vec<String>, Failure> {
        let there = self.one(channel, ts).await.map_err(pictures::unready)?;
        let files = pictures::files(&there.ok_or_else(|| Failure::never(GONE))?.blocks);
        if files.len() == before.media.len() { Ok(files) } else { Err(Failure::never(PICTURES)) }
    }

    pub(super) async fn seen_changed(&self, job: &Job, of: &Revised) -> Sighting {
        let Some((channel, ts)) = parts(&of.remote_id) else { return Sighting::Gone(GONE.to_owned()) };
        match self.one(channel, ts).await {
            Ok(Some(message)) if message.is_changed_by(job) => {
                Sighting::Found(self.receipt(Some(channel), ts, self.known.get().as_ref()))
            }
            Ok(Some(message)) if message.is_ours() => Sighting::Absent,
            Ok(Some(_)) => Sighting::Unknown(NO_KEY.to_owned()),
            Ok(None) => Sighting::Gone(GONE.to_owned()),
            Err(why) => Sighting::Unknown(why),
        }
    }

    /// The message of that time, if it is there.
    pub(super) async fn one(&self, channel: &str, ts: &str) -> Result<Option<Message>, String> {
        let mut url = self.method("conversations.history");
        url.query_pairs_mut()
            .append_pair("channel", channel)
            .append_pair("oldest", ts)
            .append_pair("latest", ts)
            .append_pair("inclusive", "true")
            .append_pair("include_all_metadata", "true")
            .append_pair("limit", "1");
        let (told, _) = self.call(Request::get(url.as_str()).bearer(&self.token)).await?;
        let messages: Vec<Message> = serde_json::from_value(told["messages"].clone())
            .map_err(|_| "the answer holds no messages".to_owned())?;
        Ok(messages.into_iter().find(|m| is_ts(&m.ts) && m.ts == ts))
    }
}
