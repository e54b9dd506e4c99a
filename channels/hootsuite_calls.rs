//! What is asked of Hootsuite, and how its lists are read.

use base64::Engine;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Hootsuite;
use super::message::{Message, standing};
use crate::http::{Answer, Request};
use crate::planner::{self, NO_POST, ODD, Seen};
use crate::scheduler::{Scheduled, TOO_MUCH};
use crate::{Failure, Pass};

/// The longest window of a list, and how many a look reads: about a year. What is later is looked at when it is
/// nearer.
const WINDOW: TimeDelta = TimeDelta::days(28);
const WINDOWS: i32 = 13;
/// What is overdue by this is not published any more.
const OVERDUE: TimeDelta = TimeDelta::days(1);
/// How far around its time a message is looked for first.
const DAY: TimeDelta = TimeDelta::days(1);
/// Messages of one page, and most pages of a window.
const EACH: usize = 100;
const PAGES: usize = 50;
/// A token that ends within this is not used.
const ENDS: TimeDelta = TimeDelta::minutes(2);
/// The state of what is on the schedule.
const SCHEDULED: Option<&str> = Some("SCHEDULED");

const NO_TOKEN: &str =
    "Hootsuite gives no token for the app and the member; look at both in its developer portal";
const IN_PART: &str = "Hootsuite shows a part of the schedule only, and says that something went wrong";
const NO_NEXT: &str = "Hootsuite shows a full page and names no next one, so there can be more";

#[derive(Deserialize)]
struct Token {
    access_token: SecretString,
    expires_in: i64,
}

/// An answer. What went wrong can stand beside what it holds.
#[derive(Deserialize)]
pub(super) struct Told<T> {
    pub data: Option<T>,
    errors: Option<Vec<Value>>,
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
    fn next(&self) -> Option<String> {
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
        if everywhere && !seen.all.iter().any(|message: &Message| message.is(id)) {
            self.all(None, &mut seen).await?;
        }
        match seen.all.iter().position(|message| message.is(id)) {
            Some(at) => Ok(Some(seen.all.swap_remove(at))),
            None => seen.is_whole().map(|()| None),
        }
    }

    /// Reads the messages of one window, in whatever state when none is named.
    pub(super) async fn window(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        state: Option<&str>,
        seen: &mut Seen<Vec<Message>>,
    ) -> Result<(), String> {
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES {
            let mut url = self.at(&["v1", "messages"]);
            let times = [("startTime", instant(from)), ("endTime", instant(to)), ("limit", EACH.to_string())];
            url.query_pairs_mut().extend_pairs(times).extend_pairs(state.map(|state| ("state", state)));
            if let Some(cursor) = &cursor {
                url.query_pairs_mut().append_pair("cursor", cursor);
            }
            let answer = self.call(Request::get(url.as_str()), None).await.map_err(|why| why.to_string())?;
            let told: Told<Vec<Value>> = answer.json()?;
            let next = told.next();
            if told.errors.is_some_and(|errors| !errors.is_empty()) {
                seen.unseen = Some(IN_PART);
            }
            let page = told.data.ok_or(NO_POST)?;
            let is_full = page.len() >= EACH;
            for data in page {
                match Message::read(data) {
                    Ok(message) => seen.all.push(message),
                    Err(_) => seen.unseen = seen.unseen.or(Some(ODD)),
                }
            }
            if next.is_none() && is_full {
                seen.unseen = Some(NO_NEXT);
            }
            match next {
                None => return Ok(()),
                next if next == cursor => break,
                next => cursor = next,
            }
        }
        Err(TOO_MUCH.to_owned())
    }

    /// Reads the messages of all windows.
    pub(super) async fn all(&self, state: Option<&str>, seen: &mut Seen<Vec<Message>>) -> Result<(), String> {
        let begin = self.api.now() - OVERDUE;
        for n in 0..WINDOWS {
            self.window(begin + WINDOW * n, begin + WINDOW * (n + 1), state, seen).await?;
        }
        Ok(())
    }

    /// What is on the schedule, as far as it can be read within the time that a list has.
    pub(super) async fn planned(&self) -> (Seen<Vec<Scheduled>>, Result<(), String>) {
        let mut seen = Seen::default();
        let read = planner::in_time(self.all(SCHEDULED, &mut seen)).await;
        let mut planned = Seen { all: Vec::new(), unseen: seen.unseen };
        for message in &seen.all {
            planned.add(standing(message));
        }
        (planned, read)
    }

    /// The messages around that time, in whatever state.
    pub(super) async fn around(&self, at: DateTime<Utc>) -> Result<Seen<Vec<Message>>, String> {
        let mut seen = Seen::default();
        self.window(at - DAY, at + DAY, None, &mut seen).await?;
        Ok(seen)
    }
}
