//! Channels on which an approved post would fail: whoever approves is told before.

use super::{ReadinessView, refresh};
use crate::app::error::Problems;
use crate::app::standing::{self, Standing};
use crate::app::{Actor, App, Result};
use crate::store::channels::Channel;

/// Those that are not ready, by what was shown: whoever approves after that names them.
pub fn among(shown: &[ReadinessView]) -> Vec<String> {
    shown.iter().filter(|c| c.standing == Standing::NotReady).map(|c| c.channel.clone()).collect()
}

/// Goes on when every channel that is not ready is among the known ones, by id or name. For who may ask the
/// networks, a check older than ten minutes is made again before, for three seconds at most.
///
/// # Errors
/// Names each other one that is not ready, and why.
pub(in crate::app) async fn are_known(
    app: &App,
    by: &Actor,
    channels: &[String],
    known: &[String],
) -> Result<()> {
    let is_known = |c: &Channel| known.contains(&c.id) || known.contains(&c.name);
    // Nothing goes to a disabled one until a person enables it.
    let asked = |c: &Channel| channels.contains(&c.id) && c.disabled_at.is_none() && !is_known(c);
    let rows = app.store().channels().await?;
    let ids: Vec<String> = rows.into_iter().filter(asked).map(|c| c.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    refresh(app, by, &ids).await?;
    let mut problems = Problems::default();
    for row in app.store().channels().await? {
        // A wait that a network asked for is over soon, and stops nobody.
        let row = Channel { paused_until: 0, ..row };
        let (standing, remarks) = standing::of(&row, app.now());
        if standing == Standing::NotReady && ids.contains(&row.id) {
            let why = remarks.first().map_or("", |remark| remark.words.as_str());
            let name = &row.name;
            let words =
                format!("the channel {name} is not ready: {why}; name it in unready to approve all the same");
            problems.add("unready", words);
        }
    }
    problems.check()
}
