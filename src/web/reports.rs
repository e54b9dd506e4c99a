//! What networks say later of messages. They have no token, and sign what they say.

use std::time::Duration;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Web;
use super::errors::{self, Answer};
use crate::app::{AppError, reports};

/// Most bytes of one call.
pub const MOST_BYTES: usize = ::channels::whatsapp::reports::MOST_BYTES;
/// Most characters of what is given back to whoever has the verify token.
const MOST_CHALLENGE: usize = 200;

/// How long a call waits for room before it is asked to come again, and how long its body may take: networks send from their
/// own machines, and whoever is slow keeps room from them. Twilio waits for an answer for 15 s.
const WAITS: Duration = Duration::from_secs(5);
const ARRIVES: Duration = Duration::from_secs(5);
const FULL: &str = "too many calls are under way; call again in a minute";

/// The room for calls: nothing is known of a caller before the whole body is here, and it may take seconds to come. So no
/// more than 48 MiB of WhatsApp's are held at once, and 4 MiB of Twilio's.
pub struct Rooms {
    whatsapp: Semaphore,
    sms: Semaphore,
}

impl Default for Rooms {
    fn default() -> Self {
        Self { whatsapp: Semaphore::new(16), sms: Semaphore::new(64) }
    }
}

/// Room for one call, as long as the answer is kept.
async fn room(rooms: &Semaphore) -> Answer<SemaphorePermit<'_>> {
    match tokio::time::timeout(WAITS, rooms.acquire()).await {
        Ok(Ok(room)) => Ok(room),
        _ => Err(AppError::Full(FULL.into()).into()),
    }
}

/// What Meta asks before its first call.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    #[serde(rename = "hub.mode", default)]
    mode: String,
    #[serde(rename = "hub.verify_token", default)]
    token: String,
    #[serde(rename = "hub.challenge", default)]
    challenge: String,
}

/// Meta asks whether its calls are wanted here: the answer is its challenge. The verify token of the channel is the leave.
#[utoipa::path(get, path = "/reports/whatsapp/{channel}", tag = "reports", operation_id = "confirm_whatsapp",
    params(Asked), responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn confirm_whatsapp(
    State(web): State<Web>,
    Path(channel): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let Asked { mode, token, challenge } = asked;
    if mode != "subscribe" || challenge.len() > MOST_CHALLENGE || !challenge.chars().all(is_word) {
        return Err(
            AppError::Forbidden("this is no question of Meta's; nothing was read of it".into()).into()
        );
    }
    reports::confirm_whatsapp(&web.app, &channel, &token).await?;
    Ok(challenge)
}

/// Meta says what became of messages, of at most 3 MiB and signed by the app secret of the channel (`X-Hub-Signature-256`). Whatever
/// it says that is not about messages of ours changes nothing, and is answered with 200 as well: Meta would repeat it.
#[utoipa::path(post, path = "/reports/whatsapp/{channel}", tag = "reports", operation_id = "receive_whatsapp",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200)))]
pub async fn receive_whatsapp(
    State(web): State<Web>,
    Path(channel): Path<String>,
    request: Request,
) -> Answer<StatusCode> {
    let signature = header(request.headers(), "x-hub-signature-256");
    let _room = room(&web.reports.whatsapp).await?;
    let body = errors::body_within(ARRIVES, request, &web).await?;
    reports::receive_whatsapp(&web.app, &channel, &signature, &body).await?;
    Ok(StatusCode::OK)
}

/// Twilio says what became of a message, in a form of at most 64 KiB, signed by the account's token (`X-Twilio-Signature`).
#[utoipa::path(post, path = "/reports/sms/{message}", tag = "reports", operation_id = "receive_sms",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 200)))]
pub async fn receive_sms(
    State(web): State<Web>,
    Path(message): Path<String>,
    request: Request,
) -> Answer<StatusCode> {
    let signature = header(request.headers(), "x-twilio-signature");
    let _room = room(&web.reports.sms).await?;
    let body = errors::body_within(ARRIVES, request, &web).await?;
    reports::receive_sms(&web.app, &message, &signature, &body).await?;
    Ok(StatusCode::OK)
}

/// A header; nothing where there is none, or more than one.
fn header(all: &HeaderMap, name: &str) -> String {
    let mut all = all.get_all(name).iter();
    let first = all.next().filter(|_| all.next().is_none());
    first.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
