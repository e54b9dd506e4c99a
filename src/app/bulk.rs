//! Approval of many routine posts at once: of exactly those that were shown.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::approvals::{self, NewDecision};
use super::board::{self, ReadinessView, unready};
use super::policy::Rules;
use super::posts::{self, PostFilter, PostView};
use super::{Actor, App, AppError, Result, old_words};
use crate::domain::Word;
use crate::domain::approval::{Decision, Matter};
use crate::domain::post::Kind;
use crate::domain::role::Right;
use crate::store::posts::Post;

/// Most posts of one decision: as many as one import brings.
pub const MOST: usize = 100_000;
/// Posts that a preview shows whole.
const SHOWN: usize = 20;
/// Posts that are approved in one change.
const STEP: usize = 100;

/// What waits under a label: how many, the first of them whole, and a hash over all.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BulkPreview {
    pub label: String,
    pub count: usize,
    /// Covers every post, the ones that are not shown here too. The approval carries it back.
    pub hash: String,
    /// The first by due time. `GET /posts?label=…&waiting=true&kind=routine` lists all of them.
    pub posts: Vec<PostView>,
    /// How ready the channels of all of them are, as far as it is known now.
    #[serde(default)]
    pub readiness: Vec<ReadinessView>,
}

/// Which posts a bulk approval means.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkApproval {
    pub label: String,
    /// The hash of the preview: when anything else waits by now, nothing is approved.
    pub hash: String,
    /// Channels that are known not to be ready, by id or name: while another one is not, nothing is approved.
    #[serde(default)]
    pub unready: Vec<String>,
}

/// What a bulk approval did.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BulkResult {
    pub approved: usize,
    /// Posts that were left, each with the reason.
    pub left: Vec<(String, String)>,
}

/// Every post that waits, with the bundle that stands for it: about a hundred bytes each.
struct Waiting {
    posts: Vec<Meant>,
    hash: String,
    first: Vec<Post>,
    /// Where they go.
    channels: Vec<String>,
}

/// One of them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Meant {
    id: String,
    bundle: String,
    /// The post that it gives other words.
    revises: Option<String>,
}

async fn waiting(app: &App, label: &str) -> Result<Waiting> {
    let mut filter = PostFilter {
        waiting: Some(app.now()),
        kind: Some(Kind::Routine.word().into()),
        label: Some(label.to_owned()),
        limit: 500,
        ..PostFilter::default()
    };
    let mut hash = Sha256::new_with_prefix(b"holdline bulk 1\n");
    let (mut found, mut first, mut channels) = (Vec::new(), Vec::new(), BTreeSet::new());
    loop {
        let page = app.store().posts(&filter).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some((last.due_at, last.id.clone()));
        let ids: Vec<&str> = page.iter().map(|p| p.id.as_str()).collect();
        let parts = app.store().renditions(&ids).await?;
        let mut by_post = HashMap::<&str, Vec<(&str, &str)>>::new();
        for (post, channel, content) in &parts {
            by_post.entry(post).or_default().push((channel, content));
            if !channels.contains(channel) {
                channels.insert(channel.clone());
            }
        }
        for post in &page {
            let renditions = by_post.remove(post.id.as_str()).unwrap_or_default();
            let bundle = approvals::matter(post, renditions.into_iter()).map(Matter::bundle)?;
            hash.update(format!("{} {bundle}\n", post.id));
            found.push(Meant { id: post.id.clone(), bundle, revises: post.revises.clone() });
        }
        if found.len() > MOST {
            return Err(AppError::field(
                "label",
                format!("more than {MOST} posts wait with it; give the first ones another label"),
            ));
        }
        let room = SHOWN.saturating_sub(first.len());
        first.extend(page.into_iter().take(room));
    }
    let channels = channels.into_iter().collect();
    Ok(Waiting { posts: found, hash: hex::encode(hash.finalize()), first, channels })
}

/// Shows what a bulk approval would approve, and the hash to do it with.
///
/// # Errors
/// When too many wait.
pub async fn preview(app: &App, by: &Actor, label: &str) -> Result<BulkPreview> {
    by.need(Right::Read)?;
    let all = waiting(app, label).await?;
    let names = super::channels::names(app).await?;
    let mut shown = Vec::with_capacity(all.first.len());
    for post in all.first {
        let rows = app.store().deliveries(&post.id).await?;
        shown.push(posts::view(post, rows, &names)?);
    }
    board::refresh(app, by, &all.channels).await?;
    let readiness = board::known(app, &all.channels).await?;
    Ok(BulkPreview {
        label: label.to_owned(),
        count: all.posts.len(),
        hash: all.hash,
        posts: shown,
        readiness,
    })
}

/// Approves all routine posts with a label that wait for it, each bound to what was shown of it: what was
/// submitted, and what is held with an approval that has lapsed. What cannot be approved is left, with the
/// reason: the approver wrote on it, say, or a channel does not take it any more.
///
/// # Errors
/// When other posts wait by now, or other words, or a channel is not ready and not known to be so: then nothing is
/// approved.
pub async fn approve(app: &App, by: &Actor, request: &BulkApproval) -> Result<BulkResult> {
    by.need(Right::Approve)?;
    let all = waiting(app, &request.label).await?;
    if all.hash != request.hash {
        return Err(AppError::Conflict(format!(
            "what waits with this label has changed since you read it ({} posts by now); nothing was approved: \
             read the preview again and send its hash",
            all.posts.len()
        )));
    }
    unready::are_known(app, by, &all.channels, &request.unready).await?;
    let comment = format!("in bulk by label {}, {} posts, {}", request.label, all.posts.len(), request.hash);
    let mut result = BulkResult { approved: 0, left: Vec::new() };
    for step in all.posts.chunks(STEP) {
        let channels = app.store().channels().await?;
        // Permits are kept out only while changes of words are written.
        let firsts: Vec<&str> = step.iter().filter_map(|m| m.revises.as_deref()).collect();
        let of_words = !firsts.is_empty();
        let mut tx = approvals::begin(app, of_words).await?;
        let rules = Rules::locked(app, &mut tx, std::iter::empty(), channels).await?;
        if of_words {
            let decided: Vec<&str> = step.iter().map(|m| m.id.as_str()).collect();
            old_words::lock(&mut tx, &decided, &firsts).await?;
        }
        let mut entries = Vec::new();
        let before = result.left.len();
        // Whoever locks several posts locks them in the order of their ids.
        let mut in_order: Vec<_> = step.iter().collect();
        in_order.sort_unstable();
        for Meant { id, bundle, .. } in in_order {
            let new = NewDecision {
                decision: Decision::Approve,
                bundle: bundle.clone(),
                comment: Some(comment.clone()),
                unready: Vec::new(),
            };
            match approvals::write(app, &mut tx, by, id, &new, &rules).await {
                Ok(more) => entries.extend(more),
                Err(AppError::Store(e)) => return Err(e.into()),
                // Refused before anything of this post was written.
                Err(e) => result.left.push((id.clone(), e.in_full())),
            }
        }
        if !entries.is_empty() {
            app.commit(tx, by, &entries, approvals::topics(of_words)).await?;
        }
        result.approved += step.len() - (result.left.len() - before);
    }
    Ok(result)
}
