//! Posts: create, edit, submit, cancel, list, import.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::error::Problems;
use super::hub::Topic;
use super::{Actor, App, AppError, Result, renditions};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::{Move, State};
use crate::domain::incident::IncidentState;
use crate::domain::post::{Kind, PostState, Source};
use crate::domain::role::Right;
use crate::domain::times;
use crate::store::Tx;
use crate::store::channels::Channel;
use crate::store::deliveries::{Change, Delivery};
use crate::store::media::Picture;
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
    /// The post that this one corrects.
    #[serde(default)]
    pub corrects: Option<String>,
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
    pub author: String,
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
    pub ready: String,
    #[schema(value_type = Object)]
    pub rendition: serde_json::Value,
    pub content_hash: String,
    pub approved: bool,
    pub attempts: i64,
    pub reason: Option<String>,
    pub freeze: Option<String>,
    pub url: Option<String>,
    pub settled_at: Option<String>,
}

/// Reads a row. `names` are those of the channels, by id.
pub(crate) fn view(p: Post, deliveries: Vec<Delivery>, names: &HashMap<String, String>) -> Result<PostView> {
    let broken = |e: String| AppError::Internal(format!("post {}: {e}", p.id));
    Ok(PostView {
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
        author: p.author_id,
        version: p.version,
    })
}

fn delivery_view(d: Delivery, names: &HashMap<String, String>) -> Result<DeliveryView> {
    Ok(DeliveryView {
        state: State::parse(&d.state).map_err(|e| AppError::Internal(format!("delivery {}: {e}", d.id)))?,
        rendition: serde_json::from_str(&d.rendition).unwrap_or_default(),
        approved: d.approved_hash.as_deref() == Some(d.content_hash.as_str()),
        ready: rfc3339(d.ready_at),
        settled_at: d.settled_at.map(rfc3339),
        id: d.id,
        channel_name: names.get(&d.channel_id).cloned().unwrap_or_default(),
        channel: d.channel_id,
        content_hash: d.content_hash,
        attempts: d.attempts,
        reason: d.reason,
        freeze: d.freeze_id,
        url: d.remote_url,
    })
}

/// What the checks of new posts look up once for many.
pub(crate) struct Directory {
    channels: Vec<Channel>,
    incidents: Vec<crate::store::incidents::Incident>,
    pictures: HashMap<String, Picture>,
}

impl Directory {
    pub(crate) async fn read(app: &App) -> Result<Self> {
        let pictures = app.store().pictures().await?;
        Ok(Self {
            channels: app.store().channels().await?,
            incidents: app.store().incidents(false).await?,
            pictures: pictures.into_iter().map(|p| (p.sha256.clone(), p)).collect(),
        })
    }
}

/// A checked post, its labels and its deliveries.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Built {
    pub post: Post,
    pub labels: Vec<String>,
    pub deliveries: Vec<Delivery>,
}

