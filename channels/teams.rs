//! Adapter `teams`: posts in a channel of Microsoft Teams, through a workflow that waits for a call.
//!
//! Facts: <https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams>
//! and <https://learn.microsoft.com/connectors/teams/> (a message has about 28 KB at most). The address is
//! the secret, so it is the credential, and no error shows its path. Flows of Power Automate had addresses at
//! `logic.azure.com`, which stopped working on 30 November 2025. Those of an Azure Logic App of one's own are
//! there still, so such an address is taken, and the check says what it may mean.
//!
//! An acceptance (202) says that the flow has started, and no more: there is no id, nothing can be read
//! back or taken down, and nothing says whether the flow reached the channel. So such a post keeps no
//! promise, the console shows it apart, and each receipt says so. What a flow with an answer of its own says
//! with 200 is not documented: nothing at all, or the `1` of the classic connectors, counts as a start.
//! Everything else, such as the page of a proxy, is a doubt. A doubt is for people.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use crate::http::{Answer, Http, Request};
use crate::message::Doing;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, Pass, Pins, ReadBack, Receipt,
    Replay, Retraction, Retry, Sighting, Ways, leads,
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
        media: false,
        starts_only: true,
        revises: None,
        pins: Pins::None,
        fetches: false,
        watches: false,
        sweeps: false,
        publishes: true,
        // About four calls a second.
        concurrency: 1,
    },
    // Quotes are two in the card, and functions in the text take more: this much always fits.
    limits: Limits {
        text: None,
        unit: Unit::Characters,
        text_bytes: Some(4_000),
        title: Some(200),
        title_needed: false,
        media: 0,
        media_bytes: 0,
        media_all: None,
        alt: None,
        parts: 1,
        cards: false,
    },
    settings: &[],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

const ADDRESS: &str = "the credential: copy the flow's whole address, with sig= at its end";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let url = connection.address(ADDRESS)?;
    let has_signature = url.query_pairs().any(|(name, value)| name == "sig" && !value.is_empty());
    if !has_signature || !url.path().contains("/workflows/") {
        return Err(ADDRESS.to_owned());
    }
    let (secrets, shown) = (secrets(&url), leads(url.as_str()));
    Ok(Box::new(Teams { shown, secrets, url, http: Arc::clone(&connection.http) }))
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

    /// What a check says when the host answers.
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
        let request = Request::post(self.url.as_str()).json(&card::content(&job.rendition));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer));
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
            Ok(()) => Health::ready(self.detail()),
            Err(trouble) => Health::unready(trouble.to_string()),
        }
    }
}

#[cfg(test)]
#[path = "teams_tests.rs"]
mod tests;
