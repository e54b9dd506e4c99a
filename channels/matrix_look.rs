//! Looking for the event of a delivery among the messages of its room.
//!
//! No time in an event is believed: each server writes its own, and ours may be wrong. Before an event is
//! sent, the account's newest message is written down ([`Base`]). A server shows an account's messages in
//! the order in which it took them, so every copy is nearer than that one, and who has read back to it
//! has seen all.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Matrix;
use super::event::{Event, Seen, is_account, is_event};
use crate::{Failure, Job};

/// Events of one page, and most pages of one look.
const PAGE: usize = 50;
pub(super) const MOST_PAGES: usize = 20;

/// What stood in the room before the event was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Base {
    /// Who sends it.
    pub account: String,
    /// The account's newest message. Without one, only the beginning of the room proves anything.
    event: Option<String>,
}

impl Base {
    /// As an earlier attempt wrote it down.
    pub fn of(job: &Job) -> Option<Self> {
        let (account, event) = job.handle.as_deref()?.split_once(' ')?;
        let event = is_event(event).then(|| event.to_owned());
        is_account(account).then(|| Self { account: account.to_owned(), event })
    }

    /// How it is written down.
    pub fn written(account: &str, newest: Option<&str>) -> String {
        format!("{account} {}", newest.unwrap_or("-"))
    }
}

/// What a look saw.
pub(super) struct Look {
    pub seen: Seen,
    /// The account's newest message.
    pub newest: Option<String>,
}

impl Matrix {
    /// Looks for the event of the delivery, from the newest message back to the base; among the account's
    /// own messages where they are enough.
    pub(super) async fn look(
        &self,
        job: &Job,
        base: Option<&Base>,
        own: bool,
        pages: usize,
    ) -> Result<Look, Failure> {
        #[derive(Deserialize)]
        struct Page {
            chunk: Vec<Value>,
            end: Option<String>,
        }
        let account = self.account().await?;
        let mut filter = json!({ "types": ["m.room.message"] });
        if own {
            filter["senders"] = json!([account]);
        }
        let end = base.and_then(|b| b.event.as_deref());
        let (mut from, mut look) = (None::<String>, Look { seen: Seen::Nothing, newest: None });
        for _ in 0..pages {
            let mut url = self.in_room(&self.room, &["messages"]);
            url.query_pairs_mut()
                .append_pair("dir", "b")
                .append_pair("limit", &PAGE.to_string())
                .append_pair("filter", &filter.to_string())
                .extend_pairs(from.iter().map(|from| ("from", from)));
            let page: Page = self.ask(&url).await?;
            for event in page.chunk.iter().map(Event) {
                if end.is_some() && event.id() == end {
                    return Ok(look);
                }
                match event.seen(job, &account) {
                    Seen::Nothing => {}
                    ours @ (Seen::There(_) | Seen::TakenDown) => return Ok(Look { seen: ours, ..look }),
                    // Anybody in the room can copy the key of a post that is there.
                    vague => look.seen = vague,
                }
                if look.newest.is_none() && event.is_of(&account) {
                    look.newest = event.id().map(str::to_owned);
                }
            }
            match page.end {
                Some(end) => from = Some(end),
                None if end.is_none() => return Ok(look),
                // What was there is not shown any more, so the same may be true of ours.
                None => return Ok(look.or(Seen::Cut)),
            }
        }
        Ok(look.or(Seen::TooMuch))
    }
}

impl Look {
    /// As it is, or that, where nothing was seen.
    fn or(self, other: Seen) -> Self {
        if self.seen == Seen::Nothing { Self { seen: other, ..self } } else { self }
    }
}