/// Checks a new post and makes its rows.
pub(crate) fn build(app: &App, by: &Actor, new: &NewPost, dir: &Directory) -> Result<Built> {
    let now = app.now();
    let mut problems = Problems::default();
    let time = |text: &Option<String>| text.as_deref().map(|t| times::parse(t, &new.zone)).transpose();
    problems.take("zone", times::check_zone(&new.zone));
    let mut due = problems.take("due", time(&new.due)).flatten();
    let valid_until = problems.take("valid_until", time(&new.valid_until)).flatten();
    let promise_at = problems.take("promise", time(&new.promise)).flatten();
    if let Some(cron) = &new.recurrence {
        let next = problems.take("recurrence", times::next_after(cron, &new.zone, now)).flatten();
        due = due.or(next);
    }
    let due = due.unwrap_or(now);
    if valid_until.is_some_and(|v| v <= due) {
        problems.add("valid_until", "must be after the due time");
    }
    let incident = match (&new.incident, new.kind) {
        (None, Kind::Routine) => None,
        (None, _) => {
            problems.add("incident", "is needed for this kind; only routine posts have none");
            None
        }
        (Some(id), kind) => match dir.incidents.iter().find(|i| i.id == *id || i.slug == *id) {
            None => {
                problems.add("incident", format!("there is no incident {id}"));
                None
            }
            Some(i) => {
                if i.state == IncidentState::Resolved.word() && kind != Kind::Correction {
                    problems.add("incident", "is resolved; only a correction can be published");
                }
                Some(i)
            }
        },
    };
    let drill = incident.is_some_and(|i| i.drill);
    let targets = targets(new, dir, drill, &mut problems);
    check_pictures(&new.source, &targets, &dir.pictures, &mut problems);
    problems.check()?;
    let post = Post {
        id: app.id(),
        kind: new.kind.word().into(),
        brand: new.brand.clone(),
        labels: serde_json::to_string(&new.labels).map_err(|e| AppError::Internal(e.to_string()))?,
        source: serde_json::to_string(&new.source).map_err(|e| AppError::Internal(e.to_string()))?,
        zone: new.zone.clone(),
        recurrence: new.recurrence.clone(),
        series_id: None,
        incident_id: incident.map(|i| i.id.clone()),
        author_id: by.id.clone(),
        state: if new.submit { PostState::Submitted } else { PostState::Draft }.word().into(),
        due_at: due,
        valid_until,
        promise_at,
        corrects: new.corrects.clone(),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let deliveries = renditions::deliveries(&post, new.kind, &new.source, &targets, drill, || app.id())?;
    Ok(Built { post, labels: new.labels.clone(), deliveries })
}

/// A picture that is missing or too large for a channel is told now, not when the post is due.
fn check_pictures(
    source: &Source,
    channels: &[&Channel],
    known: &HashMap<String, Picture>,
    problems: &mut Problems,
) {
    for (n, picture) in source.media.iter().enumerate() {
        let field = format!("source.media[{n}]");
        let Some(kept) = known.get(&picture.sha256) else {
            problems.add(&field, "was never uploaded; send it to /api/v1/media first");
            continue;
        };
        if kept.mime != picture.mime {
            problems.add(&field, format!("is {}, not {}", kept.mime, picture.mime));
        }
        for channel in channels {
            let limits = ::channels::adapter(&channel.adapter).map(|a| a.limits);
            let most = limits.filter(|l| l.media > 0).map_or(u64::MAX, |l| l.media_bytes);
            if u64::try_from(kept.size).unwrap_or(0) > most {
                let size = kept.size;
                problems.add(&field, format!("has {size} bytes; {} takes at most {most}", channel.name));
            }
        }
    }
}

fn targets<'a>(new: &NewPost, dir: &'a Directory, drill: bool, problems: &mut Problems) -> Vec<&'a Channel> {
    // A drill reaches drill channels only, and a drill channel takes part in drills only (I8);
    // routine posts of a practice installation live on drill channels too.
    let fits = |c: &Channel| if drill { c.drill } else { new.kind == Kind::Routine || !c.drill };
    if new.channels.is_empty() {
        let all: Vec<_> = dir
            .channels
            .iter()
            .filter(|c| c.brand == new.brand && c.disabled_at.is_none() && fits(c))
            .collect();
        if all.is_empty() {
            problems
                .add("channels", format!("the brand {} has no channel to post on; connect one", new.brand));
        }
        // The website shows incidents; marketing has no place on it.
        return all.into_iter().filter(|c| c.adapter != "website" || new.kind != Kind::Routine).collect();
    }
    let mut out: Vec<&Channel> = Vec::new();
    for wanted in &new.channels {
        match dir.channels.iter().find(|c| c.id == *wanted || c.name == *wanted) {
            None => problems.add("channels", format!("there is no channel \"{wanted}\"")),
            Some(c) if c.disabled_at.is_some() => problems.add("channels", format!("{} is disabled", c.name)),
            Some(c) if !fits(c) => {
                let message = if drill { "is live; a drill cannot reach it" } else { "is for drills only" };
                problems.add("channels", format!("{} {message}", c.name));
            }
            Some(c) if c.adapter == "website" && new.kind == Kind::Routine => {
                problems.add("channels", format!("{} shows incidents only", c.name));
            }
            Some(c) if out.iter().any(|o| o.id == c.id) => {}
            Some(c) => out.push(c),
        }
    }
    out
}

/// Creates a post.
///
/// # Errors
/// When a field is wrong, or the actor may not write.
pub async fn create(app: &App, by: &Actor, new: &NewPost) -> Result<PostView> {
    by.need(Right::Write)?;
    let dir = Directory::read(app).await?;
    let built = build(app, by, new, &dir)?;
    let id = built.post.id.clone();
    insert(app, by, vec![built]).await?;
    get(app, by, &id).await
}

