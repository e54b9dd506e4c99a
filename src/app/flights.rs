//! What was under way when the nodes closed their gates for a freeze.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::held::beginning;
use super::{App, AppError, Result, retractions};
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::freeze::{Order, Subject};
use crate::domain::post::Lane;
use crate::store::attempts::Attempt;
use crate::store::freezes::Flight;

/// A send that was under way when the gates closed.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FlightView {
    pub delivery: String,
    pub attempt: String,
    pub post: String,
    pub channel: String,
    /// What people call the channel.
    pub channel_name: String,
    /// The beginning of its text.
    #[serde(default)]
    pub text: String,
    pub state: State,
    /// It is accepted, and no more than a start is known, as in `DeliveryView`.
    #[serde(default)]
    pub started_only: bool,
    pub reason: Option<String>,
    /// Where it can be read, when it was accepted.
    pub url: Option<String>,
    /// The call that takes it down, or what is out of it, when that is possible now and the channel can.
    pub retract: Option<String>,
}

impl FlightView {
    /// Whether what can be taken down of it is not the whole.
    pub fn is_partly_out(&self) -> bool {
        self.retract.is_some() && self.state != State::Accepted
    }
}

/// What it covers of the sends that were under way.
pub(super) async fn covered(app: &App, order: &Order) -> Result<Vec<FlightView>> {
    let is_covered = |f: &Flight| {
        order.scope.covers(&Subject {
            lane: Lane::from_number(f.lane),
            brand: f.brand.clone(),
            channel: f.channel_id.clone(),
            channel_brand: f.channel_brand.clone(),
            labels: serde_json::from_str(&f.labels).unwrap_or_default(),
            due_at: f.due_at,
        })
    };
    let flights: Vec<Flight> = app.store().flights(&order.id).await?.into_iter().filter(is_covered).collect();
    // Of one that is neither out nor on its way a part may be out: its attempts tell.
    let stands =
        |f: &Flight| State::parse(&f.state).is_ok_and(|s| s != State::Accepted && !s.is_on_its_way());
    let asked = flights.iter().filter(|f| stands(f) && takes_down(f)).map(|f| f.delivery_id.clone());
    let mut attempts: HashMap<String, Vec<Attempt>> = HashMap::new();
    for attempt in app.store().attempts_of_each(&asked.collect::<Vec<_>>()).await? {
        attempts.entry(attempt.delivery_id.clone()).or_default().push(attempt);
    }
    flights.into_iter().map(|f| view(f, &attempts)).collect()
}

fn takes_down(f: &Flight) -> bool {
    ::channels::adapter(&f.adapter).is_some_and(|a| a.capabilities.retract)
}

fn view(f: Flight, attempts: &HashMap<String, Vec<Attempt>>) -> Result<FlightView> {
    let state = State::parse(&f.state).map_err(AppError::Internal)?;
    let is_out = match state {
        _ if !takes_down(&f) => false,
        State::Accepted => true,
        _ if state.is_on_its_way() => false,
        _ => {
            let all = attempts.get(&f.delivery_id).map(Vec::as_slice).unwrap_or_default();
            retractions::is_partly_out(state, f.reason.as_deref(), all)
        }
    };
    Ok(FlightView {
        retract: is_out.then(|| format!("/api/v1/deliveries/{}/retract", f.delivery_id)),
        started_only: f.started != 0,
        state,
        delivery: f.delivery_id,
        attempt: f.attempt_id,
        post: f.post_id,
        channel: f.channel_id,
        channel_name: f.channel_name,
        text: beginning(&f.source),
        reason: f.reason,
        url: f.remote_url,
    })
}
