//! What is looked up on a Mastodon server: the account, its posts, and what may be deleted.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::Mastodon;
use super::answers::{self, Software, Source, Status};
use crate::http::{Answer, Request};
use crate::{Health, Job, NOT_OURS, Retraction, Sighting, watch};

/// Most pages of the account's posts that one look reads.
const PAGES: usize = 5;

/// Most posts whose source one look reads.
const SOURCES: usize = 20;

/// Most sources that are kept.
const KEPT: usize = 200;

/// A post as it was at a time: an edit makes another one of it.
pub(super) type Version = (String, Option<DateTime<Utc>>);

#[derive(Deserialize)]
pub(super) struct Account {
    pub id: String,
    acct: String,
    #[serde(default)]
    suspended: bool,
    moved: Option<Value>,
}

impl Mastodon {
    /// Reads, unless the server takes little more of this account: that is kept for posts.
    async fn spare<T: DeserializeOwned>(&self, url: &Url) -> Result<(T, Answer), String> {
        self.may_ask()?;
        let answer = self.get(url).await.map_err(|trouble| trouble.to_string())?;
        self.note(&answer);
        self.read(answer)
    }

    /// An error while what the server still takes is kept for posts.
    pub(super) fn may_ask(&self) -> Result<(), String> {
        let rests = self.known().rest_until.is_some_and(|until| until > (self.clock)());
        let why = "what the server still takes of this account is kept for posts";
        if rests { Err(why.to_owned()) } else { Ok(()) }
    }

    /// Notes how much the server still takes.
    pub(super) fn note(&self, answer: &Answer) {
        let now = (self.clock)();
        if let Some(rest) = answers::rest(answer, now) {
            self.known().rest_until = Some(now + rest);
        }
    }

