//! What is asked of Buffer, what it answers, and where its posts stand. Pure.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::Answer;
use crate::planner::{NO_POST, is_id};
use crate::scheduler::{Scheduled, Standing, excerpt, is_then, mark};
use crate::{Failure, Retry, text};

const OUT: &str = "Buffer has published it";
const SENDS: &str = "Buffer is publishing it";
const FAILED: &str = "Buffer tried to publish it, and says that it failed: look at the account";
const NO_STATE: &str = "Buffer does not say where the post stands";
const MISSING: &str = "Buffer has no such post";
const REFUSED: &str = "Buffer refuses the request";
const NO_KEY: &str = "the credential is refused; connect the channel again";
const UNCLEAR: &str = "Buffer does not say what it did";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Post {
    id: String,
    status: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    due_at: Option<DateTime<Utc>>,
    #[serde(default)]
    channel_id: String,
    #[serde(default)]
    updated_at: Option<String>,
}

impl Post {
    fn read(told: &Value) -> Option<Self> {
        serde_json::from_value::<Self>(told.clone()).ok().filter(|post| is_id(&post.id))
    }

    /// Another one with every edit.
    fn mark(&self) -> String {
        mark(&json!([self.status, self.text, self.channel_id, self.due_at, self.updated_at]))
    }
}

/// Where a post stands.
pub(super) fn standing(told: &Value) -> Standing {
    let Some(post) = Post::read(told) else { return Standing::Unknown(NO_POST.to_owned()) };
    match (post.status.as_str(), post.due_at) {
        ("scheduled", Some(due)) => {
            let field = |name: &str| told[name].clone();
            Standing::Scheduled(Box::new(Scheduled {
                due,
                words: excerpt(&post.text),
                snapshot: json!({
                    "post": { "text": post.text }, "dueAt": due, "channelId": post.channel_id,
                    "channelService": field("channelService"), "shareMode": field("shareMode"),
                    "schedulingType": field("schedulingType"), "assets": field("assets"),
                }),
                mark: post.mark(),
                remote_id: post.id,
            }))
        }
        // What waits for an approval is published by nobody but its approver.
        ("draft" | "needs_approval", _) => Standing::Held { mark: post.mark() },
        ("sent", _) => Standing::Out(OUT.to_owned()),
        ("sending", _) => Standing::Unknown(SENDS.to_owned()),
        ("error", _) => Standing::Gone(FAILED.to_owned()),
        _ => Standing::Unknown(NO_STATE.to_owned()),
    }
}

/// Whether somebody has to approve it there.
pub(super) fn waits(told: &Value) -> bool {
    told["status"] == "needs_approval"
}

/// The same, and it goes out at that time then.
pub(super) fn waits_for(told: &Value, at: DateTime<Utc>) -> bool {
    waits(told) && Post::read(told).and_then(|post| post.due_at).is_some_and(|due| is_then(due, at))
}

/// The data of an answer with a good status.
///
/// # Errors
/// What its errors mean. A code that is not known decides nothing.
pub(super) fn data(answer: &Answer, secret: &SecretString) -> Result<Value, Failure> {
    let told: Value = answer.json().map_err(|reason| Failure::InDoubt { reason })?;
    let Some(first) = told["errors"].as_array().and_then(|errors| errors.first()) else {
        return Ok(told["data"].clone());
    };
    let code = first["extensions"]["code"].as_str().unwrap_or_default();
    Err(match code {
        "UNAUTHENTICATED" | "UNAUTHORIZED" | "FORBIDDEN" => {
            Failure::Rejected { reason: NO_KEY.to_owned(), retry: Retry::Reconnect }
        }
        "NOT_FOUND" => Failure::never(MISSING),
        "BAD_USER_INPUT" | "GRAPHQL_VALIDATION_FAILED" | "GRAPHQL_PARSE_FAILED" => {
            Failure::never(refused(&first["message"], secret))
        }
        _ => Failure::InDoubt { reason: UNCLEAR.to_owned() },
    })
}

pub(super) fn is_not_found(failure: &Failure) -> bool {
    matches!(failure, Failure::Rejected { reason, .. } if reason == MISSING)
}

/// Whether an edit was accepted.
///
/// # Errors
/// The words of its refusal.
pub(super) fn edited(told: &Value, secret: &SecretString) -> Result<(), Failure> {
    match told["__typename"].as_str() {
        Some("PostActionSuccess") => Ok(()),
        Some("NotFoundError") => Err(Failure::never(MISSING)),
        // Whose fault it was, and whether something was done, nobody knows.
        Some("UnexpectedError" | "RestProxyError") | None => {
            Err(Failure::InDoubt { reason: UNCLEAR.to_owned() })
        }
        Some(_) => Err(Failure::never(refused(&told["message"], secret))),
    }
}

/// A refusal with Buffer's words, unless they could hold what must not be shown.
fn refused(words: &Value, secret: &SecretString) -> String {
    let words = words.as_str().unwrap_or_default().trim();
    let unsafe_words = words.contains(secret.expose_secret()) || text::hidden(words, false).is_some();
    if words.is_empty() || unsafe_words {
        return REFUSED.to_owned();
    }
    let words: String = words.chars().take(200).collect();
    format!("{REFUSED}: {words}")
}
