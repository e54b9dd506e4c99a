//! A post on X, or a thread: each part answers the one before, and the ids of those that are out are written down. An
//! answer to a known post is found among the account's own posts, so that another try goes on where one stopped.

use serde_json::{Value, json};

use super::reads::{DRIFT, made_at};
use super::{PATIENCE, X, is_id, link};
use crate::http::Answer;
use crate::keeper::{TakenDown, kept, next_part, rest_of};
use crate::message::Doing;
use crate::{Failure, Job, NOT_OURS, Pass, Receipt, Rendition, Retraction, Retry, Sighting};

/// The post as the API takes it: it refuses fields that it does not know.
fn content(post: &Rendition, media: &[String], after: Option<&str>) -> Value {
    let mut content = json!({ "text": post.text });
    if !media.is_empty() {
        content["media"] = json!({ "media_ids": media });
    }
    if let Some(id) = after {
        content["reply"] = json!({ "in_reply_to_tweet_id": id });
    }
    content
}

pub(super) const NO_THREADS: &str =
    "the channel takes no threads (the setting threads is not on); write the text shorter";

impl X {
    /// Publishes what is not out yet.
    pub(super) async fn publish_parts(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let (mut ids, of) = kept(job, is_id);
        let out = ids.len();
        // It may have been switched off since the post was written.
        if of > 1 && out == 0 && !self.threads {
            return Err(Failure::never(NO_THREADS));
        }
        let before = async {
            if out > 0 {
                let found = self.follow(job, &mut ids, of).await;
                found.map_err(|reason| Failure::InDoubt { reason }.partly(out, of))?;
                return Ok(Vec::new());
            }
            self.upload(job, pass).await
        };
        let late = |_| {
            let reason = "the server was not ready for the post in time".to_owned();
            Failure::Rejected { reason, retry: Retry::Backoff }.partly(out, of)
        };
        let media = tokio::time::timeout(PATIENCE, before).await.map_err(late)??;
        while ids.len() < of {
            let n = ids.len();
            let sent = self.send_part(job, n, ids.last().map(String::as_str), &media, pass).await;
            ids.push(sent.map_err(|failure| failure.partly(n, of))?);
            pass.keep_parts(ids.iter().map(String::as_str), of).await?;
        }
        Ok(self.receipt(&ids[0]).await)
    }

    /// Only the link needs to know more.
    async fn receipt(&self, id: &str) -> Receipt {
        let who = self.known.learn(async { self.ask().await.ok() }).await;
        Receipt { remote_id: id.to_owned(), url: who.and_then(|w| link(&w.username, id)), note: None }
    }

    async fn send_part(
        &self,
        job: &Job,
        n: usize,
        after: Option<&str>,
        media: &[String],
        pass: &Pass,
    ) -> Result<String, Failure> {
        let media = if n == 0 { media } else { &[] };
        let request = self.post(&["tweets"], &content(&job.rendition.part(n), media, after));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.refusal(&answer, n));
        }
        let told: Value = answer.json().map_err(|reason| Failure::InDoubt { reason })?;
        let id = told["data"]["id"].as_str().filter(|id| is_id(id));
        let none = || Failure::InDoubt { reason: "the answer names no post".to_owned() };
        id.map(str::to_owned).ok_or_else(none)
    }

    /// What a refusal of a part means. No document says how X words that it takes no answer.
    fn refusal(&self, answer: &Answer, n: usize) -> Failure {
        match self.failure(answer, Doing::Post) {
            Failure::Rejected { reason, retry: Retry::Never } if n > 0 && answer.status == 403 => {
                let reason = format!("X may take no answer to the account's own post: {reason}");
                Failure::Rejected { reason, retry: Retry::Never }
            }
            other => other,
        }
    }

    /// Adds the parts that are out after those of `ids`, as far as X shows them.
    async fn follow(&self, job: &Job, ids: &mut Vec<String>, of: usize) -> Result<(), String> {
        let Some(known) = ids.last().filter(|_| ids.len() < of) else { return Ok(()) };
        // An attempt can begin long after the one whose answer was lost.
        let since = made_at(known).map_or(job.permitted_at, |made| made.min(job.permitted_at));
        let own = self.own_since(since - DRIFT).await?;
        while let (Some(last), true) = (ids.last(), ids.len() < of) {
            let wanted = job.rendition.part(ids.len());
            let answers = own.iter().filter(|post| post.answers(last));
            let (same, others): (Vec<_>, Vec<_>) = answers.partition(|post| post.says(&wanted));
            let same = same.into_iter().map(|post| post.id.clone()).collect();
            let Some(id) = next_part(same, others.len())? else { return Ok(()) };
            ids.push(id);
        }
        Ok(())
    }

    /// Looks for the post, whole or in parts.
    pub(super) async fn find(&self, job: &Job) -> Sighting {
        let (mut ids, of) = kept(job, is_id);
        if ids.is_empty() {
            return match self.search(job).await {
                Ok(Sighting::Found(_)) if of > 1 => Sighting::unnamed(of),
                seen => seen.unwrap_or_else(Sighting::Unknown),
            };
        }
        match self.follow(job, &mut ids, of).await {
            Err(why) => Sighting::Unknown(why),
            Ok(()) if ids.len() == of => Sighting::Found(self.receipt(&ids[0]).await),
            Ok(()) => Sighting::stopped(ids.len(), of),
        }
    }

    /// Deletes the parts, the last one first, so that no answer stands without what it answers.
    pub(super) async fn delete_parts(
        &self,
        job: &Job,
        remote_id: Option<&str>,
    ) -> Result<Retraction, String> {
        let (mut ids, of) = kept(job, is_id);
        if ids.is_empty() {
            ids.extend(remote_id.map(str::to_owned));
        }
        if ids.is_empty() {
            return Err(NOT_OURS.to_owned());
        }
        let followed = self.follow(job, &mut ids, of).await;
        let mut down = TakenDown::of(of);
        for (n, id) in ids.iter().enumerate().rev() {
            down.part(n, self.delete(id).await);
        }
        Ok(down.told(rest_of(followed, ids.len(), of)))
    }
}
