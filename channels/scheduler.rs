//! Posts that somebody scheduled inside a network: what a freeze lists and holds there, and what a person
//! may have put back.
//!
//! A hold takes a post off the network's schedule without losing anything of it. Where that cannot be done
//! in time, the post is cancelled, and made again from its snapshot. Nothing is put back into the past:
//! some networks publish at once then.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dated::Prolonged;
use crate::http::Trouble;
use crate::{Failure, Pass, Retry, hash, text};

#[path = "drafts.rs"]
mod drafts;
#[path = "rests.rs"]
mod rests;
pub(crate) use drafts::{drafted, stays};
pub(crate) use rests::Rests;

/// Most characters of the words that are kept for people to know a post by.
const EXCERPT: usize = 300;

/// How near two times are that are the same one: some networks keep minutes.
const SAME: TimeDelta = TimeDelta::seconds(60);

/// How long a network rests that is not reached.
const UNREACHED: Duration = Duration::from_secs(60);

/// The mark of a post of which nobody knows what a request to hold it did.
pub const GONE: &str = "gone";

/// A post that a network will publish by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// Its id there, behind its kind where a network has several: `posts/12`.
    pub remote_id: String,
    /// When the network will publish it.
    pub due: DateTime<Utc>,
    /// The beginning of its words.
    pub words: String,
    /// Everything that is needed to put it back.
    pub snapshot: Value,
    /// Another one when anything of it was changed there.
    pub mark: String,
}

/// A post that was held: what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub remote_id: String,
    /// When the network would have published it.
    pub due: DateTime<Utc>,
    /// As it was before it was held.
    pub snapshot: Value,
    /// As the hold left it; see [`Stop::Held`].
    pub mark: String,
    /// Ids under which other held posts of the account were put back: none of them is this one.
    pub taken: Vec<String>,
}

/// What is on a network's schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub items: Vec<Scheduled>,
    /// What was not seen, as a sentence: this account may not, or a part could not be read. The items are
    /// held all the same.
    pub unseen: Option<String>,
    /// When it was read; nothing: just now.
    pub read_at: Option<DateTime<Utc>>,
    /// When it is read again; nothing: at the next look.
    pub again_at: Option<DateTime<Utc>>,
}

/// What a hold did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Read back: the network will not publish it. The mark tells a later change by somebody else.
    Held { mark: String },
    /// It went out before it could be held.
    Out(String),
    /// It was not there any more: published, or deleted.
    Gone(String),
    /// It is still on the schedule, and why.
    Left(String),
    /// Nothing was done: the network is not reached, or takes no more for now. This holds for every post.
    Later(String),
    /// Nobody knows; [`Scheduler::read`] does.
    Doubt(String),
}

/// Where a post stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The network will publish it.
    Scheduled(Box<Scheduled>),
    /// It is off the schedule, as a hold leaves it.
    Held {
        mark: String,
    },
    /// It is public.
    Out(String),
    /// It is not there: cancelled, or published.
    Gone(String),
    Unknown(String),
}

/// What putting back did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Back {
    /// Read back: the network will publish it at the new time, under this id.
    Scheduled(String),
    /// Read back: it goes out at the new time, under this id, once somebody has approved it there.
    Waits(String),
    /// Nothing was done: it is not as it was left, or there already.
    Changed(String),
    /// Nothing was done, and why.
    Left(String),
    /// The network published it at once.
    Out(String),
    /// Nobody knows; [`Scheduler::restored`] does.
    Doubt(String),
}

/// What was done for a held post that will never go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discarded {
    /// Nothing of it will go out.
    Done,
    /// Nothing was done: somebody else has scheduled it again since it was held.
    Scheduled,
    /// It is public.
    Out(String),
    /// It is not done, or not known, and why.
    Left(String),
    /// The network is about to publish it, or does not say where it stands: it is looked at again.
    Unknown(String),
}

/// The schedule of one connected account.
#[async_trait]
pub trait Scheduler: Send + Sync {
    /// Whose schedule it is, where the channel's settings do not tell.
    ///
    /// # Errors
    /// A sentence, when the network could not be asked.
    async fn whose(&self) -> Result<String, String> {
        Ok(String::new())
    }

