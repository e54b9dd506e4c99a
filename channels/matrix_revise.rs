//! New words for a message that is out, as an event that replaces it, and taking all of it down.
//!
//! Source: <https://spec.matrix.org/latest/client-server-api/#event-replacements>. What replaces is an event of
//! its own: it carries the key of the delivery that changes the words, and is found by that. Only the first
//! event can be replaced, so all changes are about that one.

use serde_json::{Value, json};

use super::event::{Event, KEY, Seen, is_event, is_room, removal, transaction};
use super::look::MOST_PAGES;
use super::{
    CUT, Matrix, NOT_OURS, OTHER, TAKEN_DOWN, TOO_MANY, UNCLEAR, code, no_effect, not_asked, unread,
};
use crate::http::Request;
use crate::message::Doing;
use crate::revise::{GONE, Shows};
use crate::{Failure, Job, Pass, Receipt, Retraction, Retry, Revised, Sighting};

/// Said when the settings name another room than that of the post.
const MOVED: &str = "the channel leads to another room by now; change the post by hand";
/// Said of a message that has neither the new words nor the old ones.
pub(crate) const OTHER_WORDS: &str = "somebody has given the post other words on the server";
/// Said when nobody knows what has replaced a message.
const CHANGES_LEFT: &str = "the post is taken down, and the server does not tell the changes of its words, which some apps still show";
/// Said when there is no end of what replaces a message.
const TOO_MANY_CHANGES: &str = "the post has more changes of its words than can be taken down with it";
/// Said of new words that came when their post had just been taken down.
const LEFT_ALONE: &str =
    "the post was taken down meanwhile, and its new words stay in the room; take them down by hand";
/// Changes of one message that are asked for at a time, and most times.
const PAGE: usize = 50;
const MOST_PAGES_OF_CHANGES: usize = 20;
/// How often it is asked for changes that came in between.
const ROUNDS: usize = 5;

/// Room and event of a receipt.
pub(super) fn parts(remote_id: &str) -> Option<(&str, &str)> {
    remote_id.split_once(' ').filter(|(room, event)| is_room(room) && is_event(event))
}

/// The words that apps show of a message: those of the newest event that replaced it. Nothing: the server does
/// not tell that event.
fn shown(message: &Value) -> Option<&str> {
    match &message["unsigned"]["m.relations"]["m.replace"] {
        Value::Null => message["content"]["body"].as_str(),
        newest => newest["content"]["m.new_content"]["body"].as_str(),
    }
}

/// The content of the event that replaces another one. Apps that know nothing of that show the text with a star.
pub(super) fn replacement(mut new: Value, of: &Revised, event: &str, job: &Job) -> Value {
    new[KEY] = of.delivery.to_string().into();
    json!({
        "msgtype": "m.text",
        "body": format!("* {}", job.rendition.text),
        "m.mentions": {},
        "m.new_content": new,
        "m.relates_to": { "rel_type": "m.replace", "event_id": event },
        KEY: job.delivery.to_string(),
    })
}

impl Matrix {
    pub(super) async fn change(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let event = self.own_event(of)?;
        let there = self.there(event).await?.ok_or_else(|| Failure::never(GONE))?;
        let is_other = |words: &str| of.shows(&job.rendition, |post| post.text == words) == Shows::Other;
        if shown(&there).is_some_and(is_other) {
            return Err(Failure::never(OTHER_WORDS));
        }
        let made = self.send(job, Some((of, event)), pass).await?;
        let receipt = self.receipt(event, self.known.get().as_deref());
        if !matches!(self.there(event).await, Ok(None)) {
            return Ok(receipt);
        }
        // The post was taken down meanwhile. What came to replace it stays in the room by itself.
        let transaction = format!("{}-down", transaction(job));
        match self.redact(job, &self.room, &made, &transaction).await {
            Ok(None) => Err(Failure::never(GONE)),
            _ => Ok(Receipt { note: Some(LEFT_ALONE.to_owned()), ..receipt }),
        }
    }

    pub(super) async fn seen_changed(&self, job: &Job, of: &Revised) -> Sighting {
        let there = match self.own_event(of) {
            Ok(event) => self.there(event).await.map(|there| (event, there.is_some())),
            Err(why) => Err(why),
        };
        match there {
            Ok((_, false)) => Sighting::Gone(GONE.to_owned()),
            Ok((event, true)) => match self.seen_by_key(job).await {
                Sighting::Found(_) => Sighting::Found(self.receipt(event, self.known.get().as_deref())),
                other => other,
            },
            Err(why) => Sighting::Unknown(why.to_string()),
        }
    }

