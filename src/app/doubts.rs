//! The in-doubt desk: what was sent, what reading back saw, and where a person can look.

use std::collections::HashMap;

use ::channels::parts;
use serde::Serialize;
use serde_json::Value;

use super::channels::Channel;
use super::{Actor, App, AppError, Result, handles, held};
use crate::clock::rfc3339;
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::post::Kind;
use crate::domain::role::Right;
use crate::store::attempts::Attempt;
use crate::store::deliveries::Delivery;
use crate::store::posts::Post;

/// A delivery that is or was in doubt, or has only started.
#[derive(Debug, Clone, Serialize)]
pub struct DoubtView {
    pub delivery: String,
    pub post: String,
    /// The post that is to get these words: the doubt is whether it has them.
    pub revises: Option<String>,
    pub kind: Kind,
    /// The beginning of its text.
    pub text: String,
    pub channel_name: String,
    pub adapter: String,
    pub state: State,
    /// It is accepted, and no more than a start is known: a person can settle it, too.
    pub started_only: bool,
    pub due: String,
    /// Why it is in doubt, or what became of it.
    pub reason: Option<String>,
    pub url: Option<String>,
    /// Where the channel's account is seen, if that is known.
    pub account: Option<String>,
    /// Whether the network can be asked.
    pub readable: bool,
    /// A person wanted it taken down, so it is not tried again.
    pub withdrawn: bool,
    /// It is a thread of that kind: a person may say that nothing of it is there any more.
    pub down: bool,
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
    let ids: Vec<&str> = waiting.iter().map(|w| w.delivery.as_str()).collect();
    views(app, &ids).await
}

/// One delivery, also when it is settled by now.
///
/// # Errors
/// When there is no such delivery.
pub async fn get(app: &App, by: &Actor, delivery: &str) -> Result<DoubtView> {
    by.need(Right::Read)?;
    let found = views(app, &[delivery]).await?.pop();
    found.ok_or_else(|| AppError::not_found("delivery", delivery))
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

/// Those deliveries, in their order and however many, in four statements; what is unknown is left out.
async fn views(app: &App, ids: &[&str]) -> Result<Vec<DoubtView>> {
    let channels = channels(app).await?;
    let mut rows: HashMap<_, _> = by_id(app.store().deliveries_by_ids(ids).await?, |d| &d.id);
    let of: Vec<&str> = rows.values().map(|d| d.post_id.as_str()).collect();
    let posts = by_id(app.store().posts_by_ids(&of).await?, |p| &p.id);
    let mut attempts = by_id(app.store().last_attempts(ids).await?, |a| &a.delivery_id);
    let found = ids.iter().filter_map(|id| rows.remove(*id));
    let view = |d: Delivery| {
        let post = posts.get(&d.post_id).ok_or_else(|| AppError::not_found("post", &d.post_id))?;
        view(app, channels.get(&d.channel_id), post, attempts.remove(&d.id), d)
    };
    found.map(view).collect()
}

fn by_id<T>(rows: Vec<T>, id: impl Fn(&T) -> &String) -> HashMap<String, T> {
    rows.into_iter().map(|row| (id(&row).clone(), row)).collect()
}

fn view(
    app: &App,
    channel: Option<&Channel>,
    post: &Post,
    last: Option<Attempt>,
    d: Delivery,
) -> Result<DoubtView> {
    let adapter = channel.and_then(|c| ::channels::adapter(&c.adapter));
    Ok(DoubtView {
        kind: Kind::parse(&post.kind).map_err(AppError::Internal)?,
        state: State::parse(&d.state).map_err(AppError::Internal)?,
        started_only: d.started != 0,
        channel_name: channel.map(|c| c.name.clone()).unwrap_or_default(),
        adapter: channel.map(|c| c.adapter.clone()).unwrap_or_default(),
        account: channel.and_then(|c| account(app, c)),
        readable: adapter.is_some_and(|a| a.capabilities.readable(post.revises.is_some())),
        text: held::beginning(&post.source),
        revises: post.revises.clone(),
        down: last.as_ref().and_then(|a| a.handle.as_deref()).is_some_and(parts::is_withdrawn),
        withdrawn: last.as_ref().and_then(|a| a.handle.as_deref()).is_some_and(handles::is_withdrawn),
        attempt: last.map(attempt),
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
        "mastodon" => setting("server")?.to_owned(),
        "ghost" | "wordpress" => setting("url")?.to_owned(),
        "matrix" => format!("https://matrix.to/#/{}", setting("room")?),
        "linkedin" => format!("https://www.linkedin.com/company/{}", setting("organization")?),
        "telegram" => format!("https://t.me/{}", setting("chat")?.strip_prefix('@')?),
        "facebook" => format!("https://www.facebook.com/{}", setting("page")?),
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
