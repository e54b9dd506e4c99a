//! The first screen: what happens now, and what waits for whom.

use askama::Template;
use axum::extract::State;

use super::page::{Answer, show};
use super::pictures;
use super::signals::{Names, Refused};
use super::ui::{Number, Ui};
use super::visit::Visit;
use crate::app::AppError;
use crate::app::calendar;
use crate::app::channels::{self, ChannelView};
use crate::app::heard::MOST_WAITING;
use crate::app::overview::Overview;
use crate::app::posts::{self, PostFilter, PostView};
use crate::app::signals::{self as monitoring, SignalView};
use crate::clock::Millis;
use crate::domain::post::PostState;
use crate::domain::signal::SignalState;
use crate::web::Web;

const DAY: Millis = 86_400_000;
/// Most cards of signals; the others wait behind them.
const CARDS: i64 = 25;
/// Most rows of what is over; there may be more.
const OVER: usize = 10;
/// How many characters of a signal's words a card shows.
const BEGINNING: usize = 300;

#[derive(Template)]
#[template(path = "now.html", config = "src/web/console/askama.toml")]
pub struct NowPage {
    ui: Ui,
    next: Vec<PostView>,
    next_total: i64,
    waiting: Vec<PostView>,
    channels: Vec<ChannelView>,
    signals: Vec<Signal>,
    /// What monitoring systems said and waits, how many there are in all, and how many more than here.
    heard: Vec<SignalView>,
    all: i64,
    more: i64,
    /// What was over before anybody looked, and how many more than here.
    over: Vec<SignalView>,
    more_over: usize,
    names: Names,
    /// The newest freeze of everything in force that has no incident: it becomes that of what is opened.
    adopt: Option<String>,
    refused: Refused,
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
    show(&page(&web, &visit, Refused::default()).await?)
}

/// The first screen, also after a dismissal that was refused.
pub async fn page(web: &Web, visit: &Visit, refused: Refused) -> crate::app::Result<NowPage> {
    let (app, by) = (&web.app, visit.by()?);
    let mut ui = visit.ui(web).await?;
    if !refused.id.is_empty() {
        // The answer to a form is read again as the screen that it is.
        ui.path = "/console".into();
    }
    let now = app.clock().now();
    let soon = PostFilter { due_from: Some(now), due_to: Some(now + DAY), limit: 8, ..PostFilter::default() };
    let next =
        posts::list(app, by, &soon).await?.into_iter().filter(|p| p.state != PostState::Cancelled).collect();
    let hours = calendar::hours(app, by, now, 24).await?;
    let next_total = hours.iter().map(|h| h.scheduled).sum();
    let columns: Vec<(i64, i64)> = hours.iter().map(|h| (h.scheduled, h.held)).collect();
    let channels = channels::list(app, by).await?;
    let (mut heard, all) = monitoring::waiting(app, by, CARDS).await?;
    if !refused.id.is_empty() {
        first(web, visit, &mut heard, &refused.id).await?;
    }
    let mut over = monitoring::over(app, by).await?;
    let more_over = over.len().saturating_sub(OVER);
    over.truncate(OVER);
    let said: Vec<_> = heard.iter().chain(&over).cloned().collect();
    let free = |o: &Overview| {
        o.freezes.iter().find(|f| f.incident.is_none() && f.scope.is_everything()).map(|f| f.id.clone())
    };
    Ok(NowPage {
        names: Names::of(app, by, &said).await?,
        adopt: ui.overview.as_ref().and_then(free),
        all,
        more: all - heard.len().whole(),
        heard,
        over,
        more_over,
        refused,
        next,
        next_total,
        waiting: posts::waiting(app, by, 6).await?,
        signals: signals(&ui, &channels),
        channels: channels.into_iter().filter(|c| c.disabled_at.is_none()).collect(),
        bars: pictures::bars(&columns, &ui.t("bars-title")),
        ui,
    })
}

/// Puts the card whose dismissal was refused before the others, when it still waits.
async fn first(web: &Web, visit: &Visit, cards: &mut Vec<SignalView>, id: &str) -> crate::app::Result<()> {
    cards.retain(|s| s.id != id);
    let card = match monitoring::get(&web.app, visit.by()?, id).await {
        Err(AppError::NotFound { .. }) => None,
        card => Some(card?).filter(|s| s.state == SignalState::Waiting),
    };
    if let Some(card) = card {
        cards.insert(0, card);
    }
    Ok(())
}

impl NowPage {
    /// Whether new signals are not kept.
    fn is_full(&self) -> bool {
        self.all >= MOST_WAITING
    }

    /// The first words of a signal.
    fn beginning(&self, words: &str) -> String {
        let short: String = words.chars().take(BEGINNING).collect();
        if short.len() < words.len() { format!("{short}…") } else { short }
    }
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
