//! A post at the top of the profile.

use serde_json::{Value, json};

use super::Bluesky;
use super::answers::error_name;
use super::record::Record;
use crate::NOT_OURS;
use crate::http::Request;

const PROFILE: &str = "app.bsky.actor.profile";

impl Bluesky {
    /// The profile names the post. It is written back with all that is in it, and only as it was read: who
    /// changes it meanwhile is not undone.
    ///
    /// Source: the lexicon `app.bsky.actor.profile`, `pinnedPost`.
    pub(super) async fn keep_on_top(&self, uri: &str, up: bool) -> Result<(), String> {
        let session = self.session().await.map_err(|failure| failure.to_string())?;
        let path = uri.strip_prefix(&format!("at://{}/", session.did)).ok_or(NOT_OURS)?;
        let (collection, key) = path.split_once('/').ok_or(NOT_OURS)?;
        let profile = self.record(&session.did, PROFILE, "self").await?;
        let (cid, mut value) = match profile {
            Some(profile) => (Value::from(profile.cid), profile.value),
            None => (Value::Null, json!({ "$type": PROFILE })),
        };
        if (value["pinnedPost"]["uri"] == uri) == up {
            return Ok(());
        }
        if up {
            let post = self.record(&session.did, collection, key).await?.ok_or(NOT_OURS)?;
            value["pinnedPost"] = json!({ "uri": post.uri, "cid": post.cid });
        } else if let Some(value) = value.as_object_mut() {
            value.remove("pinnedPost");
        }
        let content = json!({ "repo": session.did, "collection": PROFILE, "rkey": "self",
            "swapRecord": cid, "record": value });
        let url = self.method("com.atproto.repo.putRecord");
        let request = Request::post(url.as_str()).bearer(&session.access_jwt).json(&content);
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        match error_name(&answer).as_str() {
            _ if answer.is_success() => Ok(()),
            "InvalidSwap" => Err("somebody changed the profile at the same time; try again".to_owned()),
            _ => Err(self.failure(&answer).await.to_string()),
        }
    }

    async fn record(&self, did: &str, collection: &str, key: &str) -> Result<Option<Record>, String> {
        let mut url = self.method("com.atproto.repo.getRecord");
        url.query_pairs_mut().extend_pairs([("repo", did), ("collection", collection), ("rkey", key)]);
        let answer = self.http.call(Request::get(url.as_str())).await.map_err(|t| t.to_string())?;
        match (answer.status, error_name(&answer).as_str()) {
            (200, _) => answer.json().map(Some),
            (400 | 404, "RecordNotFound") => Ok(None),
            (status, _) => Err(format!("the server answered {status}")),
        }
    }
}
