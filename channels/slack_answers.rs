//! What Slack answers, and what it means. Pure.

use serde_json::Value;
use url::Url;

use crate::http::Answer;
use crate::message::Doing;
use crate::{Failure, Retry, text};

/// Whether it has the form of a channel's id.
pub(super) fn is_id(text: &str) -> bool {
    (2..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// Whether it has the form of a message's time, which is its id.
pub(super) fn is_ts(text: &str) -> bool {
    let digits = |t: &str| (1..=20).contains(&t.len()) && t.chars().all(|c| c.is_ascii_digit());
    text.split_once('.').is_some_and(|(seconds, rest)| digits(seconds) && digits(rest))
}

/// The message's address.
pub(super) fn link(workspace: &str, channel: &str, ts: &str) -> Option<String> {
    let url = Url::parse(workspace).ok().filter(|u| u.scheme() == "https" && u.host_str().is_some())?;
    Some(url.join(&format!("/archives/{channel}/p{}", ts.replace('.', ""))).ok()?.into())
}

/// Permissions without which no post can be made, or known by its key.
pub(crate) const NEEDED: &[&str] = &["chat:write", "metadata.message:read"];
/// Those to read in a public channel or in a private one, to pin, and to send pictures.
pub(crate) const BESIDES: &[&str] = &["channels:history", "groups:history", "pins:write", FILES];
/// The one to send pictures.
pub(super) const FILES: &str = "files:write";

pub(super) fn has(scopes: &str, needed: &str) -> bool {
    scopes.split(',').any(|s| s.trim() == needed)
}

/// A permission that is missing, by the list of those that are there.
pub(super) fn lacks(scopes: &str) -> Option<&'static str> {
    NEEDED.iter().copied().find(|needed| !has(scopes, needed))
}

pub(super) fn without(scope: &str) -> String {
    format!("the app lacks the permission {scope}; make a token with it")
}

/// The error word of an answer.
pub(super) fn word(answer: &Answer) -> String {
    let told: Value = answer.json().unwrap_or_default();
    told["error"].as_str().unwrap_or_default().to_owned()
}

const CONNECT_AGAIN: &[&str] = &[
    "invalid_auth",
    "not_authed",
    "token_revoked",
    "token_expired",
    "account_inactive",
    "access_denied",
    "no_permission",
    "not_allowed_token_type",
    "org_login_required",
    "ekm_access_denied",
    "team_access_not_granted",
];
const NO_PLACE: &[&str] = &["channel_not_found", "not_in_channel"];
const LATER: &[&str] =
    &["ratelimited", "rate_limited", "message_limit_exceeded", "team_added_to_org", "request_timeout"];
const NEVER: &[&str] = &[
    "no_text",
    "msg_too_long",
    "msg_blocks_too_long",
    "invalid_blocks",
    "invalid_blocks_format",
    "markdown_text_conflict",
    "invalid_arguments",
    "invalid_metadata_format",
    "invalid_metadata_schema",
    "metadata_must_be_sent_from_app",
    "metadata_too_large",
    "too_many_attachments",
    "as_user_not_supported",
    "messages_tab_disabled",
    "cant_delete_message",
    "cant_update_message",
    "edit_window_closed",
    "compliance_exports_prevent_deletion",
];

/// What an answer that does not accept means. A word that is not known decides nothing.
pub(super) fn failure(answer: &Answer, error: &str, token: &str, doing: Doing) -> Failure {
    let plain = error.len() <= 60 && error.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let words = Some(error).filter(|e| plain && !e.is_empty() && !token.contains(e));
    let rejected = |what: &str, retry| answer.rejected(what, words, retry);
    let wait = answer.retry_after().map_or(Retry::Backoff, Retry::After);
    let is_in = |list: &[&str]| list.contains(&error);
    match answer.status {
        200 if error == "missing_scope" => {
            let told: Value = answer.json().unwrap_or_default();
            let needed = told["needed"].as_str().unwrap_or("chat:write");
            rejected(&without(&text::shown(needed)), Retry::Reconnect)
        }
        200 if is_in(CONNECT_AGAIN) => rejected("the token is refused", Retry::Reconnect),
        200 if is_in(NO_PLACE) => rejected("the app is not in the channel; add it", Retry::Reconnect),
        200 if error == "is_archived" => {
            rejected("the channel is archived; restore it, or connect another one", Retry::Reconnect)
        }
        200 if error.starts_with("restricted_action") => rejected(
            "the workspace does not let the app post there; ask its administrators",
            Retry::Reconnect,
        ),
        200 if is_in(LATER) => rejected("Slack asks us to wait", wait),
        200 if is_in(NEVER) => rejected(&doing.refusal("Slack"), Retry::Never),
        200 => Failure::InDoubt { reason: answer.refused("Slack does not say what it did", words) },
        _ => answer.failure(),
    }
}
