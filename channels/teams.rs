//! Adapter `teams`: posts in a channel of Microsoft Teams, through a workflow that waits for a call.
//!
//! Facts: <https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams>
//! and <https://learn.microsoft.com/connectors/teams/> (a message has about 28 KB at most), and the
//! schema of Adaptive Cards, <https://adaptivecards.io/explorer/>. The address is the secret, so no error
//! shows a path. The classic connectors of Office 365 are retired; they said in the body of a good answer
//! that the call had failed, so such a body is a doubt here too.
//!
//! An acceptance (202) says that the flow has started, and no more: there is no id, nothing can be read
//! back or taken down, and nothing says whether the flow reached the channel. So this channel is best
//! effort, and each receipt says so. A doubt is for people.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Answer, Http, Request};
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, Pass, ReadBack, Receipt,
    Rendition, Replay, Retraction, Retry, Setting, Sighting, text,
};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "teams",
    title: "Microsoft Teams",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::None,
        retract: false,
        media: false,
        // About four calls a second.
        concurrency: 1,
    },
    // The card has the text twice, and marks are written out in it: this much always fits.
    limits: Limits {
        text: None,
        unit: Unit::Characters,
        text_bytes: Some(5_000),
        title: Some(200),
        title_needed: false,
        media: 0,
        media_bytes: 0,
        alt: None,
    },
    settings: &[Setting {
        name: "url",
        help: "The whole address of the flow that waits for a Teams webhook request, with sig= at its end",
        required: true,
        private: true,
    }],
    connect,
};

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let url = connection.url("url")?;
    let signed = url.query_pairs().any(|(name, value)| name == "sig" && !value.is_empty());
    if !signed || !url.path().contains("/workflows/") {
        return Err("the setting url: copy the flow's whole address, with sig= at its end".to_owned());
    }
    Ok(Box::new(Teams { url, http: Arc::clone(&connection.http) }))
}

struct Teams {
    url: Url,
    http: Arc<Http>,
}

/// The call's content: one card.
fn content(post: &Rendition) -> Value {
    let mut body = Vec::new();
    if let Some(title) = &post.title {
        body.push(
            json!({ "type": "TextBlock", "text": title, "wrap": true, "weight": "Bolder", "size": "Medium" }),
        );
    }
    body.push(json!({ "type": "TextBlock", "text": written(&post.text), "wrap": true }));
    let fallback = match &post.title {
        Some(title) => format!("{title}\n{}", post.text),
        None => post.text.clone(),
    };
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "lang": post.language,
        // What a program shows, or reads out, that knows no such cards.
        "fallbackText": fallback,
        "body": body,
    });
    let contents = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": card });
    json!({ "type": "message", "attachments": [contents] })
}

/// The text as a card takes it: each line is a paragraph, because a single break is not shown everywhere,
/// and a web address is a link that shows itself.
fn written(text: &str) -> String {
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.map(linked).collect::<Vec<_>>().join("\n\n")
}

fn linked(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut at = 0;
    for link in text::links(line).iter().filter(|l| is_plain(&l.url)) {
        out.push_str(&line[at..link.start]);
        out.push_str(&format!("[{0}]({0})", link.url));
        at = link.end;
    }
    out.push_str(&line[at..]);
    out
}

/// Whether nothing in an address ends it where it stands in brackets.
fn is_plain(url: &str) -> bool {
    !url.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '<' | '>' | '\\' | '"'))
}

/// What an answer that does not accept means.
fn failure(answer: &Answer) -> Failure {
    let rejected = |what: &str, retry| Failure::Rejected { reason: answer.refused(what, None), retry };
    match answer.status {
        401 | 403 | 404 | 410 => rejected(
            "the flow is gone, switched off or refuses the address; make a new one",
            Retry::Reconnect,
        ),
        400 | 402 | 405..=407 | 409 | 411..=428 => rejected("Teams refuses the post", Retry::Never),
        _ => answer.failure(),
    }
}

/// Whether the body of a good answer says that the call failed.
fn says_otherwise(answer: &Answer) -> bool {
    String::from_utf8_lossy(&answer.body).to_ascii_lowercase().contains("http error")
}

#[async_trait]
impl Channel for Teams {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let request = Request::post(self.url.as_str()).json(&content(&job.rendition));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(failure(&answer));
        }
        if says_otherwise(&answer) {
            return Err(Failure::InDoubt {
                reason: "Teams took the call and says that it failed".to_owned(),
            });
        }
        let note = "the flow has started; Teams does not say whether the post is there".to_owned();
        Ok(Receipt { remote_id: job.idempotency_key.clone(), url: None, note: Some(note) })
    }

    async fn read_back(&self, _: &Job) -> Sighting {
        Sighting::Unknown("a workflow of Teams cannot be read back".to_owned())
    }

    async fn retract(&self, _: &Job, _: Option<&str>) -> Retraction {
        Retraction::StillLive("a workflow of Teams takes nothing down; take it down by hand".to_owned())
    }

    async fn check(&self) -> Health {
        match self.http.reach(self.url.as_str()).await {
            Ok(()) => {
                let detail = "The flow's host answers. The flow itself will be tried with the first post.";
                Health { ready: true, detail: detail.to_owned() }
            }
            Err(trouble) => Health { ready: false, detail: trouble.to_string() },
        }
    }
}

#[cfg(test)]
#[path = "teams_tests.rs"]
mod tests;
