//! A post at the top of the site.

use serde_json::{Value, json};

use super::WordPress;
use crate::NOT_OURS;
use crate::http::Request;

impl WordPress {
    /// A sticky post; the user needs the right to edit the posts of others.
    ///
    /// Source: <https://developer.wordpress.org/rest-api/reference/posts/#update-a-post>.
    pub(super) async fn keep_on_top(&self, remote_id: &str, up: bool) -> Result<(), String> {
        let id: u64 = remote_id.parse().map_err(|_| NOT_OURS)?;
        let mut url = self.api(&["posts", &id.to_string()]);
        url.set_query(Some("_fields=id,sticky"));
        let request = self.authorised(Request::post(url.as_str())).json(&json!({ "sticky": up }));
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        if !answer.is_success() {
            return Err(self.failure(&answer).to_string());
        }
        let told: Value = answer.json()?;
        match told["id"] == id && told["sticky"] == up {
            true => Ok(()),
            false => Err("the site does not say that it did so".to_owned()),
        }
    }
}
