//! The two steps of a post on Instagram: containers, which nobody sees, and their publication.

use async_trait::async_trait;
use serde_json::Value;

use super::{Instagram, NOT_SHOWN, UNREACHED};
use crate::graph::children::Carousel;
use crate::graph::{self, LOOKS, Meaning, SECOND, is_id, not_told, of};
use crate::http::Answer;
use crate::{Failure, Job, Pass, Receipt, Retry, text};

/// What has become of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Preparing,
    Ready,
    Out,
    /// It is not out and never will be; Instagram's words about it.
    Dead(String),
    /// Instagram does not know it: it has been forgotten, or is hidden. It may have been out.
    Hidden,
}

/// The end of a handle whose publication was refused because the account is blocked.
pub(super) const BLOCKED: &str = ":blocked";

fn is_blocked(handle: &str) -> bool {
    handle.ends_with(BLOCKED)
}

/// A publication that was refused because its container is not ready yet, by Meta's subcode.
const NOT_READY: i64 = 2_207_027;

impl Instagram {
    pub(super) async fn state(&self, container: &str) -> Result<State, Failure> {
        let fields = [("fields", "status_code,status")];
        let Some(answer) = self.api.ask_if_there(&[container], &fields).await? else {
            return Ok(State::Hidden);
        };
        let told: Value = answer.json().map_err(not_told)?;
        match told["status_code"].as_str() {
            Some("IN_PROGRESS") => Ok(State::Preparing),
            Some("FINISHED") => Ok(State::Ready),
            Some("PUBLISHED") => Ok(State::Out),
            Some(dead @ ("EXPIRED" | "ERROR")) => {
                let words = told["status"].as_str().unwrap_or(dead);
                Ok(State::Dead(text::shown(words)))
            }
            _ => Err(not_told("Instagram does not tell what has become of the post".to_owned())),
        }
    }

    /// Makes the container of the post: of its one picture, or of one for each picture.
    async fn make(&self, job: &Job, pass: &Pass) -> Result<String, Failure> {
        if !self.is_fetched {
            return Err(Failure::Rejected { reason: UNREACHED.to_owned(), retry: Retry::Reconnect });
        }
        let text = job.rendition.text.as_str();
        let pictures: Vec<(&str, &str)> = job
            .media_urls
            .iter()
            .zip(&job.rendition.media)
            .map(|(url, picture)| (url.as_str(), picture.alt.as_str()))
            .collect();
        let media = [self.user.as_str(), "media"];
        match pictures.as_slice() {
            [] => Err(Failure::Rejected {
                reason: "Instagram takes no post without a picture".to_owned(),
                retry: Retry::Never,
            }),
            [(url, alt)] => {
                self.api
                    .container(&media, &[("image_url", *url), ("alt_text", *alt), ("caption", text)], pass)
                    .await
            }
            several => {
                let children = self.children(job, several, pass).await?.join(",");
                let form = [("media_type", "CAROUSEL"), ("children", &*children), ("caption", text)];
                self.api.container(&media, &form, pass).await
            }
        }
    }

    /// Waits until a container is prepared.
    async fn ready(&self, container: &str) -> Result<State, Failure> {
        let mut why = "Instagram is still preparing the post";
        for wait in LOOKS {
            tokio::time::sleep(SECOND * wait).await;
            match self.state(container).await? {
                State::Preparing => {}
                State::Hidden => why = NOT_SHOWN,
                State::Dead(words) => {
                    return Err(not_told(format!("Instagram could not prepare the post: {words}")));
                }
                state => return Ok(state),
            }
        }
        Err(not_told(why.to_owned()))
    }

    /// The container that this attempt publishes, and whether it is out already: that of an earlier attempt,
    /// or a new one. It is written down.
    pub(super) async fn prepare(&self, job: &Job, pass: &Pass) -> Result<(String, State), Failure> {
        let known = job.handle.as_deref().and_then(|handle| self.container(handle));
        let mut state = State::Dead(String::new());
        if let Some(container) = known {
            state = self.state(container).await?;
        }
        if known.is_some() && state == State::Hidden {
            self.is_nowhere(job).await?;
        }
        if let Some(container) =
            known.filter(|_| state != State::Out && job.handle.as_deref().is_some_and(is_blocked))
        {
            return self.left_to_people(container, pass).await;
        }
        let container = match known.filter(|_| !matches!(state, State::Dead(_) | State::Hidden)) {
            Some(container) => container.to_owned(),
            None => self.make(job, pass).await?,
        };
        // Also that of an earlier attempt: an attempt that others took over must not go on.
        pass.keep(&of(&self.user, &container)).await?;
        let state = if state == State::Out { state } else { self.ready(&container).await? };
        Ok((container, state))
    }

