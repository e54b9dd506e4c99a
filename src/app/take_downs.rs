//! Every copy of a post is taken down in one action.

use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::{Actor, App, AppError, Result, channels, held, reads, reasons};
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::role::Right;

/// What became of one copy.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TakenDown {
    pub delivery: String,
    pub channel_name: String,
    pub gone: bool,
    /// Why it is still there.
    pub reason: Option<String>,
}

/// Takes down every copy of a post that is out, side by side, also the parts of a thread that stopped.
///
/// # Errors
/// When there is no such post, nothing of it is out, or the actor may not decide.
pub async fn all(app: &App, by: &Actor, post: &str, why: &str) -> Result<Vec<TakenDown>> {
    by.need(Right::Decide)?;
    reasons::check("comment", why)?;
    if app.store().post(post).await?.is_none() {
        return Err(AppError::not_found("post", post));
    }
    let names = channels::names(app).await?;
    let mut out = Vec::new();
    for d in app.store().deliveries(post).await? {
        if d.state == State::Accepted.word() || reads::has_parts_out(app, &d.id).await? {
            out.push(d);
        }
    }
    if out.is_empty() {
        return Err(AppError::Conflict(
            "nothing of this post is out, so there is nothing to take down".into(),
        ));
    }
    let each = out.into_iter().map(|d| {
        let channel_name = names.get(&d.channel_id).cloned().unwrap_or_default();
        async move {
            // What the others did is told all the same.
            let reason = match held::retract(app, by, &d.id, why).await {
                Ok(::channels::Retraction::Gone) => None,
                Ok(::channels::Retraction::StillLive(why)) => Some(why),
                Err(e) => Some(e.to_string()),
            };
            TakenDown { delivery: d.id, channel_name, gone: reason.is_none(), reason }
        }
    });
    Ok(join_all(each).await)
}
