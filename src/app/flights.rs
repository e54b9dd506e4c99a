//! What was under way when the nodes closed their gates for a freeze.

use serde::{Deserialize, Serialize};

use super::held::beginning;
use super::{App, AppError, Result};
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::freeze::{Order, Subject};
use crate::domain::post::Lane;
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
    /// The call that takes it down, when it was accepted and the channel can.
    pub retract: Option<String>,
}

/// What it covers of the sends that were under way.
pub(super) async fn covered(app: &App, order: &Order) -> Result<Vec<FlightView>> {
    let flight = |f: Flight| {
        let retracts = ::channels::adapter(&f.adapter).is_some_and(|a| a.capabilities.retract);
        let state = State::parse(&f.state).map_err(AppError::Internal)?;
        let retract = format!("/api/v1/deliveries/{}/retract", f.delivery_id);
        Ok(FlightView {
            retract: (state == State::Accepted && retracts).then_some(retract),
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
    };
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
    app.store().flights(&order.id).await?.into_iter().filter(is_covered).map(flight).collect()
}
