//! The calls of Meta's Graph APIs. The access token goes in a header, so that no address holds it; only the
//! question about the token itself names it in its address.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::http::{Answer, Http, Request, Trouble};
use crate::message::Doing;
use crate::quota::{Counted, Of, Quota};
use crate::scheduler::unanswered;
use crate::{Connection, Failure, Health, Pass, Retraction, Retry, graph};

#[path = "graph_watch.rs"]
mod watch;

pub(crate) use watch::Reach;

/// Items of one page, and most pages of one look.
const PAGE: usize = 100;
const MOST_PAGES: usize = 10;
/// How long an accepted post waits for its link.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 2 });

/// One account's way to its API.
pub(crate) struct Api {
    server: Url,
    version: String,
    token: SecretString,
    http: Arc<Http>,
}

impl Api {
    /// The API at the server and of the version that the settings name, or at these.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub(crate) fn new(connection: &Connection, server: &str, version: &str) -> Result<Self, String> {
        let version = connection.setting("version").unwrap_or_else(|_| version.to_owned());
        if !graph::is_version(&version) {
            return Err("the setting version: write it like v26.0".to_owned());
        }
        let server = match connection.setting("server") {
            Ok(_) => connection.url("server")?,
            Err(_) => connection.http.check(server)?,
        };
        let token = connection.secret()?.expose_secret().trim().to_owned();
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
            return Err("the access token holds a blank or another odd character; copy it again".to_owned());
        }
        Ok(Self { server, version, token: token.into(), http: Arc::clone(&connection.http) })
    }

    /// An address below the version.
    fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&self.version).extend(parts);
        }
        url.set_query(None);
        url
    }

    /// A request that sends a form.
    pub(crate) fn post(&self, parts: &[&str], form: &[(&str, &str)]) -> Request {
        Request::post(self.url(parts).as_str()).bearer(&self.token).form(form)
    }

    /// A request that sends a body of any type.
    pub(crate) fn upload(&self, parts: &[&str], mime: &str, body: Vec<u8>) -> Request {
        Request::post(self.url(parts).as_str()).bearer(&self.token).body(mime, body)
    }

    /// The words in a field of an answer, unless they hold the access token.
    pub(crate) fn words(&self, answer: &Answer, field: &str) -> Option<String> {
        answer.words(field, &[self.token.expose_secret()])
    }

    /// What a refusal means.
    pub(crate) fn failure(&self, answer: &Answer, doing: Doing) -> Failure {
        graph::failure(answer, self.token.expose_secret(), doing)
    }

    /// Sends content through the gate.
    ///
    /// # Errors
    /// [`Trouble`], which says what can have happened.
    pub(crate) async fn send(&self, request: Request, pass: &Pass) -> Result<Answer, Trouble> {
        self.http.send(request, pass).await
    }

    /// Sends content through the gate; what the API says of what it made.
    ///
    /// # Errors
    /// What became of it, and the answer if there is one.
    pub(crate) async fn make(
        &self,
        request: Request,
        pass: &Pass,
    ) -> Result<Value, (Failure, Option<Answer>)> {
        let answer = self.send(request, pass).await.map_err(|trouble| (trouble.failure(false), None))?;
        if answer.status != 200 {
            return Err((self.failure(&answer, Doing::Post), Some(answer)));
        }
        answer.json().map_err(|reason| (Failure::InDoubt { reason }, Some(answer)))
    }

    /// A request that deletes something.
    pub(crate) fn removal(&self, parts: &[&str]) -> Request {
        Request::delete(self.url(parts).as_str()).bearer(&self.token)
    }

    /// Changes something of a schedule; through the gate, when it puts a post back. The answer says that it is done.
    ///
    /// # Errors
    /// What became of it otherwise.
    pub(crate) async fn change(&self, request: Request, pass: Option<&Pass>) -> Result<Value, Failure> {
        let answer = match pass {
            Some(pass) => self.http.send(request, pass).await,
            None => self.http.call(request).await,
        };
        let answer = answer.map_err(unanswered)?;
        if answer.status != 200 {
            return Err(self.failure(&answer, Doing::Post));
        }
        answer.json().map_err(|reason| Failure::InDoubt { reason })
    }

    /// Makes a container, which nobody sees, and tells its number.
    ///
    /// # Errors
    /// A rejection without effect.
    pub(crate) async fn container(
        &self,
        parts: &[&str],
        form: &[(&str, &str)],
        pass: &Pass,
    ) -> Result<String, Failure> {
        let made = self.make(self.post(parts, form), pass).await;
        let made = made.map_err(|(failure, _)| failure.without_effect())?;
        let id = made["id"].as_str().filter(|id| graph::is_id(id));
        id.map(str::to_owned).ok_or_else(|| graph::not_told("the answer names no container".to_owned()))
    }

    /// How many posts a day's quota still takes; only who may publish is told it.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) async fn posts_left(&self, parts: &[&str]) -> Result<Option<Quota>, String> {
        let told = self.ask(parts, &[("fields", "quota_usage,config")]).await;
        let told: Value = told.map_err(|failure| failure.to_string())?.json()?;
        let (used, total) = (&told["data"][0]["quota_usage"], &told["data"][0]["config"]["quota_total"]);
        Ok(used.as_u64().zip(total.as_u64()).map(|(used, total)| Quota {
            of: Of::Account,
            limit: Some(total),
            left: total.saturating_sub(used),
            // Each post is free again a day after it went out.
            resets_at: None,
            heard_at: None,
            counted: Counted::Network,
        }))
    }

    /// Asks for something.
    ///
    /// # Errors
    /// A rejection without effect. That something could not be looked at says nothing about the post, so it
    /// is never refused for good.
    pub(crate) async fn ask(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Answer, Failure> {
        let answer = self.call(parts, query).await?;
        self.told(answer)
    }

    async fn call(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Answer, Failure> {
        let mut url = self.url(parts);
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.http.call(Request::get(url.as_str()).bearer(&self.token)).await;
        answer.map_err(|trouble| trouble.failure(false).without_effect())
    }

    /// An answer that says what was asked for.
    fn told(&self, answer: Answer) -> Result<Answer, Failure> {
        if answer.status == 200 {
            return Ok(answer);
        }
        match self.failure(&answer, Doing::Ask).without_effect() {
            Failure::Rejected { reason, retry: Retry::Never } => {
                Err(Failure::Rejected { reason, retry: Retry::Backoff })
            }
            other => Err(other),
        }
    }

    /// Asks for something that may not be there. Nothing: it is not, or not for this access token.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn ask_if_there(
        &self,
        parts: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<Answer>, Failure> {
        let answer = self.call(parts, query).await?;
        if graph::is_not_there(&answer) {
            return Ok(None);
        }
        self.told(answer).map(Some)
    }

    /// Whether the access token is that of the account, so that what it does not see of it is not there.
    ///
    /// # Errors
    /// A sentence, when it is another's, or nobody knows.
    pub(crate) async fn belongs_to(&self, account: &str) -> Result<(), String> {
        self.whose(account).await.map_err(|failure| failure.to_string())?
    }

    /// The same, with what Meta refuses to tell as it refuses it.
    ///
    /// # Errors
    /// Outside, when Meta does not tell; inside as above.
    pub(crate) async fn whose(&self, account: &str) -> Result<Result<(), String>, Failure> {
        let told = self.ask(&["me"], &[("fields", "id")]).await?;
        Ok(match told.json::<Value>().map(|told| told["id"].as_str() == Some(account)) {
            Ok(true) => Ok(()),
            Ok(false) => Err("the access token is that of another account".to_owned()),
            Err(why) => Err(why),
        })
    }

    /// Looks through a list from a time on, newest first, until `wanted` takes an item. Nothing: the list was
    /// read to its end.
    ///
    /// # Errors
    /// A sentence, when it could not be read to its end.
    pub(crate) async fn look<T: DeserializeOwned, R>(
        &self,
        parts: &[&str],
        fields: &str,
        since: DateTime<Utc>,
        wanted: impl FnMut(T) -> Option<R>,
    ) -> Result<Option<R>, String> {
        let (since, limit) = (since.timestamp().to_string(), PAGE.to_string());
        let query = [("fields", fields), ("since", since.as_str()), ("limit", limit.as_str())];
        let too_many = "the account has had too many posts since to look through";
        let found = self.find(parts, &query, (MOST_PAGES, too_many), wanted).await;
        found.map_err(|failure| failure.to_string())
    }

    /// The same for a list that has no times.
    ///
    /// # Errors
    /// A sentence, when it could not be read to its end.
    pub(crate) async fn look_through<T: DeserializeOwned, R>(
        &self,
        parts: &[&str],
        fields: &str,
        wanted: impl FnMut(T) -> Option<R>,
    ) -> Result<Option<R>, String> {
        let limit = PAGE.to_string();
        let query = [("fields", fields), ("limit", limit.as_str())];
        let too_many = "the post has too many answers to look through";
        let found = self.find(parts, &query, (MOST_PAGES, too_many), wanted).await;
        found.map_err(|failure| failure.to_string())
    }

    /// Turns the pages of a list, so many at most, until `wanted` takes an item. Nothing: the list was read to its
    /// end.
    ///
    /// # Errors
    /// As [`Api::ask`]; with these words when there are more pages.
    pub(crate) async fn find<T: DeserializeOwned, R>(
        &self,
        parts: &[&str],
        query: &[(&str, &str)],
        (most, too_many): (usize, &str),
        mut wanted: impl FnMut(T) -> Option<R>,
    ) -> Result<Option<R>, Failure> {
        let mut cursor = None::<String>;
        for _ in 0..most {
            let mut query = query.to_vec();
            query.extend(cursor.as_deref().map(|after| ("after", after)));
            let answer = self.ask(parts, &query).await?;
            let (items, next) = graph::page(&answer).map_err(graph::not_told)?;
            let found = items.into_iter().find_map(&mut wanted);
            cursor = next;
            if found.is_some() || cursor.is_none() {
                return Ok(found);
            }
        }
        Err(graph::not_told(too_many.to_owned()))
    }

    /// The address of a post, if it is told soon. The post is out already.
    pub(crate) async fn link(&self, post: &str, field: &str) -> Option<String> {
        let told =
            tokio::time::timeout(PATIENCE, self.ask(&[post], &[("fields", field)])).await.ok()?.ok()?;
        let told: Value = told.json().ok()?;
        told[field].as_str().and_then(web)
    }

    /// With the end of the token, and which of the needed permissions it lacks, where the API tells them
    /// (`graph-api/reference/debug_token`; 0 is no end). It takes a token in the address only, which no
    /// error and no log of ours holds. Not every app may ask: a refusal says nothing.
    pub(crate) async fn with_token(&self, health: Health, needed: &[&str]) -> Health {
        let query = [("input_token", self.token.expose_secret().trim())];
        let asked = tokio::time::timeout(PATIENCE, self.ask(&["debug_token"], &query)).await;
        let told = asked.ok().and_then(Result::ok).and_then(|answer| answer.json::<Value>().ok());
        let Some(told) = told.map(|told| told["data"].clone()).filter(Value::is_object) else {
            return health;
        };
        let ends = told["expires_at"].as_i64().filter(|at| *at > 0);
        let health = health.until(ends.and_then(|at| DateTime::from_timestamp(at, 0)));
        let Some(scopes) = told["scopes"].as_array() else { return health };
        let lacking: Vec<&str> =
            needed.iter().copied().filter(|scope| !scopes.iter().any(|told| told == *scope)).collect();
        health.lacks(&lacking)
    }

    /// Takes a post down. Nothing: the network does not know it, or not for this access token.
    pub(crate) async fn take_down(&self, post: &str) -> Option<Retraction> {
        let answer = match self.http.call(self.removal(&[post])).await {
            Ok(answer) => answer,
            Err(trouble) => return Some(Retraction::StillLive(trouble.to_string())),
        };
        let told: Value = answer.json().unwrap_or_default();
        if answer.status == 200 && told["success"] == true {
            return Some(Retraction::Gone);
        }
        if graph::is_not_there(&answer) {
            return None;
        }
        let why = match answer.status {
            200 => "the answer does not say that the post is gone".to_owned(),
            _ => self.failure(&answer, Doing::TakeDown).to_string(),
        };
        Some(Retraction::StillLive(why))
    }
}

/// The server's own words: nothing but an address of the web becomes a link.
pub(crate) fn web(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|url| url.scheme() == "https" && url.host_str().is_some())?;
    (address.len() <= 2_000).then(|| url.into())
}
