//! What approvers read before they decide.

use serde::{Deserialize, Serialize};

use super::approvals::{ApprovalView, bundle_of, let_out, to_renew, view, voices};
use super::board::{self, ReadinessView};
use super::policy::Rules;
use super::{Actor, App, AppError, Problem, Result, old_words, posts};
use crate::domain::role::Right;

/// What an approver reads: the post, its exact renditions, and what they would be bound to.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReviewSheet {
    pub post: posts::PostView,
    pub bundle: String,
    /// How many people other than its authors must approve.
    pub needed: usize,
    /// How many of them have approved these very words, and may still be counted.
    pub given: usize,
    /// It is approved, and the approval has lapsed before all of it was out. It can be approved again as
    /// it is; what is held is released by a decision after that.
    pub lapsed: bool,
    /// What channels do not take of it any more: so it is not approved. Broken glass lets it out all the
    /// same, and these channels refuse it.
    #[serde(default)]
    pub misfits: Vec<Problem>,
    /// What channels leave out of it, because their network has no place for that, and what cannot be changed there once it
    /// is out.
    #[serde(default)]
    pub unsaid: Vec<Problem>,
    pub decisions: Vec<ApprovalView>,
    /// How ready its channels are, as far as it is known now. For who may test them, a check older than ten
    /// minutes is made again before the sheet is read, for three seconds at most.
    #[serde(default)]
    pub readiness: Vec<ReadinessView>,
}

/// The sheet for one post. Who may ask the networks has its channels checked first, where that is old.
///
/// # Errors
/// When there is none of that id.
pub async fn sheet(app: &App, by: &Actor, post: &str) -> Result<ReviewSheet> {
    let mut one = sheets(app, by, &[post.to_owned()]).await?;
    one.pop().ok_or_else(|| AppError::not_found("post", post))
}

/// The sheets of posts that are decided about together.
///
/// # Errors
/// When there is none of one of these ids.
pub async fn sheets(app: &App, by: &Actor, posts: &[String]) -> Result<Vec<ReviewSheet>> {
    by.need(Right::Read)?;
    let mut channels = Vec::new();
    for post in posts {
        channels.extend(app.store().deliveries(post).await?.into_iter().map(|d| d.channel_id));
    }
    board::refresh(app, by, &channels).await?;
    let mut out = Vec::with_capacity(posts.len());
    for post in posts {
        out.push(as_known(app, post).await?);
    }
    Ok(out)
}

/// The sheet by what is known now.
pub(super) async fn as_known(app: &App, post: &str) -> Result<ReviewSheet> {
    let row = app.store().post(post).await?.ok_or_else(|| AppError::not_found("post", post))?;
    let rows = app.store().deliveries(post).await?;
    let (rules, now) = (Rules::seen(app, &row).await?, app.now());
    let (approvals, bundle) = (app.store().approvals(post).await?, bundle_of(&row, &rows)?);
    let given = voices(&approvals, &row.writers()?, &bundle, now).len();
    let decisions = approvals.into_iter().map(view).collect::<Result<_>>()?;
    let names = super::channels::names(app).await?;
    let channels: Vec<_> = rows.iter().map(|d| d.channel_id.clone()).collect();
    let (misfits, lapsed) = (rules.misfits(let_out(&row, &rows, now)), to_renew(&row, &rows, now));
    let (needed, unsaid) = (rules.needed(&row)?, rules.unsaid(rows.iter()));
    let mut post = posts::view(row, rows, &names)?;
    old_words::tell(app, &mut post).await?;
    Ok(ReviewSheet {
        readiness: board::known(app, &channels).await?,
        bundle,
        needed,
        given,
        lapsed,
        misfits,
        unsaid,
        decisions,
        post,
    })
}
