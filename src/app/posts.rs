//! Posts: create, submit, list.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::compose::{Built, Directory, build};
pub use super::edits::{cancel, edit};
use super::hub::Topic;
pub use super::preview::{Measure, Preview, PreviewChannel, preview};
use super::revisions::{self, Unrevised};
use super::{Actor, App, AppError, Result, handles, notices, old_words, promises};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::post::{Kind, PostState, Source};
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::deliveries::Delivery;
use crate::store::posts::Post;
pub use crate::store::posts::PostFilter;

/// A new post.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPost {
    pub kind: Kind,
    #[serde(default = "main_brand")]
    pub brand: String,
    #[serde(default)]
    pub labels: Vec<String>,
    pub source: Source,
    /// Names or ids of channels; empty: every channel of the brand.
    #[serde(default)]
    pub channels: Vec<String>,
    /// When: an instant (`2026-12-01T08:00:00Z`), or local time in `zone` (`2026-12-01T09:00`).
    /// Nothing: as soon as it is approved.
    #[serde(default)]
    pub due: Option<String>,
    /// The IANA zone that local times and recurrences are in.
    #[serde(default = "utc")]
    pub zone: String,
    /// A cron expression of five fields, in `zone`.
    #[serde(default)]
    pub recurrence: Option<String>,
    /// After this it is not sent any more; written like `due`.
    #[serde(default)]
    pub valid_until: Option<String>,
    /// Needed for every kind but `routine`.
    #[serde(default)]
    pub incident: Option<String>,
    /// The time of the next update that this one promises; written like `due`.
    #[serde(default)]
    pub promise: Option<String>,
    /// The id of the post that this one corrects, of the same incident.
    #[serde(default)]
    pub corrects: Option<String>,
    /// The id of a post that is out and gets these words in its place, on the channels whose network can
    /// change a post. Kind and brand are those of that post; nothing as channels: all that can.
    #[serde(default)]
    pub revises: Option<String>,
    /// Hand it to the approvers at once.
    #[serde(default)]
    pub submit: bool,
}

fn main_brand() -> String {
    "main".into()
}

fn utc() -> String {
    "UTC".into()
}

/// A post as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostView {
    pub id: String,
    pub kind: Kind,
    pub brand: String,
    pub labels: Vec<String>,
    pub source: Source,
    pub state: PostState,
    pub due: String,
    pub zone: String,
    pub recurrence: Option<String>,
    pub valid_until: Option<String>,
    pub incident: Option<String>,
    pub promise: Option<String>,
    pub corrects: Option<String>,
    /// The post that gets these words in its place.
    #[serde(default)]
    pub revises: Option<String>,
    /// The posts that gave this one other words, oldest first. Empty in lists.
    #[serde(default)]
    pub revisions: Vec<String>,
    /// The words that are out by now, where a change gave it others; or an earlier one of its recurrence. Nothing in lists.
    #[serde(default)]
    pub words: Option<Source>,
    /// Where the post that it changes keeps its words, and why. Empty in lists.
    #[serde(default)]
    pub unrevised: Vec<Unrevised>,
    pub author: String,
    /// Everybody who wrote on it. None of them approves it.
    pub authors: Vec<String>,
    pub version: i64,
    /// Empty in lists.
    #[serde(default)]
    pub deliveries: Vec<DeliveryView>,
}

