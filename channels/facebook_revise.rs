//! New words for a post of the page, in its place.

use super::{Facebook, Post, web};
use crate::graph;
use crate::revise::{GONE, Shows};
use crate::{Failure, Job, Pass, Receipt, Revised, Sighting, text};

/// Said of a post that has neither the new words nor the old ones.
const OTHER_WORDS: &str = "somebody has given the post other words on Facebook";

impl Post {
    fn says(&self, words: &str) -> bool {
        text::plain(&self.message) == text::plain(words)
    }
}

impl Facebook {
    /// Source: <https://developers.facebook.com/docs/pages-api/posts> (updating a post by the fields that are to be
    /// others). That pictures of a post stay when its words change is said there by nothing else; others do it so
    /// (mobolic/facebook-sdk, issue 486), and nobody tried it here. That a post is not known is believed of the page's
    /// own token.
    pub(super) async fn change(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let id =
            Some(of.remote_id.as_str()).filter(|id| self.is_own(id)).ok_or_else(|| Failure::never(GONE))?;
        if let Some(there) = self.there(id).await.map_err(Failure::without_effect)?
            && of.shows(&job.rendition, |post| there.says(&post.text)) == Shows::Other
        {
            return Err(Failure::never(OTHER_WORDS));
        }
        let request = self.api.post(&[id], &[("message", &job.rendition.text)]);
        let made = match self.api.make(request, pass).await {
            Err((failure, Some(answer))) if graph::is_not_there(&answer) => {
                let is_ours = self.api.belongs_to(&self.page).await.is_ok();
                return Err(if is_ours { Failure::never(GONE) } else { failure });
            }
            made => made.map_err(|(failure, _)| failure)?,
        };
        if made["success"] != true {
            return Err(Failure::InDoubt { reason: "Meta does not say what it did".to_owned() });
        }
        Ok(Receipt { remote_id: id.to_owned(), url: self.api.link(id, "permalink_url").await, note: None })
    }

    pub(super) async fn seen_changed(&self, job: &Job, of: &Revised) -> Sighting {
        self.compare(job, of).await.unwrap_or_else(Sighting::Unknown)
    }

    async fn compare(&self, job: &Job, of: &Revised) -> Result<Sighting, String> {
        if !self.is_own(&of.remote_id) {
            return Ok(Sighting::Gone(GONE.to_owned()));
        }
        let Some(post) = self.there(&of.remote_id).await.map_err(|failure| failure.to_string())? else {
            self.api.belongs_to(&self.page).await?;
            return Ok(Sighting::Gone(GONE.to_owned()));
        };
        match of.shows(&job.rendition, |other| post.says(&other.text)) {
            // Nothing but its words changes.
            Shows::New | Shows::Either => {
                let url = post.permalink_url.as_deref().and_then(web);
                Ok(Sighting::Found(Receipt { remote_id: post.id, url, note: None }))
            }
            Shows::Old => Ok(Sighting::Absent),
            Shows::Other => Err(OTHER_WORDS.to_owned()),
        }
    }

    /// The post of that id, if the token sees it.
    async fn there(&self, id: &str) -> Result<Option<Post>, Failure> {
        let fields = [("fields", "id,message,permalink_url")];
        let Some(told) = self.api.ask_if_there(&[id], &fields).await? else { return Ok(None) };
        match told.json::<Post>().map_err(graph::not_told)? {
            post if post.id == id => Ok(Some(post)),
            _ => Err(graph::not_told("the answer is not about the post".to_owned())),
        }
    }
}
