//! What the public sees of a Ghost post: the step that shows it, the look at it, the one that hides it.

use serde_json::{Value, json};

use super::answers::is_missing;
use super::post::{self, Post, receipt};
use super::{CHANGED, FIELDS, Ghost, MAILED, Posts, left_to_people, not_looked, unread, words};
use crate::http::{Answer, Request};
use crate::message::Doing;
use crate::{Failure, Job, NOT_OURS, Pass, Receipt, Retraction, Retry};

impl Ghost {
    /// The post of that id with its words, if there is one.
    pub(super) async fn one(&self, id: &str) -> Result<Option<Post>, Failure> {
        let mut url = self.api(&["posts", id]);
        url.query_pairs_mut()
            .append_pair("fields", &format!("{FIELDS},title,html"))
            .append_pair("formats", "html");
        let answer = self.get(&url).await?;
        if is_missing(&answer) {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(not_looked(self.failure(&answer, Doing::Ask)));
        }
        let post = answer.json::<Posts>().map_err(unread)?.posts.into_iter().next();
        match post.filter(|post| post.id == id) {
            Some(post) => Ok(Some(post)),
            None => Err(unread("the answer names no post".to_owned())),
        }
    }

    /// A post that is public: ours, as far as it says what was approved.
    pub(super) async fn ours(&self, job: &Job, post: &Post) -> Result<Receipt, Failure> {
        let doubt = |reason: String| Failure::InDoubt { reason };
        let seen = self.one(&post.id).await.map_err(|why| doubt(why.to_string()))?;
        match seen {
            Some(seen) if seen.is_public() && words::same(job, &seen) => Ok(receipt(&seen)),
            Some(seen) => Err(doubt(left_to_people(&seen).unwrap_or(CHANGED).to_owned())),
            None => Err(doubt(CHANGED.to_owned())),
        }
    }

    /// The step that the public sees. It carries the content again: the draft may be older than the words
    /// that were approved, or an editor may have touched it. Without a date it is that of the moment.
    pub(super) async fn reveal(
        &self,
        job: &Job,
        draft: &Post,
        content: &Value,
        pass: &Pass,
    ) -> Result<Receipt, Failure> {
        let mut post = content.clone();
        post["status"] = "published".into();
        post["published_at"] = Value::Null;
        post["updated_at"] = draft.updated_at.clone().into();
        let mut url = self.api(&["posts", &draft.id]);
        url.set_query(Some("source=html"));
        pass.keep(&draft.id).await?;
        let request = self.write(Request::put(url.as_str()), &post);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return self.refused(job, draft, &answer).await;
        }
        let told = answer.json::<Posts>().map_err(|reason| Failure::InDoubt { reason })?.posts;
        let Some(post) = told.first().filter(|post| post.id == draft.id) else {
            return Err(Failure::InDoubt { reason: "the answer names no post".to_owned() });
        };
        match post.status.as_str() {
            "published" => Ok(receipt(post)),
            "draft" => {
                let reason = "Ghost kept the post as a draft; may this key publish?".to_owned();
                Err(Failure::Rejected { reason, retry: Retry::Reconnect })
            }
            _ => {
                let why = left_to_people(post).unwrap_or("Ghost does not say what it did");
                Err(Failure::InDoubt { reason: why.to_owned() })
            }
        }
    }

    /// What a refusal of the public step means. An edit that comes second is refused, and the first one can
    /// have been ours: the post itself tells.
    async fn refused(&self, job: &Job, draft: &Post, answer: &Answer) -> Result<Receipt, Failure> {
        let failure = self.failure(answer, Doing::Post);
        if !(matches!(answer.status, 409 | 422) || is_missing(answer)) {
            return Err(failure);
        }
        match self.one(&draft.id).await {
            Ok(Some(post)) if post.is_public() => self.ours(job, &post).await,
            Ok(post) => match post.as_ref().and_then(left_to_people) {
                Some(why) => Err(Failure::InDoubt { reason: why.to_owned() }),
                None => Err(failure),
            },
            Err(why) => Err(Failure::InDoubt { reason: why.to_string() }),
        }
    }

    /// Makes the post a draft again: the public sees it no more, and nothing is lost.
    pub(super) async fn hide(&self, id: &str) -> Result<Retraction, String> {
        if !post::is_id(id) {
            return Err(NOT_OURS.to_owned());
        }
        let Some(post) = self.one(id).await.map_err(|failure| failure.to_string())? else {
            return Ok(Retraction::Gone);
        };
        match post.status.as_str() {
            "draft" => return Ok(Retraction::Gone),
            "published" | "scheduled" => {}
            _ => return Err(MAILED.to_owned()),
        }
        let draft = json!({ "status": "draft", "updated_at": post.updated_at });
        let request = self.write(Request::put(self.api(&["posts", id]).as_str()), &draft);
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        if !answer.is_success() {
            return Ok(Retraction::StillLive(self.failure(&answer, Doing::TakeDown).to_string()));
        }
        match answer.json::<Posts>()?.posts.first() {
            Some(post) if post.status == "draft" && post.id == id => Ok(Retraction::Gone),
            _ => Err("Ghost does not say what it did".to_owned()),
        }
    }
}