/// One post on one channel, as the API shows it: with the exact rendition.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeliveryView {
    pub id: String,
    pub channel: String,
    /// What people call the channel.
    pub channel_name: String,
    pub state: State,
    /// Accepted, and no more than a start is known: it keeps no promise until a person settles it.
    #[serde(default)]
    pub started_only: bool,
    pub ready: String,
    #[schema(value_type = Object)]
    pub rendition: serde_json::Value,
    pub content_hash: String,
    pub approved: bool,
    pub attempts: i64,
    pub reason: Option<String>,
    /// How many of a list have it, when not all have, and the reason does not say so. With single posts only.
    #[serde(default)]
    pub so_far: Option<String>,
    /// A part of it is out, or may be, and not the whole: of a thread, or of a list. With single posts only.
    #[serde(default)]
    pub partly_out: bool,
    pub freeze: Option<String>,
    pub url: Option<String>,
    pub settled_at: Option<String>,
    /// The post whose words are there by now, where a change gave it others. Nothing in lists.
    #[serde(default)]
    pub words_of: Option<String>,
    /// Why the newest words that were approved for the post are not there. Nothing in lists.
    #[serde(default)]
    pub words_kept: Option<String>,
}

/// Reads a row. `names` are those of the channels, by id.
pub(crate) fn view(p: Post, deliveries: Vec<Delivery>, names: &HashMap<String, String>) -> Result<PostView> {
    let broken = |e: String| AppError::Internal(format!("post {}: {e}", p.id));
    Ok(PostView {
        authors: p.writers()?,
        kind: Kind::parse(&p.kind).map_err(broken)?,
        labels: serde_json::from_str(&p.labels).map_err(|e| broken(e.to_string()))?,
        source: serde_json::from_str(&p.source).map_err(|e| broken(e.to_string()))?,
        state: PostState::parse(&p.state).map_err(broken)?,
        due: rfc3339(p.due_at),
        valid_until: p.valid_until.map(rfc3339),
        promise: p.promise_at.map(rfc3339),
        deliveries: deliveries.into_iter().map(|d| delivery_view(d, names)).collect::<Result<_>>()?,
        id: p.id,
        brand: p.brand,
        zone: p.zone,
        recurrence: p.recurrence,
        incident: p.incident_id,
        corrects: p.corrects,
        revises: p.revises,
        revisions: Vec::new(),
        words: None,
        unrevised: Vec::new(),
        author: p.author_id,
        version: p.version,
    })
}

fn delivery_view(d: Delivery, names: &HashMap<String, String>) -> Result<DeliveryView> {
    let state = State::parse(&d.state).map_err(|e| AppError::Internal(format!("delivery {}: {e}", d.id)))?;
    Ok(DeliveryView {
        started_only: d.started != 0,
        state,
        rendition: serde_json::from_str(&d.rendition).unwrap_or_default(),
        approved: d.approved_hash.as_deref() == Some(d.content_hash.as_str()),
        ready: rfc3339(d.ready_at),
        settled_at: d.settled_at.map(rfc3339),
        words_of: None,
        words_kept: None,
        id: d.id,
        channel_name: names.get(&d.channel_id).cloned().unwrap_or_default(),
        channel: d.channel_id,
        content_hash: d.content_hash,
        attempts: d.attempts,
        reason: d.reason,
        so_far: None,
        partly_out: false,
        freeze: d.freeze_id,
        url: d.remote_url,
    })
}

/// Creates a post.
///
/// # Errors
/// When a field is wrong, or the actor may not write.
pub async fn create(app: &App, by: &Actor, new: &NewPost) -> Result<PostView> {
    let ids = create_all(app, by, std::slice::from_ref(new)).await?;
    get(app, by, ids.first().map_or("", String::as_str)).await
}

/// Creates posts that belong together, such as the same words in two languages: all of them or none.
///
/// # Errors
/// When a field of one is wrong, or the actor may not write.
pub async fn create_all(app: &App, by: &Actor, new: &[NewPost]) -> Result<Vec<String>> {
    by.need(Right::Write)?;
    let mut dir = Directory::read(app).await?;
    for one in new {
        dir.look_up(app, one).await?;
    }
    let built = new.iter().map(|n| build(app, by, n, &dir)).collect::<Result<Vec<_>>>()?;
    let posts: Vec<Post> = built.iter().map(|b| b.post.clone()).collect();
    revisions::check_together(&posts)?;
    let mut tx = app.store().begin().await?;
    // In the order of the ids of what is locked.
    let mut changes: Vec<&Post> = posts.iter().collect();
    changes.sort_by(|a, b| a.revises.cmp(&b.revises));
    for post in changes {
        revisions::lock(&mut tx, post).await?;
    }
    let entries = write(&mut tx, built).await?;
    let mut topics: &[Topic] = &[];
    for post in posts.iter().filter(|p| p.state == PostState::Submitted.word()) {
        let asked = notices::ask(app, &mut tx, post).await?;
        topics = if asked.is_empty() { topics } else { asked };
    }
    app.commit(tx, by, &entries, topics).await?;
    Ok(posts.into_iter().map(|p| p.id).collect())
}