    /// Whether the network takes more requests for now, beside those for posts of ours.
    ///
    /// # Errors
    /// A sentence, when it does not.
    fn spare(&self) -> Result<(), String> {
        Ok(())
    }

    /// Everything that the network will publish by itself on this account, but what Holdline made there.
    ///
    /// # Errors
    /// A sentence, when nothing could be read.
    async fn list(&self) -> Result<Listing, String>;

    /// The same for the freeze of that epoch. Where a network takes few requests, a list counts for some minutes,
    /// and never for another freeze than it was read for.
    ///
    /// # Errors
    /// As [`Scheduler::list`].
    async fn list_under(&self, _epoch: i64) -> Result<Listing, String> {
        self.list().await
    }

    /// When a list is tried again that could not be read; nothing: at the next look.
    fn tried_again_at(&self) -> Option<DateTime<Utc>> {
        None
    }

    /// How many posts are held at once, where each is a request of its own and the network takes several.
    fn at_once(&self) -> usize {
        1
    }

    /// Takes a post off the schedule, and reads back that it is.
    async fn hold(&self, post: &Scheduled) -> Stop;

    /// Where a post stands that a hold was begun for.
    async fn read(&self, post: &Scheduled) -> Standing;

    /// Puts a held post on the schedule for a time to come, unless somebody has changed it since. The request
    /// that does it is pulled through the pass.
    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back;

    /// What a restore did whose answer is lost: [`Back::Scheduled`], [`Back::Waits`] or [`Back::Out`]. Nothing: the
    /// network shows no trace of it.
    ///
    /// # Errors
    /// A sentence, when the network could not be asked.
    async fn restored(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String>;

    /// Holds a post for longer whose mark says that it is held only until a date ([`crate::dated`]). Where a hold has
    /// no end there is nothing to do.
    async fn prolong(&self, post: &Kept) -> Prolonged {
        Prolonged::Held { mark: post.mark.clone() }
    }

    /// What people should know before they put a held post back, as a sentence.
    fn caution(&self, _snapshot: &Value, _mark: &str) -> Option<String> {
        None
    }

    /// The mark of a post that is gone although a request of a hold may have done that. Nothing: a hold deletes
    /// nothing, so somebody else has.
    fn gone(&self) -> Option<&'static str> {
        None
    }

    /// Does what is left to do in the network for a held post that will never go out.
    async fn discard(&self, post: &Kept) -> Discarded;
}

impl Listing {
    /// Whatever was read of a schedule; an error only when that is nothing. What was read is held, though
    /// the rest could not be.
    pub(crate) fn up_to(self, read: Result<(), String>) -> Result<Self, String> {
        match read {
            Ok(()) => Ok(self),
            Err(why) if self.items.is_empty() => Err(why),
            Err(why) => Ok(Self { unseen: Some(why), ..self }),
        }
    }
}

/// The beginning of a text, on one line, without what people cannot see.
pub(crate) fn excerpt(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| text::hidden(&c.to_string(), false).is_none()).take(EXCERPT).collect()
}

/// A mark over everything that would be another post.
pub(crate) fn mark(of: &Value) -> String {
    hash(of.to_string().as_bytes())
}

/// What the failure of a request means that would have taken a post off the schedule.
pub(crate) fn stop(failure: Failure) -> Stop {
    match failure {
        Failure::InDoubt { reason } => Stop::Doubt(reason),
        Failure::Rejected { reason, retry: Retry::After(_) | Retry::Later(_) } => Stop::Later(reason),
        other => Stop::Left(other.to_string()),
    }
}

/// What a look shows before a post is held that a listing showed: nothing stands against it, or what does.
///
/// # Errors
/// What the hold ends with.
pub(crate) fn as_listed(stands: Standing, post: &Scheduled) -> Result<(), Stop> {
    match stands {
        Standing::Scheduled(now) if now.mark == post.mark => Ok(()),
        // When somebody else has drawn it back, it is not ours to put back.
        Standing::Scheduled(_) | Standing::Held { .. } => Err(Stop::Left(CHANGED.to_owned())),
        Standing::Out(why) => Err(Stop::Out(why)),
        Standing::Gone(why) => Err(Stop::Gone(why)),
        Standing::Unknown(why) => Err(Stop::Later(why)),
    }
}