/// Writes many posts in one change, each with its audit entry.
pub(crate) async fn insert(app: &App, by: &Actor, built: Vec<Built>) -> Result<()> {
    let mut tx = app.store().begin().await?;
    let entries = write(&mut tx, built).await?;
    app.commit(tx, by, &entries, &[]).await
}

/// Writes many posts into an open change; their audit entries.
pub(super) async fn write(tx: &mut Tx, built: Vec<Built>) -> Result<Vec<Entry>> {
    let mut entries = Vec::with_capacity(built.len());
    let mut posts = Vec::with_capacity(built.len());
    let mut rows = Vec::new();
    for b in built {
        let hashes: Vec<_> = b.deliveries.iter().map(|d| (&d.channel_id, &d.content_hash)).collect();
        entries.push(Entry::new("post.created", &format!("post:{}", b.post.id)).after(&serde_json::json!({
            "kind": b.post.kind, "labels": b.labels, "state": b.post.state, "due": rfc3339(b.post.due_at),
            "source": serde_json::from_str::<serde_json::Value>(&b.post.source).unwrap_or_default(),
            "incident": b.post.incident_id, "renditions": hashes,
        })));
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
    let post = app.store().post(id).await?.ok_or_else(|| AppError::not_found("post", id))?;
    view(post, app.store().deliveries(id).await?, &super::channels::names(app).await?)
}

/// Lists posts by due time; the last row gives the cursor of the next page.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor, filter: &PostFilter) -> Result<Vec<PostView>> {
    by.need(Right::Read)?;
    app.store().posts(filter).await?.into_iter().map(|p| view(p, Vec::new(), &HashMap::new())).collect()
}

/// Where a list goes on: the due time and id of its last row.
pub type After = (Millis, String);

/// Replaces what was typed. Every approval of it is void, and it waits for approval again if it
/// was submitted. What was already sent on a channel is not touched: write a correction.
///
/// # Errors
/// When a field is wrong, it was changed meanwhile, or something of it has been sent.
pub async fn edit(app: &App, by: &Actor, id: &str, version: Option<i64>, new: &NewPost) -> Result<PostView> {
    by.need(Right::Write)?;
    let dir = Directory::read(app).await?;
    let mut built = build(app, by, new, &dir)?;
    let mut tx = app.store().begin().await?;
    let old = tx.post(id).await?.ok_or_else(|| AppError::not_found("post", id))?;
    if version.is_some_and(|v| v != old.version) {
        return Err(AppError::Stale { now: old.version });
    }
    let rows = tx.deliveries(id).await?;
    for d in &rows {
        let state = State::parse(&d.state).map_err(AppError::Internal)?;
        if d.attempts > 0 || state.after(Move::Unapprove).is_err() {
            return Err(AppError::Conflict(format!(
                "this post is {} on a channel and cannot be edited any more; cancel the rest or publish a correction",
                d.state
            )));
        }
    }
    tx.delete_unsent(id).await?;
    let now = app.now();
    built.post = Post {
        id: id.to_owned(),
        kind: old.kind.clone(),
        created_at: old.created_at,
        series_id: old.series_id.clone(),
        version: old.version,
        ..built.post
    };
    if new.kind.word() != old.kind {
        return Err(AppError::field("kind", "cannot be changed; write a new post"));
    }
    for d in &mut built.deliveries {
        id.clone_into(&mut d.post_id);
    }
    tx.update_post(&built.post, &built.labels).await?;
    tx.insert_deliveries(&built.deliveries).await?;
    let voided = tx.void_approvals(id, now).await?;
    let hashes: Vec<_> = built.deliveries.iter().map(|d| (&d.channel_id, &d.content_hash)).collect();
    let entry = Entry::new("post.edited", &format!("post:{id}"))
        .before(
            &serde_json::json!({"source": json(&old.source), "due": rfc3339(old.due_at), "state": old.state}),
        )
        .after(&serde_json::json!({"source": new.source, "due": rfc3339(built.post.due_at),
            "state": built.post.state, "renditions": hashes}))
        .note(format!("{voided} approvals void"));
    app.commit(tx, by, &[entry], &[Topic::Queue]).await?;
    get(app, by, id).await
}

