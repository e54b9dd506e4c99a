//! Adapter `teams`: posts in a channel of Microsoft Teams, through a workflow that waits for a call.
//!
//! Facts: <https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams>
//! and <https://learn.microsoft.com/connectors/teams/> (a message has about 28 KB at most). The address is
//! the secret, so it is the credential, and no error shows its path. Flows of Power Automate had addresses at
//! `logic.azure.com`, which stopped working on 30 November 2025. Those of an Azure Logic App of one's own are
//! there still, so such an address is taken, and the check says what it may mean.
//!
//! Pictures are elements `Image` with `url` and `altText` (`learn.microsoft.com/adaptive-cards/schema-explorer/image`):
//! Teams fetches them from this service as often as somebody looks at the card, so their addresses last as long as
//! the post ([`Fetched::Shown`]). It shows PNG, JPEG and GIF of less than 1 MB, and no moving ones
//! (`learn.microsoft.com/microsoftteams/platform/concepts/cards/cards-format`), so GIF is not sent. That
//! page also asks for at most 1024 x 1024 pixels, which nobody looks at here: a larger one is shown smaller, or not.
//! Bytes in the card instead (`data:`) would have to fit into its 28 KB.
//!
//! An acceptance (202) says that the flow has started, and no more: there is no id, nothing can be read
//! back or taken down, and nothing says whether the flow reached the channel. So such a post keeps no
//! promise, the console shows it apart, and each receipt says so. What a flow with an answer of its own says
//! with 200 is not documented: nothing at all, or the `1` of the classic connectors, counts as a start.
//! Everything else, such as the page of a proxy, is a doubt. A doubt is for people.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use crate::graph::fetched::{can_fetch, without_addresses};
use crate::http::{Answer, Http, Request};
use crate::message::Doing;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Fetched, Health, Job, Limits, Pass, PictureLimits,
    Pins, ReadBack, Receipt, Rendition, Replay, Retraction, Retry, Sighting, Ways, leads,
};

#[path = "teams_card.rs"]
mod card;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "teams",
    title: "Microsoft Teams",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::None,
        retract: false,
        media: true,
        starts_only: true,
        revises: None,
        pins: Pins::None,
        fetches: true,
        watches: false,
        sweeps: false,
        publishes: true,
        // About four calls a second.
        concurrency: 1,
    },
    // Quotes are two in the card, and functions in the text take more: this much always fits.
    limits: Limits {
        text: None,
        unit: Unit::Teams,
        text_bytes: Some(4_000),
        title: Some(200),
        title_needed: false,
        media: 4,
        media_bytes: 999_999,
        media_all: None,
        // Four with so many words and a usual text of this length fit; [`is_too_large`] looks at each post.
        alt: Some(500),
        parts: 1,
        cards: false,
        pictures: PictureLimits {
            forms: &["image/jpeg", "image/png"],
            other_form: "has another format than JPEG or PNG, which are all that Teams shows from here",
            ..PictureLimits::ANY
        },
    },
    settings: &[],
    frame: None,
    ways: Ways { fetched: Fetched::Shown, ..Ways::USUAL },
    connect,
};

/// Why a post with pictures does not go out.
pub(crate) const TOO_LARGE: &str = "is too much for one message of Teams together with the text: shorten the text, or the words \
     of the pictures, or leave a picture out";
const UNREACHED: &str = "Teams fetches pictures from this service, whose address (public_url) is not reached from the internet; \
     give it an https address, or send the post without pictures";

/// Whether a post with pictures is more than one call may hold, wherever its pictures are.
pub(crate) fn is_too_large(post: &Rendition) -> bool {
    let longest = vec!["x".repeat(card::LONGEST_URL); post.media.len()];
    !post.media.is_empty() && card::content(post, &longest).to_string().len() > card::MOST
}

const ADDRESS: &str = "the credential: copy the flow's whole address, with sig= at its end";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let url = connection.address(ADDRESS)?;
    let has_signature = url.query_pairs().any(|(name, value)| name == "sig" && !value.is_empty());
    if !has_signature || !url.path().contains("/workflows/") {
        return Err(ADDRESS.to_owned());
    }
    let (secrets, shown) = (secrets(&url), leads(url.as_str()));
    let is_fetched = connection.public_url.as_ref().is_some_and(|own| can_fetch(own, &url));
    Ok(Box::new(Teams { shown, secrets, url, is_fetched, http: Arc::clone(&connection.http) }))
}

