//! New words for a post that is out on the site, in its place.

use super::answers::is_missing;
use super::post::{self, Post, receipt, written};
use super::{CHANGED, Ghost, Posts, words};
use crate::http::Request;
use crate::message::Doing;
use crate::revise::{EITHER, GONE, HIDDEN, Shows};
use crate::{Failure, Job, Pass, Receipt, Revised, Sighting};

/// Said of a post that is a draft again, or was sent by e-mail.
const NOT_PUBLIC: &str = "the post is not public on Ghost any more, so its words are not changed there";

/// Said of a post that was taken down while it got the words.
const DOWN_NOW: &str =
    "somebody took the post down on Ghost at the same moment; what is kept there has the new words";

/// What the post shows of the change.
fn shows(job: &Job, of: &Revised, post: &Post) -> Shows {
    of.shows(&job.rendition, |words| words::same(&Job { rendition: words.clone(), ..job.clone() }, post))
}

impl Ghost {
    /// The post, or why nothing is changed there.
    async fn standing(&self, id: &str) -> Result<Result<Post, &'static str>, Failure> {
        if !post::is_id(id) {
            return Ok(Err(GONE));
        }
        Ok(match self.one(id).await? {
            Some(post) if post.is_public() => Ok(post),
            Some(_) => Err(NOT_PUBLIC),
            None => Err(GONE),
        })
    }

    /// The status is not written: a post that an editor has taken down meanwhile stays down. So do words that an editor
    /// gave it: Ghost refuses what changes another state than the one that was compared.
    pub(super) async fn change(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let id = of.remote_id.as_str();
        let there = self.standing(id).await?.map_err(Failure::never)?;
        if shows(job, of, &there) == Shows::Other {
            return Err(Failure::never(CHANGED));
        }
        // Who may read it stays as editors left it.
        let mut content = written(job, &self.upload(job, pass).await?);
        content["updated_at"] = there.updated_at.into();
        let mut url = self.api(&["posts", id]);
        url.set_query(Some("source=html"));
        let request = self.write(Request::put(url.as_str()), &content);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if is_missing(&answer) {
            return Err(Failure::never(GONE));
        }
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Revise));
        }
        let told = answer.json::<Posts>().map_err(|reason| Failure::InDoubt { reason })?.posts;
        match told.first().filter(|post| post.id == id) {
            Some(post) if post.is_public() => Ok(receipt(post)),
            Some(_) => Err(Failure::never(DOWN_NOW)),
            None => Err(Failure::InDoubt { reason: "the answer is not about the post".to_owned() }),
        }
    }

    pub(super) async fn seen_changed(&self, job: &Job, of: &Revised) -> Sighting {
        match self.standing(&of.remote_id).await {
            Ok(Ok(post)) => match shows(job, of, &post) {
                Shows::New => Sighting::Found(receipt(&post)),
                Shows::Old => Sighting::Absent,
                Shows::Either => Sighting::Unknown(EITHER.to_owned()),
                Shows::Other => Sighting::Unknown(CHANGED.to_owned()),
            },
            // It may be public again, with whichever words.
            Ok(Err(NOT_PUBLIC)) => Sighting::Unknown(HIDDEN.to_owned()),
            Ok(Err(why)) => Sighting::Gone(why.to_owned()),
            Err(why) => Sighting::Unknown(why.to_string()),
        }
    }
}
