//! The first screen: what happens now, and what waits for whom.

use askama::Template;
use axum::extract::State;

use super::page::{Answer, show};
use super::pictures;
use super::ui::Ui;
use super::visit::Visit;
use crate::app::calendar;
use crate::app::channels::{self, ChannelView};
use crate::app::posts::{self, PostFilter, PostView};
use crate::clock::Millis;
use crate::domain::post::PostState;
use crate::web::Web;

const DAY: Millis = 86_400_000;

#[derive(Template)]
#[template(path = "now.html", config = "src/web/console/askama.toml")]
struct NowPage {
    ui: Ui,
    next: Vec<PostView>,
    next_total: i64,
    waiting: Vec<PostView>,
    channels: Vec<ChannelView>,
    signals: Vec<Signal>,
    bars: String,
}

#[derive(Template)]
#[template(path = "strip_only.html", config = "src/web/console/askama.toml")]
struct StripPage {
    ui: Ui,
}

/// Something that wants a person.
struct Signal {
    words: String,
    to: String,
}

/// `GET /console`.
pub async fn screen(State(web): State<Web>, visit: Visit) -> Answer {
    let (app, by) = (&web.app, visit.by()?);
    let ui = visit.ui(&web).await?;
    let now = app.clock().now();
    let soon = PostFilter { due_from: Some(now), due_to: Some(now + DAY), limit: 8, ..PostFilter::default() };
    let next =
        posts::list(app, by, &soon).await?.into_iter().filter(|p| p.state != PostState::Cancelled).collect();
    let hours = calendar::hours(app, by, now, 24).await?;
    let next_total = hours.iter().map(|h| h.scheduled).sum();
    let columns: Vec<(i64, i64)> = hours.iter().map(|h| (h.scheduled, h.held)).collect();
    let channels = channels::list(app, by).await?;
    show(&NowPage {
        next,
        next_total,
        waiting: posts::waiting(app, by, 6).await?,
        signals: signals(&ui, &channels),
        channels: channels.into_iter().filter(|c| c.disabled_at.is_none()).collect(),
        bars: pictures::bars(&columns, &ui.t("bars-title")),
        ui,
    })
}

/// `GET /console/strip`: the strip alone, for pages that show something else.
pub async fn strip(State(web): State<Web>, visit: Visit) -> Answer {
    show(&StripPage { ui: visit.ui(&web).await? })
}

fn signals(ui: &Ui, channels: &[ChannelView]) -> Vec<Signal> {
    let mut out = Vec::new();
    let Some(o) = &ui.overview else { return out };
    for i in o.incidents.iter().filter(|i| i.overdue_since.is_some()) {
        out.push(Signal {
            words: ui.with("signal-overdue", "title", &i.title),
            to: format!("/console/incidents/{}", i.id),
        });
    }
    for f in o.freezes.iter().filter(|f| f.sealed_at.is_none()) {
        out.push(Signal { words: ui.t("signal-not-sealed"), to: format!("/console/freezes/{}", f.id) });
    }
    let counted = [
        ("signal-in-doubt", o.in_doubt, "/console/doubts"),
        ("signal-failed", o.failed, "/console/held?state=failed"),
        ("signal-reviews", i64::try_from(o.reviews).unwrap_or(i64::MAX), "/console/approvals"),
    ];
    for (key, n, to) in counted.into_iter().filter(|(_, n, _)| *n > 0) {
        out.push(Signal { words: ui.n(key, n), to: to.into() });
    }
    let unready = |c: &&ChannelView| c.disabled_at.is_none() && c.health.as_ref().is_some_and(|h| !h.ready);
    for c in channels.iter().filter(unready) {
        out.push(Signal {
            words: ui.with("signal-unready", "name", &c.name),
            to: "/console/settings/channels".into(),
        });
    }
    out
}