    /// What is hidden is replaced only where no post has its words: it can have been out.
    async fn is_nowhere(&self, job: &Job) -> Result<(), Failure> {
        match self.with_the_words(job).await.map_err(not_told)?.len() {
            0 => Ok(()),
            _ => Err(Failure::InDoubt {
                reason: "Instagram does not show what has become of an earlier try, and a post has its words"
                    .to_owned(),
            }),
        }
    }

    /// The account was blocked when this container was published, and it is known not to be out: a person sees
    /// to the account before anything is published again. The next attempt goes on.
    async fn left_to_people(&self, container: &str, pass: &Pass) -> Result<(String, State), Failure> {
        pass.keep(&of(&self.user, container)).await?;
        let reason = "Instagram blocked the account when this was published; see there what it asks for, then \
             release the post again";
        Err(Failure::Rejected { reason: reason.to_owned(), retry: Retry::Reconnect })
    }

    /// The step that the public sees.
    pub(super) async fn reveal(&self, job: &Job, container: &str, pass: &Pass) -> Result<Receipt, Failure> {
        let is_first = job.handle.as_deref() != Some(of(&self.user, container).as_str());
        let request = self.api.post(&[&self.user, "media_publish"], &[("creation_id", container)]);
        let (failure, said) = match self.api.make(request, pass).await {
            Ok(told) => {
                let id = told["id"].as_str().filter(|id| is_id(id));
                let id =
                    id.ok_or_else(|| Failure::InDoubt { reason: "the answer names no post".to_owned() })?;
                let url = self.api.link(id, "permalink").await;
                return Ok(Receipt { remote_id: of(&self.user, id), url, note: None });
            }
            // It is not there yet, although it was said to be ready.
            Err((_, Some(answer))) if graph::is_not_there(&answer) || is_not_ready(&answer) => {
                (not_told(answer.refused("Instagram is still preparing the post", None)), None)
            }
            // Nothing of it has left, and no earlier attempt had this container.
            Err((failure @ Failure::Rejected { .. }, None)) if is_first => return Err(failure),
            Err((failure, answer)) => (failure, answer.as_ref().and_then(graph::said)),
        };
        let Failure::Rejected { reason, retry } = failure else { return Err(failure) };
        // A container that is out already is perhaps refused: then it is no refusal of the post. What is said
        // not to be out is believed of a container that nobody published before and whose state says so too.
        let blocks = matches!(said, Some(Meaning::Restricted | Meaning::TooFast));
        let slows = said == Some(Meaning::Throttled) || said.is_none() && matches!(retry, Retry::After(_));
        let is_believed = is_first && !blocks && !slows;
        if blocks && pass.keep(&format!("{}{BLOCKED}", of(&self.user, container))).await.is_err() {
            return Err(Failure::InDoubt { reason });
        }
        match self.state(container).await {
            Ok(State::Out) => Ok(self.out()),
            Ok(State::Ready | State::Preparing | State::Dead(_)) if is_believed => {
                Err(Failure::Rejected { reason, retry })
            }
            Err(_) if is_believed && graph::is_certain(said, retry) => {
                Err(Failure::Rejected { reason, retry })
            }
            _ => Err(Failure::InDoubt { reason }),
        }
    }
}

#[async_trait]
impl Carousel for Instagram {
    fn account(&self) -> &str {
        &self.user
    }

    async fn is_usable(&self, container: &str) -> Result<bool, Failure> {
        Ok(matches!(self.state(container).await?, State::Preparing | State::Ready))
    }

    async fn contain(&self, url: &str, alt: &str, pass: &Pass) -> Result<String, Failure> {
        let form = [("image_url", url), ("alt_text", alt), ("is_carousel_item", "true")];
        self.api.container(&[&self.user, "media"], &form, pass).await
    }

    async fn wait_for(&self, container: &str) -> Result<(), Failure> {
        self.ready(container).await.map(drop)
    }
}

fn is_not_ready(answer: &Answer) -> bool {
    let told: Value = answer.json().unwrap_or_default();
    (400..500).contains(&answer.status) && told["error"]["error_subcode"] == NOT_READY
}
