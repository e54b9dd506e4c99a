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
use crate::revise::GONE;
use crate::{Failure, Job, Pass, Receipt, Retraction, Retry, Revised, Sighting};

/// Said when the settings name another room than that of the post.
const MOVED: &str = "the channel leads to another room by now; change the post by hand";
/// Said of a message that has neither the new words nor the old ones.
pub(crate) const OTHER_WORDS: &str = "somebody has given the post other words on the server";
/// Said when nobody knows what has replaced a message.
const CHANGES_LEFT: &str = "the post is taken down, and the server does not tell the changes of its words, which some apps still show";
/// Most changes of one message that are taken down with it.
const MOST_CHANGES: usize = 50;

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
        let is_known = |words: &str| words == job.rendition.text || words == of.before.text;
        if shown(&there).is_some_and(|words| !is_known(words)) {
            return Err(Failure::never(OTHER_WORDS));
        }
        self.send(job, Some((of, event)), pass).await?;
        Ok(self.receipt(event, self.known.get().as_deref()))
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

    /// Takes the message down, and then what has replaced it: a server still tells that, and an app that knows
    /// nothing of changes shows it. It is asked for twice: a server may tell nothing of a message that was taken
    /// down, and a change can come in between.
    pub(super) async fn take_down(&self, job: &Job, remote_id: &str) -> Result<Retraction, String> {
        let (room, event) = parts(remote_id).ok_or(NOT_OURS)?;
        let before = self.changes_of(room, event).await;
        let plain = format!("{}-down", transaction(job));
        if let Some(why) = self.redact(job, room, event, &plain).await? {
            return Ok(Retraction::StillLive(why));
        }
        let (Ok(mut changes), Ok(after)) = (before, self.changes_of(room, event).await) else {
            return Ok(Retraction::StillLive(CHANGES_LEFT.to_owned()));
        };
        changes.extend(after);
        changes.sort();
        changes.dedup();
        for change in changes {
            let transaction = format!("{plain}-{change}");
            if let Some(why) = self.redact(job, room, &change, &transaction).await? {
                return Ok(Retraction::StillLive(why));
            }
        }
        Ok(Retraction::Gone)
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

    /// The account's events that have replaced this one. A server of before 2022 knows of no way to ask, and no
    /// changes of words were made there.
    async fn changes_of(&self, room: &str, event: &str) -> Result<Vec<String>, String> {
        let mut url = self.api(&["client", "v1", "rooms", room, "relations", event, "m.replace"]);
        url.query_pairs_mut().append_pair("limit", &MOST_CHANGES.to_string());
        let account = self.account().await.map_err(|failure| failure.to_string())?;
        let answer = self.http.call(Request::get(url.as_str()).bearer(&self.token)).await;
        let answer = answer.map_err(|trouble| trouble.to_string())?;
        if answer.status == 404 || code(&answer) == "M_UNRECOGNIZED" {
            return Ok(Vec::new());
        }
        if answer.status != 200 {
            return Err(self.failure(&answer, Doing::Ask).to_string());
        }
        let told: Value = answer.json()?;
        let all = told["chunk"].as_array().cloned().unwrap_or_default();
        let ours = all.iter().map(Event).filter(|e| e.is_of(&account) && !e.is_redacted());
        Ok(ours.filter_map(|e| e.id().map(str::to_owned)).take(MOST_CHANGES).collect())
    }
}