/// Hands a draft to the approvers.
///
/// # Errors
/// When it is no draft.
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
    tx.set_post_state(id, PostState::Submitted.word(), app.now()).await?;
    app.commit(tx, by, &[Entry::new("post.submitted", &format!("post:{id}"))], &[]).await?;
    get(app, by, id).await
}

/// Cancels what is not sent yet. What is sent stays; what is being sent settles first.
///
/// # Errors
/// When nothing of it can be cancelled any more.
pub async fn cancel(app: &App, by: &Actor, id: &str) -> Result<PostView> {
    by.need(Right::Write)?;
    let mut tx = app.store().begin().await?;
    tx.post(id).await?.ok_or_else(|| AppError::not_found("post", id))?;
    let rows = tx.deliveries(id).await?;
    let mut changes = Vec::new();
    for d in &rows {
        let state = State::parse(&d.state).map_err(AppError::Internal)?;
        if let Ok(next) = state.after(Move::Cancel) {
            changes.push(Change { settled_at: Some(app.now()), ..Change::to(&d.id, next.word()) });
        }
    }
    if changes.is_empty() {
        return Err(AppError::Conflict(
            "nothing of this post can be cancelled any more; see its deliveries".into(),
        ));
    }
    tx.change_deliveries(&changes).await?;
    tx.set_post_state(id, PostState::Cancelled.word(), app.now()).await?;
    let entry = Entry::new("post.cancelled", &format!("post:{id}")).note(format!(
        "{} of {} deliveries",
        changes.len(),
        rows.len()
    ));
    app.commit(tx, by, &[entry], &[Topic::Queue]).await?;
    get(app, by, id).await
}

/// Makes the next post of every recurrence whose newest one has come due. The new post carries the
/// same words and keeps the approval that they were given, for as long as it holds.
///
/// # Errors
/// The database's own.
pub(crate) async fn continue_series(app: &App) -> Result<()> {
    let now = app.now();
    for old in app.store().recurring(now, 200).await? {
        let cron = old.recurrence.clone().unwrap_or_default();
        let next = times::next_after(&cron, &old.zone, now).map_err(AppError::Internal)?;
        let mut tx = app.store().begin().await?;
        if !tx.end_recurrence(&old.id).await? {
            continue;
        }
        let Some(due) = next else {
            let entry = Entry::new("series.ended", &format!("post:{}", old.id));
            app.commit(tx, &Actor::service(app.node()), &[entry], &[]).await?;
            continue;
        };
        let id = app.id();
        let shift = due - old.due_at;
        let post = Post {
            id: id.clone(),
            recurrence: Some(cron),
            series_id: Some(old.series_id.clone().unwrap_or_else(|| old.id.clone())),
            due_at: due,
            valid_until: old.valid_until.map(|v| v + shift),
            created_at: now,
            updated_at: now,
            version: 1,
            ..old.clone()
        };
        let mut rows = Vec::new();
        for d in tx.deliveries(&old.id).await? {
            let approved = d.approved_hash.as_deref() == Some(d.content_hash.as_str())
                && old.state == PostState::Approved.word()
                && d.approved_until.is_some_and(|u| u > due);
            let state = if approved { State::Scheduled } else { State::Draft };
            rows.push(Delivery {
                id: app.id(),
                post_id: id.clone(),
                state: state.word().into(),
                ready_at: due,
                due_at: due,
                valid_until: post.valid_until,
                approved_hash: d.approved_hash.filter(|_| approved),
                approved_until: d.approved_until.filter(|_| approved),
                created_at: now,
                ..d
            });
        }
        let all_approved = rows.iter().all(|d| d.state == State::Scheduled.word());
        let state = match PostState::parse(&old.state).map_err(AppError::Internal)? {
            PostState::Approved if !all_approved => PostState::Submitted,
            same => same,
        };
        let labels: Vec<String> = serde_json::from_str(&post.labels).unwrap_or_default();
        let entry = Entry::new("series.continued", &format!("post:{id}")).after(&serde_json::json!({
            "from": old.id, "due": rfc3339(due), "state": state
        }));
        tx.insert_posts(&[(Post { state: state.word().into(), ..post }, labels)]).await?;
        tx.insert_deliveries(&rows).await?;
        app.commit(tx, &Actor::service(app.node()), &[entry], &[Topic::Queue]).await?;
    }
    Ok(())
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_default()
}
