//! The first screen: what happens now, and what waits for whom.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{RawQuery, State};

use super::fields;
use super::page::{Answer, show};
use super::pictures;
use super::signals::{Names, Refused};
use super::ui::{Number, Ui};
use super::visit::Visit;
use crate::app::calendar;
use crate::app::channels::{self, ChannelView};
use crate::app::key_watch;
use crate::app::posts::{self, PostFilter, PostView};
use crate::app::shares::{MOST_WAITING, Shares};
use crate::app::signals::{self as monitoring, SignalView};
use crate::app::standing::Standing;
use crate::clock::Millis;
use crate::domain::post::PostState;
use crate::domain::role::Right;
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
    /// What monitoring systems said and waits, and how many more than here. Cards that somebody types
    /// into are here whatever became of them.
    heard: Vec<SignalView>,
    more: i64,
    /// Who finds no room for more, in words.
    full: Vec<String>,
    /// Open incidents that signals can be joined to: id and title, by signal.
    joinable: HashMap<String, (String, String)>,
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
pub async fn screen(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let typing = fields::of_query(query.as_deref()).all("keep");
    show(&page(&web, &visit, Refused::default(), typing).await?)
}

/// The first screen, also after a dismissal that was refused. `typing` are the signals whose cards
/// somebody types into: they stay where there is room for few.
pub async fn page(
    web: &Web,
    visit: &Visit,
    refused: Refused,
    mut typing: Vec<String>,
) -> crate::app::Result<NowPage> {
    let (app, by) = (&web.app, visit.by()?);
    let mut ui = visit.ui(web).await?;
    // It is read again as the screen that it is, also as the answer to a form; each time with the cards
    // that are typed into then.
    ui.path = if refused.id.is_empty() { ui.without("keep") } else { "/console".into() };
    let now = app.clock().now();
    let soon = PostFilter { due_from: Some(now), due_to: Some(now + DAY), limit: 8, ..PostFilter::default() };
    let next =
        posts::list(app, by, &soon).await?.into_iter().filter(|p| p.state != PostState::Cancelled).collect();
    let hours = calendar::hours(app, by, now, 24).await?;
    let next_total = hours.iter().map(|h| h.scheduled).sum();
    let columns: Vec<(i64, i64)> = hours.iter().map(|h| (h.scheduled, h.held)).collect();
    let channels = channels::list(app, by).await?;
    let (mut heard, shares) = monitoring::waiting(app, by, CARDS).await?;
    if !refused.id.is_empty() {
        typing.push(refused.id.clone());
    }
    keep(web, visit, &mut heard, &typing).await?;
    let waiting = heard.iter().filter(|s| s.state == SignalState::Waiting).count();
    let mut over = monitoring::over(app, by).await?;
    let more_over = over.len().saturating_sub(OVER);
    over.truncate(OVER);
    let said: Vec<_> = heard.iter().chain(&over).cloned().collect();
    let names = Names::of(app, by, &said).await?;
    Ok(NowPage {
        full: full(&ui, &shares, &names),
        more: (shares.all() - waiting.whole()).max(0),
        joinable: if by.may(Right::Decide) { monitoring::joinable(app, by).await? } else { HashMap::new() },
        names,
        adopt: ui.overview.as_ref().and_then(|o| o.free()).map(|f| f.id.clone()),
        heard,
        over,
        more_over,
        refused,
        next,
        next_total,
        waiting: posts::waiting(app, by, 6).await?,
        signals: signals(
            &ui,
            &channels,
            if by.may(Right::Administer) { key_watch::trouble(app).await? } else { None },
        ),
        channels: channels.into_iter().filter(|c| c.disabled_at.is_none()).collect(),
        bars: pictures::bars(&columns, &ui.t("bars-title")),
        ui,
    })
}

/// Keeps the cards that somebody types into, before the others when they are not among them.
async fn keep(
    web: &Web,
    visit: &Visit,
    cards: &mut Vec<SignalView>,
    typing: &[String],
) -> crate::app::Result<()> {
    let is_here = |id: &&str| cards.iter().any(|s| s.id == **id);
    let most = usize::try_from(CARDS).unwrap_or_default();
    let gone: Vec<&str> = typing.iter().map(String::as_str).filter(|id| !is_here(id)).take(most).collect();
    let kept = monitoring::some(&web.app, visit.by()?, &gone).await?;
    cards.splice(0..0, kept);
    Ok(())
}

/// Who finds no room for more signals.
fn full(ui: &Ui, shares: &Shares, names: &Names) -> Vec<String> {
    let mut out = Vec::new();
    if shares.all() >= MOST_WAITING {
        out.push(ui.n("signal-full", shares.all()));
    }
    let (sources, senders) = shares.used_up();
    out.extend(sources.iter().map(|(by, source)| {
        let named = [("source", source.as_str().into()), ("name", names.sender(ui, by).into())];
        ui.lang.with("signal-full-source", &named)
    }));
    out.extend(senders.iter().map(|by| ui.with("signal-full-sender", "name", names.sender(ui, by))));
    out
}

impl NowPage {
    /// Whether it waits for a decision.
    fn waits(&self, s: &SignalView) -> bool {
        s.state == SignalState::Waiting
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

fn signals(ui: &Ui, channels: &[ChannelView], trouble: Option<String>) -> Vec<Signal> {
    let keys = |why: String| Signal { words: ui.told(&why), to: "/console/settings/readiness".into() };
    let mut out: Vec<_> = trouble.map(keys).into_iter().collect();
    let Some(o) = &ui.overview else { return out };
    for i in o.incidents.iter().filter(|i| i.overdue_since.is_some()) {
        out.push(Signal {
            words: ui.with("signal-overdue", "title", &i.title),
            to: format!("/console/incidents/{}", i.id),
        });
    }
    for n in &o.closed {
        let why = ui.say(n.closed.as_deref().unwrap_or_default());
        let named = [("name", n.name.as_str().into()), ("why", why.into())];
        out.push(Signal {
            words: ui.lang.with("signal-closed", &named),
            to: "/console/settings/nodes".into(),
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
    let unready = |c: &&ChannelView| c.disabled_at.is_none() && c.standing == Standing::NotReady;
    for c in channels.iter().filter(unready) {
        out.push(Signal {
            words: ui.with("signal-unready", "name", &c.name),
            to: "/console/settings/readiness".into(),
        });
    }
    out
}