/// What a look shows before a post is put back that is a draft: it is as the hold left it, or not.
///
/// # Errors
/// What the restore ends with.
pub(crate) fn as_kept(stands: Standing, post: &Kept) -> Result<(), Back> {
    match stands {
        Standing::Held { mark } if mark == post.mark => Ok(()),
        Standing::Out(why) => Err(Back::Out(why)),
        Standing::Unknown(why) => Err(Back::Left(why)),
        Standing::Scheduled(_) | Standing::Held { .. } | Standing::Gone(_) => {
            Err(Back::Changed(CHANGED.to_owned()))
        }
    }
}

/// The same of a post that waits there for an approval: that is no change by somebody else.
pub(crate) fn waiting(back: Back) -> Back {
    match back {
        Back::Changed(_) => Back::Left(APPROVE.to_owned()),
        other => other,
    }
}

/// What no answer means. A network that is not reached has no time for other posts either.
pub(crate) fn unanswered(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::NotSent(reason) => Failure::Rejected { reason, retry: Retry::Later(UNREACHED) },
        other => other.failure(false),
    }
}

/// What the failure of a request means that would have put a post back.
pub(crate) fn back(failure: Failure) -> Back {
    match failure {
        Failure::InDoubt { reason } => Back::Doubt(reason),
        other => Back::Left(other.to_string()),
    }
}

/// What a look at a post shows of a restore whose answer is lost.
pub(crate) fn trace(
    post: &Kept,
    stands: Standing,
    is_then: impl Fn(DateTime<Utc>) -> bool,
) -> Result<Option<Back>, String> {
    match stands {
        Standing::Scheduled(now) if is_then(now.due) => Ok(Some(Back::Scheduled(post.remote_id.clone()))),
        Standing::Out(why) => Ok(Some(Back::Out(why))),
        Standing::Unknown(why) => Err(why),
        Standing::Scheduled(_) | Standing::Held { .. } | Standing::Gone(_) => Ok(None),
    }
}

/// What a restore did that the network has taken, as a look shows it.
pub(crate) fn traced(seen: Result<Option<Back>, String>) -> Back {
    match seen {
        Ok(Some(did)) => did,
        Ok(None) => Back::Doubt("the network does not show it at the new time".to_owned()),
        Err(why) => Back::Doubt(why),
    }
}

/// Whether two times are the same one.
pub(crate) fn is_then(due: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    (due - at).abs() < SAME
}

/// Said of a schedule that is longer than a look may be.
pub(crate) const TOO_MUCH: &str = "the account has scheduled too much to look through";

/// Said of a post that is put back and waits there for an approval.
const APPROVE: &str =
    "it waits for an approval there already: approve it there, or make it a draft there and drop it here";

/// Said when a post is not as the hold left it.
pub(crate) const CHANGED: &str =
    "somebody has changed it in the network since it was read; it is left as it is";

/// Whether the slug is one that Holdline gives to its own posts.
pub(crate) fn is_own(slug: &str) -> bool {
    let Some(rest) = slug.strip_prefix("holdline-") else { return false };
    let (id, number) = rest.split_once('-').unwrap_or((rest, "2"));
    id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()) && number.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_slugs_are_told_from_those_of_editors() {
        for own in
            ["holdline-01936d3c1c5e7a3b80003f2f5a8c9d10", "holdline-01936d3c1c5e7a3b80003f2f5a8c9d10-12"]
        {
            assert!(is_own(own), "{own}");
        }
        for other in ["holdline-is-here", "summer-sale", "holdline-01936d3c1c5e7a3b80003f2f5a8c9d10-sale"] {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn words_are_cut_and_shown_on_one_line() {
        assert_eq!(excerpt("Sale\n\n now"), "Sale now");
        assert_eq!(excerpt(&"é".repeat(500)).chars().count(), EXCERPT);
    }
}
