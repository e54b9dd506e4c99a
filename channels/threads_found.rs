//! Which post on Threads is ours, and taking it down.

use serde::Deserialize;

use super::Threads;
use super::container::State;
use crate::graph::children::are_all;
use crate::graph::{id_of, is_id, of};
use crate::message::SLACK;
use crate::parts::{self, PREPARED};
use crate::{Job, NOT_OURS, Receipt, Retraction, Sighting, text};

pub(super) const HIDDEN: &str =
    "Threads does not take the post down and still lists it; take it down by hand";
pub(super) const NOT_ONE: &str = "the post's number is not known, and not exactly one post has its words; \
     take it down by hand";
pub(super) const FORGOTTEN: &str = "Threads does not know any more what has become of the post";
pub(super) const PREPARING: &str = "Threads is still preparing the post";

/// A post, as far as it is read.
#[derive(Deserialize)]
struct Post {
    id: String,
    #[serde(default)]
    text: String,
}

/// An answer to a post (`threads/reference/reply-management`; it needs `threads_read_replies`).
#[derive(Deserialize)]
struct Answer {
    id: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    is_reply_owned_by_me: bool,
}

impl Threads {
    /// What became of a post in one piece, or of the first part of a thread.
    pub(super) async fn find_one(&self, job: &Job) -> Sighting {
        let Some(handle) = job.handle.as_deref().filter(|handle| !are_all(handle)) else {
            // Without a container nothing can have been published.
            return Sighting::Absent;
        };
        let Some(container) = id_of(&self.user, handle.trim_start_matches(PREPARED)) else {
            return Sighting::Unknown("the post was prepared on another account".to_owned());
        };
        match self.state(container).await {
            Ok(State::Out) => Sighting::Found(self.out()),
            Ok(State::Ready | State::Dead) => Sighting::Absent,
            Ok(State::Preparing) => Sighting::Unknown(PREPARING.to_owned()),
            Ok(State::Forgotten) => Sighting::Unknown(FORGOTTEN.to_owned()),
            Err(failure) => Sighting::Unknown(failure.to_string()),
        }
    }

    /// The post that is out and whose number is not known, by its words. Nothing: the number is written down.
    pub(super) async fn named(&self, job: &Job, remote_id: Option<&str>) -> Option<Sighting> {
        let is_thread = !job.rendition.more.is_empty();
        let has_parts = is_thread && parts::out(job.handle.as_deref().unwrap_or_default()).next().is_some();
        if remote_id.is_some() || has_parts {
            return None;
        }
        // It is ours when its container says so.
        Some(match self.find_one(job).await {
            Sighting::Found(_) => self.one_with_the_words(job).await.map_or_else(Sighting::Unknown, |id| {
                Sighting::Found(Receipt { remote_id: of(&self.user, &id), url: None, note: None })
            }),
            other => other,
        })
    }

    /// The one post with these words since the first attempt.
    async fn one_with_the_words(&self, job: &Job) -> Result<String, String> {
        let mut found = Vec::new();
        let words = text::plain(&job.rendition.text);
        let each = |post: Post| {
            if text::plain(&post.text) == words && is_id(&post.id) {
                found.push(post.id);
            }
            None::<()>
        };
        self.api.look(&[&self.user, "threads"], "id,text", job.permitted_at - SLACK, each).await?;
        match found.as_slice() {
            [one] => Ok(one.clone()),
            _ => Err(NOT_ONE.to_owned()),
        }
    }

    /// The account's own answer to a post with these words. Nothing: it is not shown.
    pub(super) async fn answer(&self, to: &str, words: &str) -> Result<Option<String>, String> {
        let (mut found, words) = (Vec::new(), text::plain(words));
        let each = |answer: Answer| {
            let is_own = answer.is_reply_owned_by_me && is_id(&answer.id);
            if is_own && text::plain(&answer.text) == words {
                found.push(answer.id);
            }
            None::<()>
        };
        self.api.look_through(&[to, "replies"], "id,text,is_reply_owned_by_me", each).await?;
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => Err("the account has several posts with these words".to_owned()),
        }
    }

    /// Takes down a post, or an answer to that one.
    pub(super) async fn remove(
        &self,
        job: &Job,
        remote_id: Option<&str>,
        answers: Option<&str>,
    ) -> Result<Retraction, String> {
        let id = remote_id.and_then(|named| id_of(&self.user, named)).ok_or(NOT_OURS)?;
        if let Some(said) = self.api.take_down(id).await {
            return Ok(said);
        }
        // It could be hidden from this access token.
        self.api.belongs_to(&self.user).await?;
        match self.api.ask_if_there(&[id], &[("fields", "id")]).await.map_err(|f| f.to_string())? {
            Some(_) => Err(HIDDEN.to_owned()),
            None if self.is_listed(job, id, answers).await? => Err(HIDDEN.to_owned()),
            // Somebody else took it down.
            None => Ok(Retraction::Gone),
        }
    }

    /// Whether the account's posts show it, or the answers to that one.
    async fn is_listed(&self, job: &Job, id: &str, answers: Option<&str>) -> Result<bool, String> {
        let same = |post: Post| (post.id == id).then_some(());
        let Some(to) = answers else {
            let since = job.permitted_at - SLACK;
            let found = self.api.look(&[&self.user, "threads"], "id", since, same).await?;
            return Ok(found.is_some());
        };
        let there = self.api.ask_if_there(&[to], &[("fields", "id")]).await;
        if there.map_err(|failure| failure.to_string())?.is_none() {
            // Nobody is shown what hangs on a post that is gone.
            return Ok(false);
        }
        Ok(self.api.look_through(&[to, "replies"], "id", same).await?.is_some())
    }
}
