//! New words for a post that is out on the site, in its place.
//!
//! The page bears a mark of the delivery that changed it, so that a lost answer is settled by reading the
//! post. The status is not written: a post that an editor has taken down meanwhile stays down. Words that an editor
//! gave it stay, too: what is there is compared with what was out, as readers get it.

use serde_json::{Value, json};

use super::page::{marked, page};
use super::post::{FIELDS, Post, slug};
use super::{Media, WordPress, failure, is_gone, no_effect, not_looked, unread};
use crate::html::escape;
use crate::html_words::words;
use crate::http::{Answer, Request};
use crate::revise::{EITHER, GONE, HIDDEN, Shows};
use crate::{Failure, Job, Pass, Receipt, Rendition, Revised, Sighting};

/// Said of a post that is a draft again, is private, or lies in the trash.
const NOT_PUBLIC: &str = "the post is not public on WordPress any more, so its words are not changed there";

/// Said of a post that was taken down while it got the words.
const DOWN_NOW: &str =
    "somebody took the post down on WordPress at the same moment; what is kept there has the new words";
/// Said of a post that has neither the new words nor the old ones.
const OTHER_WORDS: &str = "somebody has given the post other words on WordPress";

/// Title and page, with the mark of the delivery.
fn content(job: &Job, media: &[Media]) -> Value {
    let post = &job.rendition;
    let page = page(&post.text, &post.language, &post.media, media);
    let title = escape(post.title.as_deref().unwrap_or_default());
    json!({ "title": title, "content": marked(&page, &slug(job)) })
}

/// What the post of that number is by now.
enum There {
    Public(Shown),
    /// A draft again, private, or in the trash.
    Hidden,
    Gone,
}

/// A post that is public, as the site keeps it.
struct Shown {
    post: Post,
    title: String,
    page: String,
}

impl Shown {
    /// Whether readers get those words. Where its pictures are is the site's matter.
    fn says(&self, post: &Rendition) -> bool {
        let media: Vec<Media> =
            post.media.iter().map(|_| Media { id: 0, source_url: String::new() }).collect();
        let expected = page(&post.text, &post.language, &post.media, &media);
        words(&self.title) == words(&escape(post.title.as_deref().unwrap_or_default()))
            && words(&self.page) == words(&expected)
    }

    fn of(&self, of: &Revised, job: &Job) -> Shows {
        of.shows(&job.rendition, |post| self.says(post))
    }
}

impl WordPress {
    /// Source: <https://developer.wordpress.org/rest-api/reference/posts/#update-a-post>.
    pub(super) async fn change(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        let id = of.remote_id.parse().map_err(|_| Failure::never(GONE))?;
        match self.there(id).await? {
            There::Gone => return Err(Failure::never(GONE)),
            There::Hidden => return Err(Failure::never(NOT_PUBLIC)),
            There::Public(shown) if shown.of(of, job) == Shows::Other => {
                return Err(Failure::never(OTHER_WORDS));
            }
            There::Public(_) => {}
        }
        let media = self.upload(job, pass).await?;
        let url = self.api(&["posts", &id.to_string()]);
        let request = self.authorised(Request::post(url.as_str())).json(&content(job, &media));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if is_gone(&answer) {
            return Err(Failure::never(GONE));
        }
        if !answer.is_success() {
            return Err(failure(&answer, &self.password));
        }
        match answer.json::<Post>().map_err(|reason| Failure::InDoubt { reason })? {
            post if post.id != id => {
                Err(Failure::InDoubt { reason: "the answer is not about the post".to_owned() })
            }
            post if post.is_public() => Ok(post.receipt(&self.password)),
            _ => Err(Failure::never(DOWN_NOW)),
        }
    }

    pub(super) async fn seen_changed(&self, job: &Job, of: &Revised) -> Sighting {
        let Ok(id) = of.remote_id.parse() else { return Sighting::Gone(GONE.to_owned()) };
        match self.there(id).await {
            // Something on the site may drop the mark.
            Ok(There::Public(shown)) if shown.page.contains(&slug(job)) => {
                Sighting::Found(shown.post.receipt(&self.password))
            }
            Ok(There::Public(shown)) => match shown.of(of, job) {
                Shows::New => Sighting::Found(shown.post.receipt(&self.password)),
                Shows::Old => Sighting::Absent,
                Shows::Either => Sighting::Unknown(EITHER.to_owned()),
                Shows::Other => Sighting::Unknown(OTHER_WORDS.to_owned()),
            },
            // It may be public again, with whichever words.
            Ok(There::Hidden) => Sighting::Unknown(HIDDEN.to_owned()),
            Ok(There::Gone) => Sighting::Gone(GONE.to_owned()),
            Err(why) => Sighting::Unknown(why.to_string()),
        }
    }

    async fn there(&self, id: u64) -> Result<There, Failure> {
        let mut url = self.api(&["posts", &id.to_string()]);
        let fields = format!("{FIELDS},title,content");
        url.query_pairs_mut().extend_pairs([("context", "edit"), ("_fields", fields.as_str())]);
        let answer: Answer =
            self.http.call(self.authorised(Request::get(url.as_str()))).await.map_err(no_effect)?;
        if is_gone(&answer) {
            return Ok(There::Gone);
        }
        if !answer.is_success() {
            return Err(not_looked(failure(&answer, &self.password)));
        }
        let told: Value = answer.json().map_err(unread)?;
        let raw = |field: &str| told[field]["raw"].as_str().map(str::to_owned);
        let (Some(title), Some(page)) = (raw("title"), raw("content")) else {
            return Err(unread("the site does not show the post as it was written".to_owned()));
        };
        match serde_json::from_value::<Post>(told) {
            Ok(post) if post.id != id => Err(unread("the answer is not about the post".to_owned())),
            Ok(post) if post.is_public() => Ok(There::Public(Shown { post, title, page })),
            Ok(_) => Ok(There::Hidden),
            Err(_) => Err(unread("the answer is not about the post".to_owned())),
        }
    }
}
