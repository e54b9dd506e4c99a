//! A post at the top of the profile.

use serde::Deserialize;

use super::{Mastodon, answers};
use crate::NOT_OURS;
use crate::http::Request;

#[derive(Deserialize)]
struct Seen {
    id: String,
    /// Told to the account that made the post, and to nobody else.
    pinned: Option<bool>,
}

impl Seen {
    fn is(&self, id: &str, up: bool) -> bool {
        self.id == id && self.pinned == Some(up)
    }
}

impl Mastodon {
    /// A server refuses to pin what is pinned already (422), so the post itself has the last word.
    ///
    /// Source: <https://docs.joinmastodon.org/methods/statuses/#pin>; permission `write:accounts`.
    pub(super) async fn keep_on_top(&self, id: &str, up: bool) -> Result<(), String> {
        if !answers::is_id(id) {
            return Err(NOT_OURS.to_owned());
        }
        let url = self.api(&["v1", "statuses", id, if up { "pin" } else { "unpin" }]);
        let answer = self.http.call(Request::post(url.as_str()).bearer(&self.token)).await;
        let answer = answer.map_err(|trouble| trouble.to_string())?;
        if answer.is_success() && answer.json::<Seen>().is_ok_and(|seen| seen.is(id, up)) {
            return Ok(());
        }
        let seen =
            self.get(&self.api(&["v1", "statuses", id])).await.map_err(|trouble| trouble.to_string())?;
        match seen.is_success() && seen.json::<Seen>().is_ok_and(|seen| seen.is(id, up)) {
            true => Ok(()),
            false => Err(self.failure(&answer).to_string()),
        }
    }
}
