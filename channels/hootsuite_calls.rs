//! What is asked of Hootsuite.

use base64::Engine;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Hootsuite;
use super::lists::Seen;
use super::message::{Message, can_be};
use crate::http::{Answer, Request};
use crate::planner;
use crate::{Failure, Pass};

/// How far around its time a message is looked for first.
const DAY: TimeDelta = TimeDelta::days(1);
/// A token that ends within this is not used.
const ENDS: TimeDelta = TimeDelta::minutes(2);
const NO_TOKEN: &str =
    "Hootsuite gives no token for the app and the member; look at both in its developer portal";
#[derive(Deserialize)]
struct Token {
    access_token: SecretString,
    expires_in: i64,
}

/// An answer. What went wrong can stand beside what it holds.
#[derive(Deserialize)]
pub(super) struct Told<T> {
    pub data: Option<T>,
    pub errors: Option<Vec<Value>>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    cursor: Option<Cursor>,
}

#[derive(Deserialize)]
struct Cursor {
    next: Option<String>,
}

impl<T> Told<T> {
    /// Where the next page begins.
    pub(super) fn next(&self) -> Option<String> {
        self.metadata.as_ref()?.cursor.as_ref()?.next.clone().filter(|next| !next.is_empty())
    }
}

/// A time as Hootsuite takes it.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Hootsuite {
    pub(super) fn at(&self, path: &[&str]) -> Url {
        let mut url = self.server.clone();
        url.set_path(&format!("/{}", path.join("/")));
        url.set_query(None);
        url
    }

    /// A token that still holds, asked for when there is none.
    async fn token(&self) -> Result<SecretString, Failure> {
        let known = planner::lock(&self.token).clone();
        if let Some((token, _)) = known.filter(|(_, ends)| *ends > self.api.now() + ENDS) {
            return Ok(token);
        }
        let url = self.at(&["oauth2", "token"]);
        let form = [("grant_type", "member_app"), ("member_id", self.member.as_str()), ("scope", "offline")];
        let request = Request::post(url.as_str()).basic(&self.client, self.api.secret()).form(&form);
        let pair = format!("{}:{}", self.client, self.api.secret().expose_secret());
        let pair = base64::engine::general_purpose::STANDARD.encode(pair).into();
        // No post is touched by it.
        let answer = self.api.ask(request, None).await.and_then(|a| self.api.accepted(a, Some(&pair)));
        let told: Token =
            answer.map_err(Failure::without_effect)?.json().map_err(|_| planner::no_effect(NO_TOKEN))?;
        let ends = self.api.now() + TimeDelta::seconds(told.expires_in.clamp(0, 24 * 3_600));
        let token = told.access_token;
        *planner::lock(&self.token) = Some((token.clone(), ends));
        Ok(token)
    }

    /// Makes a request: the status of its answer, and what that means.
    ///
    /// # Errors
    /// When there is no answer.
    pub(super) async fn ask(
        &self,
        request: Request,
        pass: Option<&Pass>,
    ) -> Result<(u16, Result<Answer, Failure>), Failure> {
        let token = self.token().await?;
        let answer = self.api.ask(request.bearer(&token), pass).await?;
        let status = answer.status;
        if status == 401 {
            // It was revoked: the next request asks for another one.
            *planner::lock(&self.token) = None;
        }
        Ok((status, self.api.accepted(answer, Some(&token))))
    }

    /// Makes a request that must be accepted.
    ///
    /// # Errors
    /// When it is not, or there is no answer.
    pub(super) async fn call(&self, request: Request, pass: Option<&Pass>) -> Result<Answer, Failure> {
        self.ask(request, pass).await?.1
    }

    /// The message, or nothing when there is none of that id. A refusal to show it can mean that, and that it is just
    /// being published: so it is looked for by its time then, in whatever state, and `everywhere` too.
    pub(super) async fn message(
        &self,
        id: &str,
        due: DateTime<Utc>,
        everywhere: bool,
    ) -> Result<Option<Message>, String> {
        let url = self.at(&["v1", "messages", id]);
        let (status, told) =
            self.ask(Request::get(url.as_str()), None).await.map_err(|why| why.to_string())?;
        if !matches!(status, 400 | 404) {
            let told: Told<Value> = told.map_err(|why| why.to_string())?.json()?;
            // Some calls answer with a list of one.
            let data = told.data.map(|data| if data.is_array() { data[0].clone() } else { data });
            return Message::read(data.unwrap_or_default()).map(Some);
        }
        let mut seen = Seen::default();
        self.window(due - DAY, due + DAY, None, &mut seen).await?;
        if everywhere && !seen.all.iter().any(|message| message.is(id)) {
            self.all(None, &mut seen).await?;
        }
        match seen.all.iter().position(|message| message.is(id)) {
            Some(at) => Ok(Some(seen.all.swap_remove(at))),
            None => seen.lacks(|odd| can_be(odd, id)).map(|()| None),
        }
    }

    /// The messages around that time, in whatever state.
    pub(super) async fn around(&self, at: DateTime<Utc>) -> Result<Seen, String> {
        let mut seen = Seen::default();
        self.window(at - DAY, at + DAY, None, &mut seen).await?;
        Ok(seen)
    }
}
