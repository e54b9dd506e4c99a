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

/// The post as the API takes it.
pub(super) fn content(job: &Job, channel: &str, files: &[String]) -> Value {
    let mut blocks = slack_text::blocks(&job.rendition.text);
    if let Some(blocks) = blocks.as_array_mut() {
        blocks.extend(pictures::blocks(files, &job.rendition.media));
    }
    json!({
        "channel": channel,
        "text": slack_text::written(&job.rendition.text),
        "blocks": blocks,
        "mrkdwn": false,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "metadata": { "event_type": EVENT, "event_payload": { "delivery": job.delivery.to_string() } },
    })
}
