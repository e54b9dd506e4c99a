//! Approvals: people decide about the exact renditions of a post.

use ::channels::planted::{Planted, planted};
use serde::{Deserialize, Serialize};

use super::board::unready;
use super::hub::Topic;
use super::policy::Rules;
use super::sheets::as_known;
pub use super::sheets::{ReviewSheet, sheet, sheets};

use super::{Actor, App, AppError, Result, old_words, promises, reasons};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::approval::{Decision, Matter};
use crate::domain::audit::Entry;
use crate::domain::delivery::{Move, State};
use crate::domain::post::{Kind, Lane, PostState};
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::approvals::Approval;
use crate::store::deliveries::{Change, Delivery};
use crate::store::posts::Post;

/// A decision of the actor about one post.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    pub decision: Decision,
    /// The bundle hash that was shown with the texts: proof that these very words, times, labels and
    /// promises are meant.
    pub bundle: String,
    /// Why: needed to reject and to break the glass.
    #[serde(default)]
    pub comment: Option<String>,
    /// Channels that are known not to be ready, by id or name: an approval is refused while another one is not.
    #[serde(default)]
    pub unready: Vec<String>,
}

/// An approval as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ApprovalView {
    pub id: String,
    pub post: String,
    pub person: String,
    pub decision: Decision,
    pub bundle: String,
    pub comment: Option<String>,
    pub at: String,
    pub expires_at: Option<String>,
    pub void: bool,
    pub review_owed: bool,
    pub reviewed_by: Option<String>,
}

pub(super) fn view(a: Approval) -> Result<ApprovalView> {
    Ok(ApprovalView {
        decision: Decision::parse(&a.decision).map_err(AppError::Internal)?,
        at: rfc3339(a.decided_at),
        expires_at: a.expires_at.map(rfc3339),
        void: a.voided_at.is_some(),
        review_owed: a.review_owed && a.reviewed_by.is_none(),
        id: a.id,
        post: a.post_id,
        person: a.person_id,
        bundle: a.bundle,
        comment: a.comment,
        reviewed_by: a.reviewed_by,
    })
}

/// The approvals that count for these very words at that moment.
pub(super) fn voices<'a>(
    all: &'a [Approval],
    writers: &[String],
    bundle: &str,
    now: Millis,
) -> Vec<&'a Approval> {
    all.iter()
        .filter(|a| a.decision == Decision::Approve.word() && a.bundle == bundle && a.voided_at.is_none())
        .filter(|a| a.expires_at.is_none_or(|at| at > now) && !writers.contains(&a.person_id))
        .collect()
}

/// Break-glass approvals that nobody has reviewed.
///
/// # Errors
/// The database's own.
pub async fn reviews_owed(app: &App, by: &Actor) -> Result<Vec<ApprovalView>> {
    by.need(Right::Read)?;
    app.store().reviews_owed().await?.into_iter().map(view).collect()
}

/// Decides about a post.
///
/// # Errors
/// When the text is another one by now, or a channel does not take it any more or is not ready and not known to be
/// so, the author decides about their own text, the post does not wait for approval, what it promises is past, or a
/// comment is missing.
pub async fn decide(app: &App, by: &Actor, post: &str, new: &NewDecision) -> Result<ReviewSheet> {
    decide_all(app, by, &[(post.to_owned(), new.clone())]).await?;
    as_known(app, post).await
}

