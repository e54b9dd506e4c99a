//! New words for a post that is out, in its place.

use serde_json::{Value, json};
use url::Url;

use super::Mastodon;
use super::answers::{self, Source, Status};
use super::media::unread;
use super::reads::says_not_found;
use crate::http::{Answer, Request};
use crate::revise::{EITHER, GONE, Shows};
use crate::{Failure, Job, Pass, Receipt, Rendition, Retry, Revised, Sighting};

/// Said of a server that shows the post and knows no way to change it.
const NO_WAY: &str = "this server cannot change posts; take it down, or send a correction";
/// Said of a post that has neither the new words nor the old ones.
const OTHER_WORDS: &str = "somebody has given the post other words on the server";

/// Said of a post that has other pictures than it was given here.
const PICTURES: &str = "the post has other pictures on the server than it was given here; change it there";
/// Said of a post that the account may read, and not change.
const NOT_OWN: &str = "another account posted it; connect that one";

/// What the server is sent. Who sees the post stays as it is. Pictures that are not named are taken away, and those that
/// are keep their words (mastodon/mastodon, `app/services/update_status_service.rb`).
fn content(post: &Rendition, pictures: &[String]) -> Value {
    let mut content = json!({
        "status": post.text,
        "language": post.language,
        "sensitive": post.title.is_some(),
        "spoiler_text": post.title.as_deref().unwrap_or_default(),
    });
    if !pictures.is_empty() {
        content["media_ids"] = pictures.into();
    }
    content
}

impl Mastodon {
    /// Source: <https://docs.joinmastodon.org/methods/statuses/#edit>.
    pub(super) async fn change(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let id = of.remote_id.as_str();
        if !answers::is_id(id) {
            return Err(Failure::never(GONE));
        }
        let url = self.api(&["v1", "statuses", id]);
        let pictures = self.check_before(job, of, &url).await?;
        let content = content(&job.rendition, &pictures);
        let request = Request::put(url.as_str()).bearer(&self.token).json(&content);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if answer.status == 405 {
            return Err(Failure::never(NO_WAY));
        }
        if answer.status == 404 {
            let seen = self.get(&url).await.map_err(|trouble| trouble.failure(false).without_effect())?;
            return Err(match seen.status {
                200 => self.why_not(&seen).await,
                _ if says_not_found(&seen) => Failure::never(GONE),
                _ => self.failure(&seen).without_effect(),
            });
        }
        if !answer.is_success() {
            return Err(self.failure(&answer));
        }
        let status = answer.json::<Status>().map_err(|reason| Failure::InDoubt { reason })?;
        if status.id != id {
            return Err(Failure::InDoubt { reason: "the answer is not about the post".to_owned() });
        }
        answers::receipt(status, &self.visibility).map_err(|reason| Failure::InDoubt { reason })
    }

    /// Looks whether the post is as it was: words and pictures that somebody gave it on the server stay. The ids of its
    /// pictures.
    async fn check_before(&self, job: &Job, of: &Revised, url: &Url) -> Result<Vec<String>, Failure> {
        let ask = async |url: &Url| self.get(url).await.map_err(|t| t.failure(false).without_effect());
        let seen = ask(url).await?;
        if says_not_found(&seen) {
            return Err(Failure::never(GONE));
        }
        if seen.status != 200 {
            return Err(self.failure(&seen).without_effect());
        }
        let status: Status = seen.json().map_err(unread)?;
        if status.id != of.remote_id {
            return Err(unread("the answer is not about the post".to_owned()));
        }
        let pictures = status.pictures().filter(|told| told.len() == of.before.media.len());
        let pictures: Vec<_> = pictures.ok_or_else(|| Failure::never(PICTURES))?;
        let pictures = pictures.into_iter().map(str::to_owned).collect();
        let told = ask(&self.source_of(&of.remote_id)).await?;
        match told.status {
            200 => {}
            404 | 405 => return Err(Failure::never(NO_WAY)),
            _ => return Err(self.failure(&told).without_effect()),
        }
        let source: Source = told.json().map_err(unread)?;
        match of.shows(&job.rendition, |post| source.says(post)) {
            Shows::Other => Err(Failure::never(OTHER_WORDS)),
            _ => Ok(pictures),
        }
    }

    /// Why a post that the server shows is not changed.
    async fn why_not(&self, seen: &Answer) -> Failure {
        let (status, account) = (seen.json::<Status>(), self.account().await);
        match (status, account) {
            (Ok(status), Ok(account)) if status.is_by_another(&account) => {
                Failure::Rejected { reason: NOT_OWN.to_owned(), retry: Retry::Reconnect }
            }
            _ => Failure::never(NO_WAY),
        }
    }

    fn source_of(&self, id: &str) -> Url {
        self.api(&["v1", "statuses", id, "source"])
    }

    pub(super) async fn seen_changed(&self, job: &Job, of: &Revised) -> Sighting {
        self.compare(job, of).await.unwrap_or_else(Sighting::Unknown)
    }

    async fn compare(&self, job: &Job, of: &Revised) -> Result<Sighting, String> {
        if !answers::is_id(&of.remote_id) {
            return Ok(Sighting::Gone(GONE.to_owned()));
        }
        let url = self.api(&["v1", "statuses", &of.remote_id]);
        let answer = self.get(&url).await.map_err(|trouble| trouble.to_string())?;
        if says_not_found(&answer) {
            return Ok(Sighting::Gone(GONE.to_owned()));
        }
        let (status, _) = self.read::<Status>(answer)?;
        if status.id != of.remote_id {
            return Err("the answer is not about the post".to_owned());
        }
        // Asked for anew: a server that tells no time of an edit has the new words under the old name.
        let (source, _) = self.look::<Source>(&self.source_of(&status.id)).await?;
        match of.shows(&job.rendition, |post| source.says(post)) {
            Shows::New => answers::receipt(status, &self.visibility).map(Sighting::Found),
            Shows::Old => Ok(Sighting::Absent),
            Shows::Either => Err(EITHER.to_owned()),
            Shows::Other => Err(OTHER_WORDS.to_owned()),
        }
    }
}