    fn own_event<'a>(&self, of: &'a Revised) -> Result<&'a str, Failure> {
        let (room, event) = parts(&of.remote_id).ok_or_else(|| Failure::never(GONE))?;
        if room == self.room { Ok(event) } else { Err(Failure::never(MOVED)) }
    }

    /// Our message, if it is there with any words. An event that replaces what was taken down is accepted
    /// by servers, and shown by nobody.
    async fn there(&self, event: &str) -> Result<Option<Value>, Failure> {
        let account = self.account().await?;
        let url = self.in_room(&self.room, &["event", event]);
        let answer =
            self.http.call(Request::get(url.as_str()).bearer(&self.token)).await.map_err(no_effect)?;
        match (answer.status, code(&answer).as_str()) {
            (404, "M_NOT_FOUND") => return Ok(None),
            (200, _) => {}
            _ => return Err(not_asked(self.failure(&answer, Doing::Ask))),
        }
        let message: Value = answer.json().map_err(unread)?;
        let told = Event(&message);
        if told.id() != Some(event) {
            return Err(unread("the answer is not about the post".to_owned()));
        }
        if !told.is_of(&account) {
            return Err(Failure::Rejected { reason: OTHER.to_owned(), retry: Retry::Reconnect });
        }
        let is_there = told.has_words() && !told.is_redacted();
        Ok(is_there.then_some(message))
    }

    /// Looks for the event that carries the key of the delivery.
    pub(super) async fn seen_by_key(&self, job: &Job) -> Sighting {
        let account = match self.account().await {
            Ok(account) => account,
            Err(why) => return Sighting::Unknown(why.to_string()),
        };
        let base = super::Base::of(job);
        // Another account may not see what the one of the base has sent.
        let own = base.as_ref().is_some_and(|base| base.account == account);
        match self.look(job, base.as_ref(), own, MOST_PAGES).await.map(|look| look.seen) {
            Ok(Seen::There(event)) => Sighting::Found(self.receipt(&event, Some(&account))),
            Ok(Seen::Nothing) if base.is_some() && !own => Sighting::Unknown(super::SENT_BY_OTHER.to_owned()),
            Ok(Seen::Nothing) => Sighting::Absent,
            Ok(Seen::TakenDown) => Sighting::Unknown(TAKEN_DOWN.to_owned()),
            Ok(Seen::Other) => Sighting::Unknown(OTHER.to_owned()),
            Ok(Seen::Unclear) => Sighting::Unknown(UNCLEAR.to_owned()),
            Ok(Seen::Cut) => Sighting::Unknown(CUT.to_owned()),
            Ok(Seen::TooMuch) => Sighting::Unknown(TOO_MANY.to_owned()),
            Err(why) => Sighting::Unknown(why.to_string()),
        }
    }

    /// Takes down what has replaced the message, and then itself: a server still tells those events, and an app that
    /// knows nothing of changes shows them. They come first, because a server may tell nothing of what replaced a message
    /// that was taken down: whoever tries again after a failure would find none. Afterwards it is asked once more.
    pub(super) async fn take_down(&self, job: &Job, remote_id: &str) -> Result<Retraction, String> {
        let (room, event) = parts(remote_id).ok_or(NOT_OURS)?;
        if let Some(why) = self.redact_changes(job, room, event).await? {
            return Ok(Retraction::StillLive(why));
        }
        let plain = format!("{}-down", transaction(job));
        if let Some(why) = self.redact(job, room, event, &plain).await? {
            return Ok(Retraction::StillLive(why));
        }
        Ok(match self.redact_changes(job, room, event).await {
            Ok(None) => Retraction::Gone,
            Ok(Some(why)) => Retraction::StillLive(why),
            Err(_) => Retraction::StillLive(CHANGES_LEFT.to_owned()),
        })
    }

    /// Redacts what has replaced the message, until nothing is told any more; why something is left, if it is.
    async fn redact_changes(&self, job: &Job, room: &str, event: &str) -> Result<Option<String>, String> {
        for _ in 0..ROUNDS {
            let changes = self.changes_of(room, event).await?;
            if changes.is_empty() {
                return Ok(None);
            }
            for change in changes {
                let transaction = format!("{}-down-{change}", transaction(job));
                if let Some(why) = self.redact(job, room, &change, &transaction).await? {
                    return Ok(Some(why));
                }
            }
        }
        Ok(Some(TOO_MANY_CHANGES.to_owned()))
    }

    /// Redacts one event; why it is still there, if it is.
    async fn redact(
        &self,
        job: &Job,
        room: &str,
        event: &str,
        transaction: &str,
    ) -> Result<Option<String>, String> {
        let url = self.in_room(room, &["redact", event, transaction]);
        let request = Request::put(url.as_str()).bearer(&self.token).json(&removal(job));
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        if answer.status != 200 {
            return Ok(Some(self.failure(&answer, Doing::TakeDown).to_string()));
        }
        // A redaction is taken also where it has no effect.
        let left: Value =
            self.ask(&self.in_room(room, &["event", event])).await.map_err(|f| f.to_string())?;
        let left = Event(&left);
        if left.id() == Some(event) && left.is_redacted() && !left.has_words() {
            return Ok(None);
        }
        Ok(Some("the server took the redaction, and still shows the post".to_owned()))
    }

    /// The account's events that have replaced this one and are there. A server of before 2022 knows of no way to ask,
    /// and no changes of words were made there.
    async fn changes_of(&self, room: &str, event: &str) -> Result<Vec<String>, String> {
        let account = self.account().await.map_err(|failure| failure.to_string())?;
        let (mut found, mut from) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES_OF_CHANGES {
            let mut url = self.api(&["client", "v1", "rooms", room, "relations", event, "m.replace"]);
            url.query_pairs_mut().append_pair("limit", &PAGE.to_string());
            if let Some(from) = &from {
                url.query_pairs_mut().append_pair("from", from);
            }
            let answer = self.http.call(Request::get(url.as_str()).bearer(&self.token)).await;
            let answer = answer.map_err(|trouble| trouble.to_string())?;
            if answer.status == 404 || code(&answer) == "M_UNRECOGNIZED" {
                return Ok(found);
            }
            if answer.status != 200 {
                return Err(self.failure(&answer, Doing::Ask).to_string());
            }
            let told: Value = answer.json()?;
            let all = told["chunk"].as_array().map(Vec::as_slice).unwrap_or_default();
            let ours = all.iter().map(Event).filter(|e| e.is_of(&account) && !e.is_redacted());
            found.extend(ours.filter_map(|e| e.id().map(str::to_owned)));
            from = told["next_batch"].as_str().map(str::to_owned);
            if from.is_none() {
                return Ok(found);
            }
        }
        Err(TOO_MANY_CHANGES.to_owned())
    }
}
