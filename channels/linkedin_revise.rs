//! New words for a post of the page, in its place. Its pictures stay as they are: a change names the words alone, and
//! LinkedIn changes no pictures of a post that is out.

use serde::Deserialize;
use serde_json::json;

use super::LinkedIn;
use super::answers::{is_post, link, says_not_found};
use crate::http::Request;
use crate::message::Doing;
use crate::revise::{GONE, Shows};
use crate::{Failure, Job, Pass, Receipt, Revised, Sighting, linkedin_text};

/// Said of a post that has neither the new words nor the old ones.
const OTHER_WORDS: &str = "somebody has given the post other words on LinkedIn";

/// A post, as far as its words are read.
#[derive(Deserialize)]
struct Words {
    id: String,
    #[serde(default)]
    commentary: String,
}

impl Words {
    fn says(&self, words: &str) -> bool {
        let plain = |text: &str| text.trim().replace("\r\n", "\n");
        let ours = plain(words);
        plain(&linkedin_text::read(&self.commentary)) == ours || plain(&self.commentary) == ours
    }
}

fn receipt(id: &str) -> Receipt {
    Receipt { remote_id: id.to_owned(), url: Some(link(id)), note: None }
}

impl LinkedIn {
    /// Source: <https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api> (updating a
    /// post). Whoever manages the page can change its posts, too: words of theirs stay.
    pub(super) async fn change(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let gone = || Failure::never(GONE);
        let id = Some(of.remote_id.as_str()).filter(|id| is_post(id)).ok_or_else(gone)?;
        let there = self.words_of(id).await.map_err(Failure::without_effect)?.ok_or_else(gone)?;
        if of.shows(&job.rendition, |post| there.says(&post.text)) == Shows::Other {
            return Err(Failure::never(OTHER_WORDS));
        }
        let words = linkedin_text::written(&job.rendition.text);
        let request =
            Request::post(self.api(&["posts", id]).as_str()).header("x-restli-method", "PARTIAL_UPDATE");
        let request = self.ready(request).json(&json!({ "patch": { "$set": { "commentary": words } } }));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        match answer.is_success() {
            true => Ok(receipt(id)),
            false if says_not_found(&answer) => Err(gone()),
            false => Err(self.failure(&answer, Doing::Revise)),
        }
    }

    pub(super) async fn seen_changed(&self, job: &Job, of: &Revised) -> Sighting {
        if !is_post(&of.remote_id) {
            return Sighting::Gone(GONE.to_owned());
        }
        match self.words_of(&of.remote_id).await {
            Err(why) => Sighting::Unknown(why.to_string()),
            Ok(None) => Sighting::Gone(GONE.to_owned()),
            Ok(Some(there)) => match of.shows(&job.rendition, |post| there.says(&post.text)) {
                // Nothing but its words changes.
                Shows::New | Shows::Either => Sighting::Found(receipt(&there.id)),
                Shows::Old => Sighting::Absent,
                Shows::Other => Sighting::Unknown(OTHER_WORDS.to_owned()),
            },
        }
    }

    /// The words of the post, if it is there.
    async fn words_of(&self, id: &str) -> Result<Option<Words>, Failure> {
        let request = self.ready(Request::get(self.api(&["posts", id]).as_str()));
        let answer = self.http.call(request).await.map_err(|trouble| trouble.failure(false))?;
        if says_not_found(&answer) {
            return Ok(None);
        }
        if answer.status != 200 {
            return Err(self.failure(&answer, Doing::Ask));
        }
        match answer.json::<Words>() {
            Ok(words) if words.id == id => Ok(Some(words)),
            Ok(_) => Err(Failure::InDoubt { reason: "the answer is not about the post".to_owned() }),
            Err(reason) => Err(Failure::InDoubt { reason }),
        }
    }
}
