//! The first step of a post on Threads: containers, which nobody sees.
//!
//! Facts: <https://developers.facebook.com/docs/threads/posts> (a picture is one container; of 2 to 20 each has one of
//! its own, and then one is made for all), `threads/overview` (JPEG and PNG, 8 MB, a form of at most 10 to 1) and
//! `threads/posts/accessibility` (the words of a picture; that they have 1,000 characters at most is told by other
//! programs only). A picture that Threads does
//! not take is told when Threads has fetched it, and nothing is public by then.
//!
//! Told by no document: that a container of several wants its single ones to be ready, as on Instagram. They are
//! waited for.

use std::collections::HashSet;

use async_trait::async_trait;
use serde_json::Value;

use super::Threads;
use super::thread::Place;
use crate::graph::children::Carousel;
use crate::graph::{LOOKS, SECOND, not_told};
use crate::{Failure, Job, Pass, Rendition, text};

/// Most different links of one post (`threads/create-posts/text-attachments` there).
const MOST_LINKS: usize = 5;

/// What has become of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Preparing,
    Ready,
    Out,
    /// It is not out and never will be.
    Dead,
    /// Threads does not know it. It may have been out.
    Forgotten,
}

pub(super) const UNREACHED: &str = "Threads fetches pictures from this service, whose address (public_url) is not \
     reached from the internet; give it an https address, or send the post without pictures";

/// Whether Threads takes so many links.
pub(super) fn few_links(post: &Rendition) -> Result<(), Failure> {
    let links = |text| text::links(text).into_iter().map(|link| link.url).collect::<HashSet<String>>().len();
    if post.texts().any(|text| links(text) > MOST_LINKS) {
        return Err(Failure::never(format!("Threads takes at most {MOST_LINKS} links in a post")));
    }
    Ok(())
}

impl Threads {
    pub(super) async fn state(&self, container: &str) -> Result<State, Failure> {
        let fields = [("fields", "status,error_message")];
        let Some(answer) = self.api.ask_if_there(&[container], &fields).await? else {
            // It could be hidden from this access token.
            self.api.belongs_to(&self.user).await.map_err(not_told)?;
            return Ok(State::Forgotten);
        };
        let told: Value = answer.json().map_err(not_told)?;
        match told["status"].as_str() {
            Some("IN_PROGRESS") => Ok(State::Preparing),
            Some("FINISHED") => Ok(State::Ready),
            Some("PUBLISHED") => Ok(State::Out),
            Some("EXPIRED" | "ERROR") => Ok(State::Dead),
            _ => Err(not_told("Threads does not tell what has become of the post".to_owned())),
        }
    }

    /// Makes the container of the post: of its text, of its one picture, or of one for each picture. Nobody sees it.
    async fn make(&self, job: &Job, place: &Place<'_>, pass: &Pass) -> Result<String, Failure> {
        let text = job.rendition.text.as_str();
        let pictures = &job.rendition.media;
        if !pictures.is_empty() && !self.is_fetched {
            return Err(Failure::never(UNREACHED));
        }
        // What was approved goes out whole or not at all.
        if job.media_urls.len() != pictures.len() {
            return Err(not_told("the addresses of the pictures are missing".to_owned()));
        }
        let pictures: Vec<(&str, &str)> =
            job.media_urls.iter().zip(pictures).map(|(url, p)| (url.as_str(), p.alt.as_str())).collect();
        let posts = [self.user.as_str(), "threads"];
        let whole = async |mut form: Vec<(&str, &str)>| {
            form.push(("text", text));
            form.extend(place.after(&self.user).map(|id| ("reply_to_id", id)));
            self.api.container(&posts, &form, pass).await
        };
        match pictures.as_slice() {
            [] => whole(vec![("media_type", "TEXT")]).await,
            [(url, alt)] => {
                whole(vec![("media_type", "IMAGE"), ("image_url", *url), ("alt_text", *alt)]).await
            }
            several => {
                let children = self.children(job, several, pass).await?.join(",");
                whole(vec![("media_type", "CAROUSEL"), ("children", &*children)]).await
            }
        }
    }

    /// Waits until a container is prepared.
    async fn ready(&self, container: &str) -> Result<State, Failure> {
        for wait in LOOKS {
            tokio::time::sleep(SECOND * wait).await;
            match self.state(container).await? {
                State::Preparing => {}
                State::Dead | State::Forgotten => {
                    return Err(not_told("Threads could not prepare the post".to_owned()));
                }
                state => return Ok(state),
            }
        }
        Err(not_told("Threads is still preparing the post".to_owned()))
    }

    /// The container that this attempt publishes, and whether it is out already: that of an earlier attempt,
    /// or a new one. It is written down.
    pub(super) async fn prepare(
        &self,
        job: &Job,
        place: &Place<'_>,
        pass: &Pass,
    ) -> Result<(String, State), Failure> {
        let known = place.known;
        let mut state = State::Dead;
        if let Some(container) = known {
            state = self.state(container).await?;
        }
        // People decided about what is forgotten: nobody can publish it any more.
        let container = match known.filter(|_| !matches!(state, State::Dead | State::Forgotten)) {
            Some(container) => container.to_owned(),
            None => self.make(job, place, pass).await?,
        };
        // Also that of an earlier attempt: an attempt that others took over must not go on.
        pass.keep(&place.written(&self.user, &container)).await?;
        let state = if state == State::Out { state } else { self.ready(&container).await? };
        Ok((container, state))
    }
}

#[async_trait]
impl Carousel for Threads {
    fn account(&self) -> &str {
        &self.user
    }

    async fn is_usable(&self, container: &str) -> Result<bool, Failure> {
        Ok(matches!(self.state(container).await?, State::Preparing | State::Ready))
    }

    async fn contain(&self, url: &str, alt: &str, pass: &Pass) -> Result<String, Failure> {
        let item = ("is_carousel_item", "true");
        let form = [("media_type", "IMAGE"), ("image_url", url), ("alt_text", alt), item];
        self.api.container(&[&self.user, "threads"], &form, pass).await
    }

    async fn wait_for(&self, container: &str) -> Result<(), Failure> {
        self.ready(container).await.map(drop)
    }
}