/// Writes many posts in one change, each with its audit entry.
pub(crate) async fn insert(app: &App, by: &Actor, built: Vec<Built>) -> Result<()> {
    let mut tx = app.store().begin().await?;
    let entries = write(&mut tx, built).await?;
    app.commit(tx, by, &entries, &[]).await
}

/// Writes many posts into an open change; their audit entries.
pub(super) async fn write(tx: &mut Tx, built: Vec<Built>) -> Result<Vec<Entry>> {
    let (mut entries, mut posts, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for b in built {
        entries.push(Entry::new("post.created", &format!("post:{}", b.post.id)).after(&b.facts()));
        rows.extend(b.deliveries);
        posts.push((b.post, b.labels));
    }
    tx.insert_posts(&posts).await?;
    tx.insert_deliveries(&rows).await?;
    Ok(entries)
}

/// One post with its deliveries.
///
/// # Errors
/// When there is none of that id.
pub async fn get(app: &App, by: &Actor, id: &str) -> Result<PostView> {
    by.need(Right::Read)?;
    let post = app.store().post(id).await?.into_iter().collect();
    let mut view = whole(app, post).await?.pop().ok_or_else(|| AppError::not_found("post", id))?;
    old_words::tell(app, &mut view).await?;
    handles::tell(app, &mut view.deliveries).await?;
    Ok(view)
}

/// Lists posts by due time; the last row gives the cursor of the next page.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor, filter: &PostFilter) -> Result<Vec<PostView>> {
    by.need(Right::Read)?;
    app.store().posts(filter).await?.into_iter().map(|p| view(p, Vec::new(), &HashMap::new())).collect()
}

/// What waits for approval: crisis posts first, then whoever has waited longest.
///
/// # Errors
/// The database's own.
pub async fn waiting(app: &App, by: &Actor, limit: usize) -> Result<Vec<PostView>> {
    by.need(Right::Read)?;
    let limit = i64::try_from(limit).unwrap_or(500).clamp(1, 500);
    let mut rows = app.store().submitted(true, limit).await?;
    let left = |rows: &Vec<Post>| limit - i64::try_from(rows.len()).unwrap_or(limit);
    if left(&rows) > 0 {
        rows.extend(app.store().submitted(false, left(&rows)).await?);
    }
    if left(&rows) > 0 {
        rows.extend(app.store().lapsed(app.now(), left(&rows)).await?);
    }
    rows.into_iter().map(|p| view(p, Vec::new(), &HashMap::new())).collect()
}

/// The posts of an incident, newest first, without their deliveries.
///
/// # Errors
/// The database's own.
pub async fn of_incident(app: &App, by: &Actor, incident: &str, limit: i64) -> Result<Vec<PostView>> {
    by.need(Right::Read)?;
    let rows = app.store().incident_posts(incident, limit.clamp(1, 500)).await?;
    rows.into_iter().map(|p| view(p, Vec::new(), &HashMap::new())).collect()
}

/// The same with their deliveries.
///
/// # Errors
/// The database's own.
pub async fn of_incident_whole(app: &App, by: &Actor, incident: &str, limit: i64) -> Result<Vec<PostView>> {
    by.need(Right::Read)?;
    whole(app, app.store().incident_posts(incident, limit.clamp(1, 500)).await?).await
}

