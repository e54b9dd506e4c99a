//! A post that the site features; where it stands then is up to the theme.

use serde_json::{Value, json};

use super::{Ghost, post};
use crate::NOT_OURS;
use crate::http::Request;
use crate::message::Doing;

impl Ghost {
    pub(super) async fn keep_on_top(&self, id: &str, up: bool) -> Result<(), String> {
        if !post::is_id(id) {
            return Err(NOT_OURS.to_owned());
        }
        let post = self.one(id).await.map_err(|failure| failure.to_string())?.ok_or(NOT_OURS)?;
        let content = json!({ "featured": up, "updated_at": post.updated_at });
        let request = self.write(Request::put(self.api(&["posts", id]).as_str()), &content);
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Pin).to_string());
        }
        let told: Value = answer.json()?;
        match told["posts"][0]["id"] == id && told["posts"][0]["featured"] == up {
            true => Ok(()),
            false => Err("the site does not say that it did so".to_owned()),
        }
    }
}
