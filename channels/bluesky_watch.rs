//! What is on an account of Bluesky. Everybody may read it, so a look needs no log-in: it goes on when
//! somebody has changed the password.
//!
//! Sources: <https://docs.bsky.app/docs/api/com-atproto-repo-list-records>,
//! <https://docs.bsky.app/docs/api/com-atproto-identity-resolve-handle>.

use serde::Deserialize;

use super::answers::error_name;
use super::record::{self, is_of, seen};
use super::{Bluesky, POSTS, REPOSTS};
use crate::http::Request;
use crate::watch::{self, List, Told};

/// Most records of a list; fewer when one of them is too long for an answer of a hundred.
const MOST: [usize; 2] = [100, 20];

#[derive(Deserialize)]
struct Resolved {
    did: String,
}

impl Bluesky {
    pub(super) async fn newest(&self) -> Result<watch::Account, String> {
        let did = self.did().await?;
        let mut lists = Vec::new();
        for collection in [POSTS, REPOSTS] {
            let list = match self.list(&did, collection, MOST[0]).await {
                Ok(list) => list,
                Err(_) => self.list(&did, collection, MOST[1]).await?,
            };
            lists.push(list);
        }
        let shown = format!("@{}", crate::text::shown(&self.account));
        Ok(watch::Account { id: format!("bluesky {did}"), also: Vec::new(), shown, lists, more: false })
    }

    /// The account's own id. An e-mail address says it to nobody but the one who logs in.
    async fn did(&self) -> Result<String, String> {
        if let Some(session) = self.session.lock().await.as_ref() {
            return Ok(session.did.clone());
        }
        let name = self.account.trim_start_matches('@');
        if name.starts_with("did:") {
            return Ok(name.to_owned());
        }
        if name.contains('@') {
            return Ok(self.spare_session().await.map_err(|failure| failure.to_string())?.did);
        }
        let mut url = self.method("com.atproto.identity.resolveHandle");
        url.query_pairs_mut().append_pair("handle", name);
        let answer = self.http.call(Request::get(url.as_str())).await.map_err(|t| t.to_string())?;
        if answer.status != 200 {
            return Err(format!("the server does not know the account ({})", error_name(&answer)));
        }
        answer.json::<Resolved>().map(|resolved| resolved.did)
    }

    async fn list(&self, did: &str, collection: &str, most: usize) -> Result<List, String> {
        let mut url = self.method("com.atproto.repo.listRecords");
        let query = [("repo", did), ("collection", collection), ("limit", &most.to_string())];
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.http.call(Request::get(url.as_str())).await.map_err(|t| t.to_string())?;
        if answer.status != 200 {
            return Err(format!("the server does not list the posts ({})", error_name(&answer)));
        }
        let mut records = answer.json::<record::List>()?.records;
        records.truncate(most);
        if records.iter().any(|record| !is_of(&record.uri, did, collection)) {
            return Err("the server lists posts that are not the account's".to_owned());
        }
        let whole = most == MOST[0] && records.len() < most;
        Ok(List { posts: records.into_iter().map(seen).collect(), told: Told::ByOrder { whole } })
    }
}
