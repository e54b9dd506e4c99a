//! A post in parts: each is an answer to the one before, and the ids of those that are out are written down.
//! An answer to a known post is found among its answers, so that another try goes on where one stopped.

use serde::Deserialize;

use super::answers::{self, Server, Software, Status};
use super::{Mastodon, content, media};
use crate::http::Request;
use crate::keeper::{TakenDown, kept, next_part, rest_of};
use crate::{Failure, Job, Pass, Receipt, Retraction, Sighting};

/// What is around a post (<https://docs.joinmastodon.org/methods/statuses/#context>).
#[derive(Deserialize)]
struct Context {
    descendants: Vec<Status>,
}

impl Mastodon {
    /// Publishes what is not out yet.
    pub(super) async fn publish_parts(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let (mut ids, of) = kept(job, answers::is_id);
        let out = ids.len();
        let before = async {
            let server = self.server().await;
            if out > 0 {
                let found = self.follow(job, &mut ids, of).await;
                found.map_err(|reason| Failure::InDoubt { reason }.partly(out, of))?;
                return Ok((server, Vec::new()));
            }
            let media = self.upload(job, server.as_ref().map_or(1_500, |s| s.alt), pass).await?;
            Ok::<_, Failure>((server, media))
        };
        let late = |_| media::unread("the server was not ready for the post in time".to_owned());
        let before = tokio::time::timeout(super::PATIENCE, before).await;
        let (server, media) = before.map_err(|late_by| late(late_by).partly(out, of))??;
        let mut first = None;
        while ids.len() < of {
            let n = ids.len();
            let sent = self.send_part(job, n, ids.last(), &media, server.as_ref(), pass).await;
            let receipt = sent.map_err(|failure| failure.partly(n, of))?;
            ids.push(receipt.remote_id.clone());
            pass.keep_parts(ids.iter().map(String::as_str), of).await?;
            first.get_or_insert(receipt);
        }
        match first.filter(|_| out == 0) {
            Some(receipt) => Ok(receipt),
            None => self.receipt_of(&ids[0]).await.map_err(|reason| Failure::InDoubt { reason }),
        }
    }

    async fn send_part(
        &self,
        job: &Job,
        n: usize,
        after: Option<&String>,
        media: &[String],
        server: Option<&Server>,
        pass: &Pass,
    ) -> Result<Receipt, Failure> {
        let url = self.api(&["v1", "statuses"]);
        let mut request = Request::post(url.as_str()).bearer(&self.token);
        if server.is_some_and(|s| s.software != Software::Pleroma) {
            let key = &job.idempotency_key;
            let key = if n == 0 { key.clone() } else { format!("{key}-{n}") };
            request = request.header("idempotency-key", &key);
        }
        let media = if n == 0 { media } else { &[] };
        let request = request.json(&content(&job.rendition.part(n), media, &self.visibility, after));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer));
        }
        let status = answer.json::<Status>().map_err(|reason| Failure::InDoubt { reason })?;
        answers::receipt(status, &self.visibility).map_err(|reason| Failure::InDoubt { reason })
    }

    /// Adds the parts that are out after those of `ids`, as far as the server shows them.
    async fn follow(&self, job: &Job, ids: &mut Vec<String>, of: usize) -> Result<(), String> {
        let account = self.account().await?;
        while ids.len() < of {
            let Some(last) = ids.last() else { return Ok(()) };
            let wanted = job.rendition.part(ids.len());
            let around: Context = self.look(&self.api(&["v1", "statuses", last, "context"])).await?.0;
            let answers = around.descendants.into_iter();
            let own: Vec<Status> = answers.filter(|p| p.is_by(&account) && p.answers(last)).collect();
            let (mut same, mut others) = (Vec::new(), 0);
            for post in own {
                if answers::is_id(&post.id) && self.source(&post).await?.says(&wanted) {
                    same.push(post.id);
                } else {
                    others += 1;
                }
            }
            let Some(id) = next_part(same, others)? else { return Ok(()) };
            ids.push(id);
        }
        Ok(())
    }

    /// Looks for the post, whole or in parts.
    pub(super) async fn find(&self, job: &Job) -> Sighting {
        let (mut ids, of) = kept(job, answers::is_id);
        if ids.is_empty() {
            return match self.search(job).await {
                // Its id is not written down, so another try would not go on after it.
                Ok(Sighting::Found(_)) if of > 1 => Sighting::unnamed(of),
                seen => seen.unwrap_or_else(Sighting::Unknown),
            };
        }
        match self.follow(job, &mut ids, of).await {
            Err(why) => Sighting::Unknown(why),
            Ok(()) if ids.len() == of => {
                self.receipt_of(&ids[0]).await.map_or_else(Sighting::Unknown, Sighting::Found)
            }
            Ok(()) => Sighting::stopped(ids.len(), of),
        }
    }

    /// The receipt of a post that is out.
    async fn receipt_of(&self, id: &str) -> Result<Receipt, String> {
        let (status, _) = self.look::<Status>(&self.api(&["v1", "statuses", id])).await?;
        let receipt = answers::receipt(status, &self.visibility)?;
        if receipt.remote_id != id {
            return Err("the server shows another post for the first part".to_owned());
        }
        Ok(receipt)
    }

    /// Deletes the parts, the last one first, so that no answer stands without what it answers.
    pub(super) async fn delete_parts(
        &self,
        job: &Job,
        remote_id: Option<&str>,
    ) -> Result<Retraction, String> {
        let (mut ids, of) = kept(job, answers::is_id);
        if ids.is_empty() {
            ids.extend(remote_id.map(str::to_owned));
        }
        if ids.is_empty() {
            return Err(crate::NOT_OURS.to_owned());
        }
        let followed = self.follow(job, &mut ids, of).await;
        let mut down = TakenDown::of(of);
        for (n, id) in ids.iter().enumerate().rev() {
            down.part(n, self.delete(id).await);
        }
        Ok(down.told(rest_of(followed, ids.len(), of)))
    }
}