/// Decides about posts that belong together, such as the same words in two languages: about all of
/// them or none.
///
/// # Errors
/// As [`decide`], for any of them.
pub async fn decide_all(app: &App, by: &Actor, all: &[(String, NewDecision)]) -> Result<()> {
    let mut matters = Vec::with_capacity(all.len());
    let (mut to, mut known) = (Vec::new(), Vec::new());
    for (post, new) in all {
        match new.decision {
            Decision::BreakGlass if by.may(Right::Approve) => {}
            Decision::BreakGlass => by.need(Right::Decide)?,
            Decision::Approve | Decision::Reject => by.need(Right::Approve)?,
        }
        if new.decision != Decision::Approve && comment(new).is_none() {
            return Err(AppError::field("comment", "say why: the author and the log need it"));
        }
        reasons::check("comment", comment(new).unwrap_or_default())?;
        let row = app.store().post(post).await?.ok_or_else(|| AppError::not_found("post", post))?;
        let rows = app.store().deliveries(post).await?;
        // First of all whether it is what was read: whoever is told of a channel decides about the same words again.
        check(by, &row, &rows, new, app.now())?;
        if new.decision == Decision::Approve {
            to.extend(let_out(&row, &rows, app.now()).map(|d| d.channel_id.clone()));
            known.extend(new.unready.iter().cloned());
        }
        matters.push((post, new, row));
    }
    unready::are_known(app, by, &to, &known).await?;
    // What is locked is locked in one order everywhere: the policy, then incidents, whose severity somebody
    // may raise meanwhile, then posts.
    matters.sort_by_key(|(post, ..)| (*post).clone());
    let channels = app.store().channels().await?;
    let of_words = matters.iter().any(|(.., row)| row.revises.is_some());
    let mut tx = begin(app, of_words).await?;
    let incidents = matters.iter().filter_map(|(.., row)| row.incident_id.as_deref());
    let rules = Rules::locked(app, &mut tx, incidents, channels).await?;
    if of_words {
        let decided: Vec<&str> = matters.iter().map(|(post, ..)| post.as_str()).collect();
        let firsts: Vec<&str> = matters.iter().filter_map(|(.., row)| row.revises.as_deref()).collect();
        old_words::lock(&mut tx, &decided, &firsts).await?;
    }
    let mut entries = Vec::new();
    for (post, new, _) in &matters {
        entries.extend(write(app, &mut tx, by, post, new, &rules).await?);
    }
    app.commit(tx, by, &entries, topics(of_words)).await
}

/// Begins a change that approves. Where other words for a post are among it (`of_words`), no permit for the old ones is
/// half-way meanwhile: who asks for one later sees the approval, and who has one is told to take it back.
pub(super) async fn begin(app: &App, of_words: bool) -> Result<Tx> {
    Ok(if of_words { app.store().begin_exclusive().await? } else { app.store().begin().await? })
}

/// Who hears of an approval.
pub(super) fn topics(of_words: bool) -> &'static [Topic] {
    if of_words { &[Topic::Queue, Topic::Recalls, Topic::Notices] } else { &[Topic::Queue] }
}

/// Writes a decision into an open change; its audit entries. What is refused is refused before
/// anything is written.
pub(super) async fn write(
    app: &App,
    tx: &mut Tx,
    by: &Actor,
    post: &str,
    new: &NewDecision,
    rules: &Rules,
) -> Result<Vec<Entry>> {
    let comment = comment(new);
    let row = tx.post(post).await?.ok_or_else(|| AppError::not_found("post", post))?;
    let rows = tx.deliveries(post).await?;
    let now = app.now();
    check(by, &row, &rows, new, now)?;
    rules.fit(new.decision, let_out(&row, &rows, now))?;
    let (needed, expires) = (rules.needed(&row)?, rules.expires(&row, now)?);
    let approval = Approval {
        id: app.id(),
        post_id: post.to_owned(),
        person_id: by.id.clone(),
        decision: new.decision.word().into(),
        bundle: new.bundle.clone(),
        comment: comment.map(str::to_owned),
        decided_at: now,
        expires_at: (new.decision != Decision::Reject).then_some(expires),
        voided_at: None,
        review_owed: new.decision == Decision::BreakGlass,
        reviewed_by: None,
    };
    let subject = format!("post:{post}");
    let hashes: Vec<_> = rows.iter().map(|d| (&d.channel_id, &d.content_hash)).collect();
    let verb = match new.decision {
        Decision::Approve => "post.approved",
        Decision::Reject => "post.rejected",
        Decision::BreakGlass => "post.glass_broken",
    };
    let mut entries = vec![
        Entry::new(verb, &subject)
            .after(&serde_json::json!({"bundle": new.bundle, "renditions": hashes, "expires_at": rfc3339(expires)}))
            .note(comment.unwrap_or_default()),
    ];
    let approvals = tx.approvals(post).await?;
    let voices = voices(&approvals, &row.writers()?, &new.bundle, now);
    if new.decision == Decision::Approve && voices.iter().any(|a| a.person_id == by.id) {
        return Err(AppError::Conflict("you have approved this already; another person must".into()));
    }
    tx.insert_approval(&approval).await?;
    match new.decision {
        Decision::Reject => {
            tx.void_approvals(post, now).await?;
            tx.set_post_state(post, PostState::Draft.word(), now).await?;
        }
        Decision::Approve => {
            if voices.len() + 1 >= needed {
                // It takes all of them: once the first one lapses, too few are left.
                let first = voices.iter().filter_map(|a| a.expires_at).min();
                let until = first.map_or(expires, |at| at.min(expires));
                entries.extend(complete(app, tx, &row, &rows, until).await?);
            }
        }
        Decision::BreakGlass => entries.extend(complete(app, tx, &row, &rows, expires).await?),
    }
    Ok(entries)
}

