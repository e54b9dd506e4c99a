//! The in-doubt desk: what was sent, what reading back saw, and where a person can look.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::channels::Channel;
use super::{Actor, App, AppError, Result, held};
use crate::clock::rfc3339;
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::post::Kind;
use crate::domain::role::Right;
use crate::store::attempts::Attempt;

/// A delivery that is or was in doubt.
#[derive(Debug, Clone, Serialize)]
pub struct DoubtView {
    pub delivery: String,
    pub post: String,
    pub kind: Kind,
    /// The beginning of its text.
    pub text: String,
    pub channel_name: String,
    pub adapter: String,
    pub state: State,
    pub due: String,
    /// Why it is in doubt, or what became of it.
    pub reason: Option<String>,
    pub url: Option<String>,
    /// Where the channel's account is seen, if that is known.
    pub account: Option<String>,
    /// Whether the network can be asked.
    pub readable: bool,
    /// The last attempt; nothing: there was none.
    pub attempt: Option<AttemptView>,
}

/// What one attempt sent, and what is known of it.
#[derive(Debug, Clone, Serialize)]
pub struct AttemptView {
    pub number: i64,
    /// From when on its bytes could leave.
    pub begun: String,
    /// Since when nothing is sure, or when it was settled.
    pub settled: Option<String>,
    /// The node that made it.
    pub node: String,
    /// The exact content, as it was frozen.
    pub rendition: Value,
    pub content_hash: String,
    /// What the last read saw, or why the attempt is in doubt.
    pub detail: Option<String>,
    pub reads: i64,
    /// How many of the last reads in a row found nothing.
    pub absent: i64,
    /// When it is read back next; nothing: a person decides.
    pub next_read: Option<String>,
}

/// Lists what is in doubt, oldest first.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor, after: &str, limit: i64) -> Result<Vec<DoubtView>> {
    let waiting = held::list(app, by, State::InDoubt, None, after, limit).await?;
    let channels = channels(app).await?;
    let mut out = Vec::with_capacity(waiting.len());
    for w in waiting {
        out.push(view(app, &channels, &w.delivery).await?);
    }
    Ok(out)
}

/// One delivery, also when it is settled by now.
///
/// # Errors
/// When there is no such delivery.
pub async fn get(app: &App, by: &Actor, delivery: &str) -> Result<DoubtView> {
    by.need(Right::Read)?;
    view(app, &channels(app).await?, delivery).await
}

/// Reads a delivery in doubt back at once. When that is proof, it is settled.
///
/// # Errors
/// When it is not in doubt, or this process does not send.
pub async fn read_back(app: &App, by: &Actor, delivery: &str) -> Result<()> {
    by.need(Right::Decide)?;
    let d = app.store().delivery(delivery).await?.ok_or_else(|| AppError::not_found("delivery", delivery))?;
    if d.state != State::InDoubt.word() {
        return Err(AppError::Conflict(format!("this delivery is {}; nothing is in doubt", d.state)));
    }
    app.networks()?.read_back(delivery).await
}

async fn channels(app: &App) -> Result<HashMap<String, Channel>> {
    Ok(app.store().channels().await?.into_iter().map(|c| (c.id.clone(), c)).collect())
}

async fn view(app: &App, channels: &HashMap<String, Channel>, delivery: &str) -> Result<DoubtView> {
    let d = app.store().delivery(delivery).await?.ok_or_else(|| AppError::not_found("delivery", delivery))?;
    let post = app.store().post(&d.post_id).await?.ok_or_else(|| AppError::not_found("post", &d.post_id))?;
    let channel = channels.get(&d.channel_id);
    let adapter = channel.and_then(|c| ::channels::adapter(&c.adapter));
    Ok(DoubtView {
        kind: Kind::parse(&post.kind).map_err(AppError::Internal)?,
        state: State::parse(&d.state).map_err(AppError::Internal)?,
        channel_name: channel.map(|c| c.name.clone()).unwrap_or_default(),
        adapter: channel.map(|c| c.adapter.clone()).unwrap_or_default(),
        account: channel.and_then(|c| account(app, c)),
        readable: adapter.is_some_and(|a| a.capabilities.read_back != ::channels::ReadBack::None),
        text: held::beginning(&post.source),
        attempt: app.store().attempts(delivery).await?.pop().map(attempt),
        due: rfc3339(d.due_at),
        reason: d.reason,
        url: d.remote_url,
        post: d.post_id,
        delivery: d.id,
    })
}

fn attempt(a: Attempt) -> AttemptView {
    AttemptView {
        number: a.number,
        begun: rfc3339(a.permitted_at),
        settled: a.settled_at.map(rfc3339),
        node: a.node_id,
        rendition: serde_json::from_str(&a.body).unwrap_or_default(),
        content_hash: a.content_hash,
        detail: a.detail,
        reads: a.reads,
        absent: a.absent,
        next_read: a.next_read_at.map(rfc3339),
    }
}

/// Where people see what is on the channel.
fn account(app: &App, c: &Channel) -> Option<String> {
    let settings: Value = serde_json::from_str(&c.settings).ok()?;
    let setting = |name: &str| settings.get(name).and_then(Value::as_str).map(str::trim);
    let address = match c.adapter.as_str() {
        "bluesky" => format!("https://bsky.app/profile/{}", setting("account")?),
        "wordpress" => setting("url")?.to_owned(),
        "website" => app.public_url().to_owned(),
        _ => return None,
    };
    is_web(&address).then_some(address)
}

/// Whether a text can be shown as a link.
pub(super) fn is_web(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control()))
}

#[cfg(test)]
mod tests {
    use super::is_web;

    #[test]
    fn only_web_addresses_become_links() {
        assert!(is_web("https://bsky.app/profile/a") && is_web("http://127.0.0.1:1/x"));
        for bad in ["javascript:alert(1)", "https://", "bank.example", "https://a b", "HTTPS ://x"] {
            assert!(!is_web(bad), "{bad}");
        }
    }
}
