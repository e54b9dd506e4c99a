//! Signals of monitoring systems.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::Web;
use super::auth::Who;
use super::errors::{Answer, Body};
use crate::app::heard::{self, NewSignal, Received};
use crate::app::signals::{self, SignalView};
use crate::domain::alertmanager::Notification;

/// Which ones to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct WaitingOnly {
    /// Only those that wait for a decision.
    #[serde(default)]
    pub waiting: bool,
}

/// Lists the newest 500 signals, newest first.
#[utoipa::path(get, path = "/signals", tag = "signals", params(WaitingOnly), responses((status = 200, body = [SignalView])))]
pub async fn list(
    State(web): State<Web>,
    Who(by): Who,
    Query(q): Query<WaitingOnly>,
) -> Answer<Json<Vec<SignalView>>> {
    Ok(Json(signals::list(&web.app, &by, q.waiting).await?))
}

/// Says that something is wrong, or over. It waits for a person's decision, and freezes and publishes
/// nothing. When too many wait already (200 in all, 100 of one source, 150 of one sender), a new one is not
/// kept, and the answer is 503: send it again later. A sender of whom fewer than 10 wait has always a place.
/// Operators, approvers, administrators, integrators.
#[utoipa::path(post, path = "/signals", tag = "signals", request_body = NewSignal, responses((status = 200, body = Received)))]
pub async fn receive(
    State(web): State<Web>,
    Who(by): Who,
    Body(new): Body<NewSignal>,
) -> Answer<Json<Received>> {
    Ok(Json(heard::receive(&web.app, &by, &new).await?))
}

/// Takes the webhook of Alertmanager, or of Grafana Alerting: each alert is a signal. At most 100 alerts
/// of one call are taken, those that fire first. When too many signals wait already, new ones are left and the
/// answer is 503, so that the sender tries again; what was known is counted or ended all the same, and
/// the same call again counts nothing twice.
/// Operators, approvers, administrators, integrators.
#[utoipa::path(post, path = "/signals/alertmanager", tag = "signals", request_body = Notification, responses((status = 200, body = Received)))]
pub async fn alertmanager(
    State(web): State<Web>,
    Who(by): Who,
    Body(sent): Body<Notification>,
) -> Answer<Json<Received>> {
    Ok(Json(heard::receive_alerts(&web.app, &by, &sent).await?))
}

/// Why nothing has to be done.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dismissal {
    /// At most 2,000 characters.
    #[serde(default)]
    pub note: String,
    /// How often the signal had been said (its `times`) when you read it. When its title or severity
    /// changed since, nothing is dismissed.
    #[serde(default)]
    pub times: Option<i64>,
}

/// An incident that is open.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Joining {
    /// Its id.
    pub incident: String,
    /// How often the signal had been said (its `times`) when you read it. When its title or severity
    /// changed since, nothing is joined.
    #[serde(default)]
    pub times: Option<i64>,
}

/// A signal belongs to an open incident from now on, which becomes as bad as the signal says if that is
/// worse. Operators and approvers.
#[utoipa::path(post, path = "/signals/{id}/join", tag = "signals", request_body = Joining, responses((status = 200, body = SignalView)))]
pub async fn join(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(to): Body<Joining>,
) -> Answer<Json<SignalView>> {
    Ok(Json(signals::join(&web.app, &by, &id, &to.incident, to.times).await?))
}

/// Says that nothing has to be done about a signal. Operators and approvers.
#[utoipa::path(post, path = "/signals/{id}/dismiss", tag = "signals", request_body = Dismissal, responses((status = 200, body = SignalView)))]
pub async fn dismiss(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(d): Body<Dismissal>,
) -> Answer<Json<SignalView>> {
    Ok(Json(signals::dismiss(&web.app, &by, &id, &d.note, d.times).await?))
}