fn comment(new: &NewDecision) -> Option<&str> {
    new.comment.as_deref().map(str::trim).filter(|c| !c.is_empty())
}

fn check(by: &Actor, post: &Post, rows: &[Delivery], new: &NewDecision, now: Millis) -> Result<()> {
    let again = to_renew(post, rows, now);
    if again && new.decision == Decision::Reject {
        return Err(AppError::Conflict(
            "its approval has lapsed, so nothing of it goes out: leave it so, or cancel what is held".into(),
        ));
    }
    if post.state != PostState::Submitted.word() && !again {
        return Err(AppError::Conflict(format!(
            "this post is {}; only what was submitted waits for a decision",
            post.state
        )));
    }
    if new.decision == Decision::BreakGlass && kind(post)?.lane() != Lane::Crisis {
        return Err(AppError::field(
            "decision",
            "the glass is broken for posts about an incident only; a routine post waits for its approver",
        ));
    }
    if bundle_of(post, rows)? != new.bundle {
        return Err(AppError::Conflict(
            "the post has changed since you read it; read it again and decide about what it is now".into(),
        ));
    }
    if new.decision != Decision::Reject {
        promises::check_ahead(post, now)?;
    }
    let is_author = post.writers()?.contains(&by.id) && !planted(Planted::ApproverMayBeAuthor);
    if new.decision == Decision::Approve && is_author {
        return Err(AppError::Forbidden(
            "nobody approves a text that they wrote on; another approver must, or break the glass with a reason"
                .into(),
        ));
    }
    Ok(())
}

/// Until when the words of a delivery were approved, when that is over and they may still go out.
pub(super) fn lapsed(d: &Delivery, now: Millis) -> Option<Millis> {
    let out = [State::Accepted, State::Retracted, State::Cancelled].iter().any(|s| s.word() == d.state);
    let these = d.approved_hash.as_deref() == Some(d.content_hash.as_str());
    d.approved_until.filter(|until| !out && these && *until <= now)
}

/// Whether the post is approved, and has something that needs a new approval to go out.
pub(super) fn to_renew(post: &Post, rows: &[Delivery], now: Millis) -> bool {
    post.state == PostState::Approved.word() && rows.iter().any(|d| lapsed(d, now).is_some())
}

/// What an approval lets out: what waits for its first one, or has one that has lapsed. Not what is out, under
/// way, in doubt or over.
pub(super) fn let_out<'a>(
    post: &'a Post,
    rows: &'a [Delivery],
    now: Millis,
) -> impl Iterator<Item = &'a Delivery> {
    let first = post.state == PostState::Submitted.word();
    let waits = [State::Draft, State::Scheduled, State::Claimed, State::Held].map(Word::word);
    let asks = move |d: &Delivery| first || lapsed(d, now).is_some();
    rows.iter().filter(move |d| waits.contains(&d.state.as_str()) && asks(d))
}

/// As many approvals as it takes are there.
async fn complete(
    app: &App,
    tx: &mut Tx,
    post: &Post,
    rows: &[Delivery],
    until: Millis,
) -> Result<Vec<Entry>> {
    let now = app.now();
    if !to_renew(post, rows, now) {
        let mut entries = vec![schedule(tx, post, rows, until, now).await?];
        entries.extend(old_words::approved(app, tx, post, rows).await?);
        return Ok(entries);
    }
    // What is held stays so: nothing that was held goes by itself.
    let renewed = tx.renew_approval(&post.id, until, now).await?;
    tx.set_post_state(&post.id, PostState::Approved.word(), now).await?;
    Ok(vec![
        Entry::new("post.approval_renewed", &format!("post:{}", post.id))
            .after(&serde_json::json!({"until": rfc3339(until), "deliveries": renewed})),
    ])
}

