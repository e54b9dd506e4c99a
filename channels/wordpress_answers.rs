//! What a WordPress site answers, and what it means. Pure.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::http::{Answer, Trouble};
use crate::{Failure, Health, Retry};

/// What an error answer says.
#[derive(Default, Deserialize)]
struct Wrong {
    #[serde(default)]
    code: String,
}

/// Whether the site says that there is no such post, or that it lies in the trash already. Another
/// 404 says only that the API is not there.
pub(super) fn is_gone(answer: &Answer) -> bool {
    let code = answer.json::<Wrong>().unwrap_or_default().code;
    matches!((answer.status, code.as_str()), (404, "rest_post_invalid_id") | (410, "rest_already_trashed"))
}

/// Whether a site's words show the password, which it takes with or without its blanks, and could repeat.
pub(super) fn shows(words: &str, password: &SecretString) -> bool {
    let bare = |text: &str| text.replace(char::is_whitespace, "").to_lowercase();
    bare(words).contains(&bare(password.expose_secret()))
}

/// Whether the site's word can be shown: WordPress's own are small letters, digits and `_`.
pub(super) fn is_plain(word: &str, password: &SecretString) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    plain && (1..=60).contains(&word.len()) && !shows(word, password)
}

/// What an answer that does not accept means: the status, and the site's name for the error.
pub(super) fn failure(answer: &Answer, password: &SecretString) -> Failure {
    let code = answer.json::<Wrong>().unwrap_or_default().code;
    match answer.failure() {
        Failure::Rejected { reason, retry } if is_plain(&code, password) => {
            Failure::Rejected { reason: format!("{reason}: {code}"), retry }
        }
        other => other,
    }
}

pub(super) fn no_effect(trouble: Trouble) -> Failure {
    trouble.failure(false).without_effect()
}

/// An answer to a step before the public one that cannot be read.
pub(super) fn unread(reason: String) -> Failure {
    Failure::Rejected { reason, retry: Retry::Backoff }
}

/// A look-up that was refused. It says nothing about the content, so it is never refused for good.
pub(super) fn not_looked(failure: Failure) -> Failure {
    match failure.without_effect() {
        Failure::Rejected { reason, retry: Retry::Never } => unread(reason),
        other => other,
    }
}

/// Whether the user that the site shows may publish.
pub(super) fn publishes(user: &Value, account: &str) -> Health {
    if user["capabilities"]["publish_posts"] == true {
        return Health::ready(format!("logged in as {account}")).of(account).lacks(&[]);
    }
    let why = format!("{account} may not publish posts; make it an author");
    Health::unready(why).of(account).lacks(&["publish_posts"])
}