    /// The account's posts of that time or later, without what it repeated of others.
    async fn posts_since(&self, job: &Job) -> Result<Vec<Status>, String> {
        let account = self.account().await?;
        let mut url = self.api(&["v1", "accounts", &account, "statuses"]);
        let mut since: Option<DateTime<Utc>> = None;
        let (mut out, mut before) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            url.query_pairs_mut().clear().extend_pairs([("limit", "40"), ("exclude_reblogs", "true")]);
            if let Some(id) = &before {
                url.query_pairs_mut().append_pair("max_id", id);
            }
            let (page, answer): (Vec<Status>, _) = self.spare(&url).await?;
            let now = (self.clock)();
            let from =
                *since.get_or_insert_with(|| answers::since(job.permitted_at, answers::date(&answer), now));
            let Some(last) = page.last() else { return Ok(out) };
            if before.as_ref() == Some(&last.id) {
                // A server that turns no pages.
                return Ok(out);
            }
            before = Some(last.id.clone());
            let (new, old): (Vec<_>, Vec<_>) =
                page.into_iter().partition(|s| s.created_at.is_none_or(|at| at >= from));
            out.extend(new);
            if !old.is_empty() {
                return Ok(out);
            }
        }
        Err("the account has posted too much since to look through".to_owned())
    }

    /// The account and its newest posts, with what it shows again of others, as far as five pages reach.
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<watch::Account, String> {
        let (account, _) = self.look::<Account>(&self.api(&["v1", "accounts", "verify_credentials"])).await?;
        if !answers::is_id(&account.id) {
            return Err("the server does not name the account".to_owned());
        }
        let mut url = self.api(&["v1", "accounts", &account.id, "statuses"]);
        let (mut posts, mut before, mut more) = (Vec::new(), None::<String>, true);
        for _ in 0..PAGES {
            url.query_pairs_mut().clear().append_pair("limit", "40");
            if let Some(id) = &before {
                url.query_pairs_mut().append_pair("max_id", id);
            }
            let (page, _): (Vec<Status>, _) = self.spare(&url).await?;
            let last = page.last().map(|last| (last.id.clone(), last.created_at));
            let named = page.into_iter().filter(|post| answers::is_id(&post.id));
            posts.extend(named.filter_map(|post| answers::seen(post, &self.visibility)));
            match last {
                Some((id, at)) if before.as_ref() != Some(&id) && at.is_none_or(|at| at >= since) => {
                    before = Some(id);
                }
                _ => {
                    more = false;
                    break;
                }
            }
        }
        let id = format!("mastodon {} {}", self.server.origin().ascii_serialization(), account.id);
        let shown = format!("@{}", crate::text::shown(&account.acct));
        let lists = vec![watch::List { posts, told: watch::Told::ByTime }];
        Ok(watch::Account { id, also: Vec::new(), shown, lists, more })
    }

    /// Looks for a post, or for the first part of one, by its words.
    pub(super) async fn search(&self, job: &Job) -> Result<Sighting, String> {
        let wanted = job.rendition.part(0);
        let mut posts = self.posts_since(job).await?;
        posts.retain(|p| p.can_be(&wanted, &self.visibility));
        if posts.len() > SOURCES {
            return Err("the account has posted too much since to look through".to_owned());
        }
        let mut found = Vec::new();
        for post in posts {
            if self.source(&post).await?.says(&wanted) {
                found.push(post);
            }
        }
        match (found.pop(), found.is_empty()) {
            (None, _) => Ok(Sighting::Absent),
            (Some(post), true) => answers::receipt(post, &self.visibility).map(Sighting::Found),
            (Some(_), false) => Err("the account has several posts with these words".to_owned()),
        }
    }

    /// The source of a post. What was read once is not asked for again.
    pub(super) async fn source(&self, post: &Status) -> Result<Source, String> {
        let version = (post.id.clone(), post.edited_at);
        if let Some(source) = self.known().sources.get(&version) {
            return Ok(source.clone());
        }
        let (source, _) = self.spare::<Source>(&self.api(&["v1", "statuses", &post.id, "source"])).await?;
        let mut known = self.known();
        if known.sources.len() >= KEPT {
            known.sources.clear();
        }
        known.sources.insert(version, source.clone());
        Ok(source)
    }

    /// Deletes a post. That it is not there is believed when the server does not show it either: it
    /// answers the same for a post of another account.
    pub(super) async fn delete(&self, id: &str) -> Result<Retraction, String> {
        if !answers::is_id(id) {
            return Err(NOT_OURS.to_owned());
        }
        let url = self.api(&["v1", "statuses", id]);
        let answer = self.http.call(Request::delete(url.as_str()).bearer(&self.token)).await;
        let answer = answer.map_err(|trouble| trouble.to_string())?;
        // The answer is the post that was deleted. Another one is that of something in between.
        if answer.is_success() && answer.json::<Value>().is_ok_and(|told| told["id"] == id) {
            return Ok(Retraction::Gone);
        }
        if !answer.is_success() && !says_not_found(&answer) {
            return Err(self.failure(&answer).to_string());
        }
        let seen = self.get(&url).await.map_err(|trouble| trouble.to_string())?;
        match seen.status {
            200 if answer.is_success() => Err("the server still shows the post".to_owned()),
            200 => Err("another account posted it; connect that one".to_owned()),
            _ if says_not_found(&seen) && self.visibility != "private" => Ok(Retraction::Gone),
            _ => Err(self.failure(&seen).to_string()),
        }
    }

    /// What is connected, or what is wrong.
    pub(super) async fn inspect(&self) -> Result<Health, String> {
        let url = self.api(&["v1", "accounts", "verify_credentials"]);
        let (account, answer) = self.look::<Account>(&url).await?;
        let name = crate::text::shown(&account.acct);
        let whole = format!("@{name}@{}", self.server.host_str().unwrap_or_default());
        self.known().account = Some(account.id.clone());
        Ok(Health::seen_on(&whole, None, self.inspect_server(account, &name, answer)).await)
    }

    /// What the account may do on its server.
    async fn inspect_server(&self, account: Account, name: &str, answer: Answer) -> Result<Health, String> {
        #[derive(Deserialize)]
        struct App {
            scopes: Option<Vec<String>>,
        }
        if account.suspended {
            return Err(format!("the account @{name} is suspended"));
        }
        if account.moved.is_some_and(|m| !m.is_null()) {
            return Err(format!("the account @{name} has moved; connect the new one"));
        }
        // Posts are requests, too.
        if answer.header("x-ratelimit-remaining") == Some("0") {
            return Err("the server takes no more requests of this account for now".to_owned());
        }
        // Older servers, and others than Mastodon, do not tell the permissions.
        let app = self.look::<App>(&self.api(&["v1", "apps", "verify_credentials"])).await.ok();
        let scopes = app.and_then(|(app, _)| app.scopes);
        let told = scopes.is_some();
        if let Some(scope) = scopes.and_then(|all| answers::lacks(&all)) {
            let detail = format!("the app lacks the permission {scope}; make a token with it");
            return Ok(Health::unready(detail).lacks(&[scope]));
        }
        let server = self.ask().await?;
        let (software, most) = (&server.name, server.characters);
        let detail = if server.software == Software::Mastodon {
            format!("logged in as @{name}; {software}, {most} characters")
        } else {
            format!("logged in as @{name}; {software}, {most} characters; a repeated post may appear twice")
        };
        let health = Health::ready(detail);
        Ok(if told { health.lacks(&[]) } else { health })
    }
}

/// A 404 of the API itself, which comes with words; another one says only that no API is there.
pub(super) fn says_not_found(answer: &Answer) -> bool {
    matches!(answer.status, 404 | 410) && answer.json::<Value>().is_ok_and(|told| told["error"].is_string())
}