/// The approval is complete for the first time: the deliveries enter the queue. A crisis post whose time has come
/// goes now; a routine post that was approved too late waits for a person.
async fn schedule(tx: &mut Tx, post: &Post, rows: &[Delivery], until: Millis, now: Millis) -> Result<Entry> {
    let crisis = kind(post)?.lane() == Lane::Crisis;
    let mut changes = Vec::with_capacity(rows.len());
    for d in rows {
        let state = State::parse(&d.state).map_err(AppError::Internal)?;
        // A minute of grace: "as soon as it is approved" was written a moment ago.
        let late = !crisis && d.due_at < now - 60_000 && d.due_at != post.created_at;
        let step = if late { Move::Hold } else { Move::Schedule };
        let Ok(next) = state.after(step) else { continue };
        changes.push(Change {
            ready_at: Some(d.due_at.max(now)),
            due_at: Some(d.due_at.max(now)),
            reason: late.then(|| "approved after its time; decide when it goes".into()),
            ..Change::to(&d.id, next.word())
        });
    }
    tx.approve_deliveries(&post.id, until).await?;
    tx.change_deliveries(&changes).await?;
    tx.set_post_state(&post.id, PostState::Approved.word(), now).await?;
    let states: Vec<_> = changes.iter().map(|c| (&c.id, c.state)).collect();
    Ok(Entry::new("post.scheduled", &format!("post:{}", post.id)).after(&states))
}

/// Reviews a broken glass. Neither the one who broke it can, nor who wrote on the text.
///
/// # Errors
/// When no review is owed, not by the actor, or somebody was faster.
pub async fn review(app: &App, by: &Actor, approval: &str, comment: &str) -> Result<()> {
    by.need(Right::Approve)?;
    reasons::check("comment", comment)?;
    let owed = app.store().approval(approval).await?.filter(|a| a.review_owed);
    let owed = owed.ok_or_else(|| AppError::not_found("owed review of approval", approval))?;
    let mut tx = app.store().begin().await?;
    let post = tx.post(&owed.post_id).await?.ok_or_else(|| AppError::not_found("post", &owed.post_id))?;
    if owed.person_id == by.id || post.writers()?.contains(&by.id) {
        return Err(AppError::Forbidden(
            "neither who broke the glass nor who wrote on the text reviews it; another approver must".into(),
        ));
    }
    if !tx.review(approval, &by.id).await? {
        let words = "somebody else has reviewed this already; nothing was changed";
        return Err(AppError::Conflict(words.into()));
    }
    let entry = Entry::new("approval.reviewed", &format!("approval:{approval}")).note(comment);
    app.commit(tx, by, &[entry], &[]).await
}

pub(super) fn kind(post: &Post) -> Result<Kind> {
    Kind::parse(&post.kind).map_err(AppError::Internal)
}

/// What a decision about the post is bound to.
pub(super) fn bundle_of(post: &Post, rows: &[Delivery]) -> Result<String> {
    matter(post, rows.iter().map(|d| (d.channel_id.as_str(), d.content_hash.as_str()))).map(Matter::bundle)
}

/// What an approver decides about; `renditions` are the channels with their content hashes.
pub(super) fn matter<'a>(
    post: &'a Post,
    renditions: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Matter<'a>> {
    let broken = |e: serde_json::Error| AppError::Internal(format!("post {}: {e}", post.id));
    Ok(Matter {
        kind: &post.kind,
        brand: &post.brand,
        labels: serde_json::from_str(&post.labels).map_err(broken)?,
        incident: post.incident_id.as_deref(),
        due: post.due_at,
        zone: &post.zone,
        recurrence: post.recurrence.as_deref(),
        valid_until: post.valid_until,
        promise: post.promise_at,
        corrects: post.corrects.as_deref(),
        revises: post.revises.as_deref(),
        renditions: renditions.collect(),
    })
}
