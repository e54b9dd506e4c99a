//! How the lists of Hootsuite are read: window by window, and what of it counts as not there.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::Hootsuite;
use super::calls::{Told, instant};
use super::message::{Message, standing};
use crate::http::Request;
use crate::planner::{self, NO_POST, ODD};
use crate::scheduler::{Scheduled, TOO_MUCH};

/// The longest window of a list, and how many a look reads: about a year. What is later is looked at when it is
/// nearer.
const WINDOW: TimeDelta = TimeDelta::days(28);
const WINDOWS: i32 = 13;
/// What is overdue by this is not published any more.
const OVERDUE: TimeDelta = TimeDelta::days(1);
/// Messages of one page, most pages of a span, and most spans of a window.
const EACH: usize = 100;
const PAGES: usize = 50;
const SPANS: usize = 200;
/// A span that is shorter is not halved; halves share as much as this, because nobody says to which one its end belongs.
const NARROW: TimeDelta = TimeDelta::minutes(5);
const SHARED: TimeDelta = TimeDelta::minutes(1);
/// The state of what is on the schedule.
const SCHEDULED: Option<&str> = Some("SCHEDULED");

const IN_PART: &str = "Hootsuite shows a part of the schedule only, and says that something went wrong";
const NO_NEXT: &str = "Hootsuite shows a full page and names no next one, so there can be more";

/// What was read of lists.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Each message once.
    pub all: Vec<Message>,
    ids: HashSet<String>,
    /// What cannot be read as a message.
    odd: Vec<Value>,
    /// What could not be read, if something could not.
    unseen: Option<&'static str>,
}

impl Seen {
    fn add(&mut self, data: Value) {
        match Message::read(data.clone()) {
            Ok(message) if self.ids.insert(message.id().to_owned()) => self.all.push(message),
            Ok(_) => {}
            Err(_) => self.odd.push(data),
        }
    }

    /// Whether a message that is not among them is not there. What is odd is unknown where it can be that one.
    ///
    /// # Errors
    /// A sentence, when it can be there all the same.
    pub fn lacks(&self, can_be_it: impl Fn(&Value) -> bool) -> Result<(), String> {
        let odd = self.odd.iter().any(can_be_it).then_some(ODD);
        self.unseen.or(odd).map_or(Ok(()), |why| Err(why.to_owned()))
    }
}

/// How a span was read.
enum Read {
    Whole,
    /// Its only page is full and names no next one: nobody knows whether there is more.
    Full,
}

impl Hootsuite {
    /// Reads the messages of one window, in whatever state when none is named. Where it is not known whether there are
    /// more than were shown, its halves are read.
    pub(super) async fn window(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        state: Option<&str>,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let mut spans = vec![(from, to)];
        for _ in 0..SPANS {
            let Some((from, to)) = spans.pop() else { return Ok(()) };
            match self.span(from, to, state, seen).await? {
                Read::Whole => {}
                Read::Full if to - from > NARROW => {
                    let middle = from + (to - from) / 2;
                    spans.extend([(middle - SHARED, to), (from, middle + SHARED)]);
                }
                Read::Full => seen.unseen = Some(NO_NEXT),
            }
        }
        Err(TOO_MUCH.to_owned())
    }

    async fn span(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        state: Option<&str>,
        seen: &mut Seen,
    ) -> Result<Read, String> {
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
            page.into_iter().for_each(|data| seen.add(data));
            match next {
                // After a page that named the next one, none is the end.
                None if is_full && cursor.is_none() => return Ok(Read::Full),
                None => return Ok(Read::Whole),
                next if next == cursor => break,
                next => cursor = next,
            }
        }
        Err(TOO_MUCH.to_owned())
    }

    /// Reads the messages of all windows.
    pub(super) async fn all(&self, state: Option<&str>, seen: &mut Seen) -> Result<(), String> {
        let begin = self.api.now() - OVERDUE;
        for n in 0..WINDOWS {
            self.window(begin + WINDOW * n, begin + WINDOW * (n + 1), state, seen).await?;
        }
        Ok(())
    }

    /// What is on the schedule, as far as it can be read within the time that a list has.
    pub(super) async fn planned(&self) -> (planner::Seen<Vec<Scheduled>>, Result<(), String>) {
        let mut seen = Seen::default();
        let read = planner::in_time(self.all(SCHEDULED, &mut seen)).await;
        let unseen = seen.unseen.or((!seen.odd.is_empty()).then_some(ODD));
        let mut planned = planner::Seen { all: Vec::new(), unseen };
        for message in &seen.all {
            planned.add(standing(message));
        }
        (planned, read)
    }
}