/// Those posts with their deliveries, by id; what is unknown is left out.
///
/// # Errors
/// The database's own.
pub async fn some(app: &App, by: &Actor, ids: &[&str]) -> Result<HashMap<String, PostView>> {
    by.need(Right::Read)?;
    let posts = whole(app, app.store().posts_by_ids(ids).await?).await?;
    Ok(posts.into_iter().map(|p| (p.id.clone(), p)).collect())
}

/// Posts with their deliveries, however many, in three statements.
async fn whole(app: &App, rows: Vec<Post>) -> Result<Vec<PostView>> {
    let ids: Vec<&str> = rows.iter().map(|p| p.id.as_str()).collect();
    let mut of: HashMap<String, Vec<Delivery>> = HashMap::new();
    for d in app.store().deliveries_of_posts(&ids).await? {
        of.entry(d.post_id.clone()).or_default().push(d);
    }
    let names = super::channels::names(app).await?;
    let with_own = |p: Post| {
        let own = of.remove(&p.id).unwrap_or_default();
        view(p, own, &names)
    };
    rows.into_iter().map(with_own).collect()
}

/// Where a list goes on: the due time and id of its last row.
pub type After = (Millis, String);

/// Hands a draft to the approvers.
///
/// # Errors
/// When it is no draft, or what it promises is past.
pub async fn submit(app: &App, by: &Actor, id: &str) -> Result<PostView> {
    by.need(Right::Write)?;
    let mut tx = app.store().begin().await?;
    let post = tx.post(id).await?.ok_or_else(|| AppError::not_found("post", id))?;
    if post.state != PostState::Draft.word() {
        return Err(AppError::Conflict(format!(
            "this post is {}; only a draft can be submitted",
            post.state
        )));
    }
    promises::check_ahead(&post, app.now())?;
    still_right(app, &post).await?;
    tx.set_post_state(id, PostState::Submitted.word(), app.now()).await?;
    let entry = Entry::new("post.submitted", &format!("post:{id}"))
        .before(&serde_json::json!({"state": post.state}))
        .after(&serde_json::json!({"state": PostState::Submitted}));
    let topics = notices::ask(app, &mut tx, &post).await?;
    app.commit(tx, by, &[entry], topics).await?;
    get(app, by, id).await
}

/// A draft from before its incident was resolved may say what is no longer so.
async fn still_right(app: &App, post: &Post) -> Result<()> {
    let Some(id) = post.incident_id.as_ref().filter(|_| post.revises.is_none()) else { return Ok(()) };
    if app.store().incident(id).await?.is_none_or(|i| i.resolved_at.is_none()) {
        return Ok(());
    }
    match Kind::parse(&post.kind).map_err(AppError::Internal)? {
        Kind::Routine | Kind::Correction => Ok(()),
        Kind::Update if post.promise_at.is_none() => Ok(()),
        Kind::Update => Err(AppError::Conflict(
            "its incident is resolved: edit it, the last word promises no further update".into(),
        )),
        Kind::Tip | Kind::Notice => Err(AppError::Conflict(
            "its incident is resolved; only a last update or a correction can be published".into(),
        )),
    }
}

/// All that was typed, and what comes of it on each channel: what the log keeps of a post.
pub(super) fn facts(p: &Post, rows: &[Delivery]) -> serde_json::Value {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    let renditions: Vec<_> = rows.iter().map(|d| (&d.channel_id, &d.content_hash)).collect();
    serde_json::json!({
        "kind": p.kind, "brand": p.brand, "labels": json(&p.labels), "source": json(&p.source),
        "state": p.state, "due": rfc3339(p.due_at), "zone": p.zone, "recurrence": p.recurrence,
        "valid_until": p.valid_until.map(rfc3339), "incident": p.incident_id,
        "promise": p.promise_at.map(rfc3339), "corrects": p.corrects, "revises": p.revises,
        "renditions": renditions, "authors": json(&p.authors),
    })
}