/// The signature in each form in which a server could repeat it: as the address has it, and decoded.
fn secrets(url: &Url) -> Vec<String> {
    let raw = url.query().unwrap_or_default().split('&').filter_map(|pair| pair.strip_prefix("sig="));
    let decoded = url.query_pairs().filter(|(name, _)| name == "sig").map(|(_, value)| value.into_owned());
    let mut all: Vec<String> = raw.map(str::to_owned).chain(decoded).filter(|s| !s.is_empty()).collect();
    all.dedup();
    all
}

struct Teams {
    url: Url,
    /// The secret part of the address, in each form.
    secrets: Vec<String>,
    /// The address without its secret.
    shown: String,
    /// Whether pictures can be fetched from this service.
    is_fetched: bool,
    http: Arc<Http>,
}

impl Teams {
    /// What an answer that does not accept means.
    fn failure(&self, answer: &Answer) -> Failure {
        let secrets: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        let words = answer.words("/error/message", &secrets);
        let rejected = |what: &str, retry| answer.rejected(what, words.as_deref(), retry);
        match answer.status {
            401 | 403 | 404 | 410 => rejected(
                "the flow is gone, switched off or refuses the address; make a new one",
                Retry::Reconnect,
            ),
            400 | 402 | 405..=407 | 409 | 411..=428 => rejected(&Doing::Post.refusal("Teams"), Retry::Never),
            _ => answer.failure(),
        }
    }

    /// The card with the post.
    fn card(&self, job: &Job) -> Result<Request, Failure> {
        let pictures = &job.rendition.media;
        if !pictures.is_empty() && !self.is_fetched {
            return Err(Failure::never(UNREACHED));
        }
        // What was approved goes out whole or not at all.
        if job.media_urls.len() != pictures.len() {
            let reason = "the addresses of the pictures are missing".to_owned();
            return Err(Failure::Rejected { reason, retry: Retry::Backoff });
        }
        let content = card::content(&job.rendition, &job.media_urls);
        if !pictures.is_empty() && content.to_string().len() > card::MOST {
            return Err(Failure::never(TOO_LARGE));
        }
        Ok(Request::post(self.url.as_str()).json(&content))
    }

    /// What a check says when the host answers.
    fn told(&self) -> String {
        let detail = self.detail();
        if self.is_fetched {
            return detail;
        }
        format!(
            "{detail} Posts with pictures do not go there: they are fetched from public_url, which is not reached from the internet."
        )
    }

    /// What is known of the flow.
    fn detail(&self) -> String {
        let place = &self.shown;
        if self.url.host_str().is_some_and(|host| host.ends_with(".logic.azure.com")) {
            return format!(
                "The flow's host answers, {place}. But flows of Power Automate left logic.azure.com on 30 November \
                 2025: unless this is a Logic App of your own, copy the flow's address anew."
            );
        }
        format!("The flow's host answers, {place}. The flow itself will be tried with the first post.")
    }
}

/// Whether an answer says that the flow has started. Classic connectors said in the body of a good answer
/// that the call had failed.
fn has_started(answer: &Answer) -> bool {
    let body = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200 => matches!(body.trim(), "" | "1"),
        202 => !body.to_ascii_lowercase().contains("http error"),
        _ => false,
    }
}

#[async_trait]
impl Channel for Teams {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let request = self.card(job)?;
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(without_addresses(self.failure(&answer), &job.media_urls));
        }
        if !has_started(&answer) {
            let reason = answer.refused("the answer does not say that the flow has started", None);
            return Err(Failure::InDoubt { reason });
        }
        let note = "the flow has started; Teams does not say whether the post is there".to_owned();
        Ok(Receipt { remote_id: job.idempotency_key.clone(), url: None, note: Some(note) })
    }

    async fn read_back(&self, _: &Job) -> Sighting {
        Sighting::Unknown("a workflow of Teams cannot be read back".to_owned())
    }

    async fn retract(&self, _: &Job, _: Option<&str>) -> Retraction {
        Retraction::StillLive("a workflow of Teams takes nothing down; take it down by hand".to_owned())
    }

    async fn check(&self) -> Health {
        match self.http.reach(self.url.as_str()).await {
            Ok(()) => Health::ready(self.told()),
            Err(trouble) => Health::unready(trouble.to_string()),
        }
    }
}

#[cfg(test)]
#[path = "teams_tests.rs"]
mod tests;
