//! What was written is changed or taken back: edit and cancel.

use ::channels::planted::{Planted, planted};

use super::compose::{Built, Directory, build};
use super::error::Problems;
use super::hub::Topic;
use super::posts::{self, NewPost, PostView};
use super::{Actor, App, AppError, Result, notices, old_words, revisions};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::{Move, State};
use crate::domain::post::PostState;
use crate::domain::role::Right;
use crate::store::deliveries::{Change, Delivery};
use crate::store::posts::Post;

/// Replaces what was typed. Every approval of it is void, and it waits for approval again if it
/// was submitted. What was already sent on a channel is not touched: write a correction.
///
/// # Errors
/// When a field is wrong, it was changed meanwhile, or something of it has been sent.
pub async fn edit(app: &App, by: &Actor, id: &str, version: Option<i64>, new: &NewPost) -> Result<PostView> {
    by.need(Right::Write)?;
    let mut dir = Directory::read(app).await?;
    dir.look_up(app, new).await?;
    let mut built = build(app, by, new, &dir)?;
    let mut tx = app.store().begin().await?;
    revisions::lock(&mut tx, &Post { id: id.to_owned(), ..built.post.clone() }).await?;
    let old = tx.post(id).await?.ok_or_else(|| AppError::not_found("post", id))?;
    if version.is_some_and(|v| v != old.version) {
        return Err(AppError::Stale { now: old.version });
    }
    let rows = tx.deliveries(id).await?;
    // What was cancelled goes nowhere, also when nothing of it ever had a permit.
    if old.state == PostState::Cancelled.word() {
        return Err(AppError::Conflict("this post is cancelled; write a new one".into()));
    }
    for d in &rows {
        let state = State::parse(&d.state).map_err(AppError::Internal)?;
        if d.attempts > 0 || state.after(Move::Unapprove).is_err() {
            return Err(AppError::Conflict(format!(
                "this post is {} on a channel and cannot be edited any more; cancel the rest or publish a correction",
                d.state
            )));
        }
    }
    let mut problems = Problems::default();
    for (field, same) in [
        ("kind", built.post.kind == old.kind),
        ("incident", built.post.incident_id == old.incident_id),
        ("revises", built.post.revises == old.revises),
    ] {
        if !same {
            problems.add(field, "cannot be changed; cancel this post and write a new one");
        }
    }
    problems.check()?;
    let now = app.now();
    tx.replace_deliveries(id, old.version, now).await?;
    built.post = Post {
        id: id.to_owned(),
        created_at: old.created_at,
        series_id: old.series_id.clone(),
        author_id: old.author_id.clone(),
        authors: old.authors.clone(),
        version: old.version,
        ..built.post
    };
    built.post.written_by(&by.id)?;
    for d in &mut built.deliveries {
        id.clone_into(&mut d.post_id);
    }
    if planted(Planted::ApprovalOutlivesEdit) {
        keep_approval(&old, &rows, &mut built);
    }
    tx.update_post(&built.post, &built.labels).await?;
    tx.insert_deliveries(&built.deliveries).await?;
    let voided = tx.void_approvals(id, now).await?;
    let entry = Entry::new("post.edited", &format!("post:{id}"))
        .before(&posts::facts(&old, &rows))
        .after(&built.facts())
        .note(format!("{voided} approvals void"));
    let mut topics = vec![Topic::Queue];
    // Who was asked already finds the new words behind the same link.
    if new.submit && old.state != PostState::Submitted.word() {
        topics.extend(notices::ask(app, &mut tx, &built.post).await?);
    }
    app.commit(tx, by, &[entry], &topics).await?;
    posts::get(app, by, id).await
}

/// A planted fault: what was approved stays so, in other words.
fn keep_approval(old: &Post, rows: &[Delivery], built: &mut Built) {
    built.post.state.clone_from(&old.state);
    for d in &mut built.deliveries {
        let before = rows.iter().find(|r| r.channel_id == d.channel_id && r.approved_hash.is_some());
        if let Some(before) = before {
            d.state.clone_from(&before.state);
            d.approved_hash.clone_from(&before.approved_hash);
            d.approved_until = before.approved_until;
        }
    }
}

/// Cancels what is not sent yet. What is being sent and has not begun is taken back; what has begun
/// settles and is shown, and is not tried again.
///
/// # Errors
/// When nothing of it can be cancelled any more.
pub async fn cancel(app: &App, by: &Actor, id: &str) -> Result<PostView> {
    by.need(Right::Write)?;
    // Looked up before: a change that waits for a second connection can be taken back for it.
    let first = revisions::first_of(app, id).await?;
    let mut tx = app.store().begin().await?;
    // As everywhere: posts in the order of their ids, and the one whose words a change gives is older.
    if let Some(first) = &first {
        tx.post(first).await?;
        tx.deliveries(first).await?;
    }
    let post = tx.post(id).await?.ok_or_else(|| AppError::not_found("post", id))?;
    let rows = tx.deliveries(id).await?;
    let (mut changes, mut under_way) = (Vec::new(), 0);
    for d in &rows {
        let state = State::parse(&d.state).map_err(AppError::Internal)?;
        if let Ok(next) = state.after(Move::Cancel) {
            changes.push(Change { settled_at: Some(app.now()), ..Change::to(&d.id, next.word()) });
        }
        under_way += usize::from(matches!(state, State::Sending | State::InDoubt));
    }
    let again = post.state == PostState::Cancelled.word();
    if changes.is_empty() && (under_way == 0 || again) {
        return Err(AppError::Conflict(
            "nothing of this post can be cancelled any more; see its deliveries".into(),
        ));
    }
    tx.change_deliveries(&changes).await?;
    tx.set_post_state(id, PostState::Cancelled.word(), app.now()).await?;
    old_words::reword(&mut tx, std::iter::once(&post)).await?;
    let entry = Entry::new("post.cancelled", &format!("post:{id}")).note(format!(
        "{} of {} deliveries; {under_way} under way",
        changes.len(),
        rows.len()
    ));
    app.commit(tx, by, &[entry], &[Topic::Queue, Topic::Recalls]).await?;
    posts::get(app, by, id).await
}
