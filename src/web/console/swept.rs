//! What was scheduled inside networks and is held there: back on the schedule, or never, by a decision.

use askama::Template;
use axum::extract::{Path, RawQuery, State};

use super::fields::{self, Fields};
use super::held::zones;
use super::page::{Answer, go, show, show_again};
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit};
use crate::app::sweeps::{self, Choice, Decision, SweptView, SweptWhole};
use crate::domain::sweep::Stand;
use crate::web::Web;

#[derive(Template)]
#[template(path = "swept.html", config = "src/web/console/askama.toml")]
struct SweptPage {
    ui: Ui,
    /// Those that wait for a decision, and the others.
    held: Vec<SweptView>,
    others: Vec<SweptView>,
    chosen: Vec<String>,
    at: String,
    zone: String,
    zones: Vec<&'static str>,
    spread: String,
    /// How many the last decision changed.
    done: Option<i64>,
    /// What it left, each with the reason.
    left: Vec<(String, String)>,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "swept_whole.html", config = "src/web/console/askama.toml")]
struct WholePage {
    ui: Ui,
    whole: SweptWhole,
}

/// `GET /console/swept/{id}`: one post with everything that was kept of it.
pub async fn whole(State(web): State<Web>, visit: Visit, Path(id): Path<String>) -> Answer {
    let whole = sweeps::get(&web.app, visit.by()?, &id).await?;
    show(&WholePage { ui: visit.ui(&web).await?, whole })
}

async fn page(web: &Web, visit: &Visit, f: &Fields, trouble: Trouble) -> crate::app::Result<SweptPage> {
    let all = sweeps::list(&web.app, visit.by()?, None).await?;
    let (held, others) = all.into_iter().partition(|p| p.state == Stand::Held);
    Ok(SweptPage {
        ui: visit.ui(web).await?,
        held,
        others,
        chosen: f.all("post"),
        at: f.get("at").to_owned(),
        zone: f.some("zone").map_or_else(|| visit.signed().map(|s| s.zone.clone()), Ok)?,
        zones: zones(),
        spread: f.some("spread").unwrap_or_else(|| "5".into()),
        done: f.get("done").parse().ok(),
        left: Vec::new(),
        trouble,
    })
}

/// `GET /console/swept`.
pub async fn screen(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    show(&page(&web, &visit, &fields::of_query(query.as_deref()), Trouble::default()).await?)
}

/// Decides about the ticked posts.
pub async fn review(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let decision = match wanted(&visit, &fields) {
        Ok(decision) => decision,
        Err(trouble) => return show_again(&page(&web, &visit, &fields, trouble).await?),
    };
    let done = match sweeps::review(&web.app, visit.by()?, &decision).await {
        Ok(done) => done,
        Err(e) => return show_again(&page(&web, &visit, &fields, Trouble::mendable(e)?).await?),
    };
    if done.left.is_empty() {
        return go(&format!("/console/swept?done={}", done.changed));
    }
    let shown = page(&web, &visit, &fields, Trouble::default()).await?;
    let words = |id: &String| {
        let known = shown.held.iter().chain(&shown.others).find(|p| p.id == *id);
        known.map_or_else(|| id.clone(), |p| p.words.clone())
    };
    let left = done.left.iter().map(|(id, why)| (words(id), why.clone())).collect();
    show(&SweptPage { done: i64::try_from(done.changed).ok().filter(|n| *n > 0), left, ..shown })
}

/// What the form asks for; dropping asks for a typed word.
fn wanted(visit: &Visit, f: &Fields) -> Result<Decision, Trouble> {
    let choice = if f.get("choice") == "drop" { Choice::Drop } else { Choice::Restore };
    if choice == Choice::Drop {
        visit.typed(f, "swept-word")?;
    }
    let spread = f.some("spread").map_or(Ok(0), |s| s.parse::<u32>()).ok().filter(|n| *n <= 24 * 60);
    let Some(spread_minutes) = spread else {
        return Err(Trouble::field("spread", visit.lang.t("held-spread-wrong")));
    };
    let (at, zone) = match choice {
        Choice::Restore => (f.some("at"), f.some("zone")),
        Choice::Drop => (None, None),
    };
    Ok(Decision { choice, posts: f.all("post"), at, zone, spread_minutes })
}
