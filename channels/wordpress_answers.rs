//! What a WordPress site answers, and what it means. Pure.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::http::Answer;
use crate::{Failure, Health};

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

/// Whether the site's word can be shown: WordPress's own are small letters, digits and `_`. The site takes
/// a password with or without its blanks, and could repeat it.
pub(super) fn is_plain(word: &str, password: &SecretString) -> bool {
    let bare = |text: &str| text.replace(char::is_whitespace, "").to_lowercase();
    let plain = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    plain && (1..=60).contains(&word.len()) && !bare(word).contains(&bare(password.expose_secret()))
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

/// Whether the user that the site shows may publish.
pub(super) fn publishes(user: &Value, account: &str) -> Health {
    if user["capabilities"]["publish_posts"] == true {
        return Health::ready(format!("logged in as {account}")).of(account).lacks(&[]);
    }
    let why = format!("{account} may not publish posts; make it an author");
    Health::unready(why).of(account).lacks(&["publish_posts"])
}
