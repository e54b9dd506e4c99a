//! A message as Slack takes it, and how it is posted.

use std::time::Duration;

use serde_json::{Value, json};

use super::{EVENT, Slack, pictures};
use crate::http::Answer;
use crate::{Failure, Job, Pass, slack_text};

/// When a message is posted: at once, and again where its pictures are not ready.
const WAITS: [u32; 5] = [0, 1, 2, 4, 8];
const SECOND: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 1_000 });

impl Slack {
    /// Posts a message. One whose pictures Slack still works on is refused, and posted after a while.
    pub(super) async fn say(&self, content: &Value, pass: &Pass) -> Result<Answer, Failure> {
        for wait in WAITS {
            tokio::time::sleep(SECOND * wait).await;
            let request = self.post("chat.postMessage", content);
            let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
            if !pictures::is_too_soon(&answer) {
                return Ok(answer);
            }
        }
        Err(pictures::unready(pictures::UNREADY.to_owned()))
    }
}

/// A part of the post as the API takes it, for the channel, or for the thread of that time in it.
pub(super) fn content(
    job: &Job,
    n: usize,
    (channel, thread): (&str, Option<&str>),
    files: &[String],
) -> Value {
    let part = job.rendition.part(n);
    let mut blocks = slack_text::blocks(&part.text);
    if let Some(blocks) = blocks.as_array_mut() {
        blocks.extend(pictures::blocks(files, &part.media));
    }
    let mut content = json!({
        "channel": channel,
        "text": slack_text::written(&part.text),
        "blocks": blocks,
        "mrkdwn": false,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "metadata": { "event_type": EVENT, "event_payload": { "delivery": job.delivery.to_string() } },
    });
    if let Some(thread) = thread {
        content["thread_ts"] = thread.into();
        content["metadata"]["event_payload"]["part"] = n.into();
    }
    content
}
