//! The thaw review: each held post gets a decision, one by one or many at once. Nothing leaves without.

use askama::Template;
use axum::extract::{RawQuery, State};

use super::fields::{self, Fields};
use super::page::{Answer, go, show, show_again};
use super::ui::{Number, Trouble, Ui};
use super::visit::{Posted, Visit};
use crate::app::held::{self, Choice, Review, Reviewed, Tally, WaitingView};
use crate::app::{App, doubts, held_set, sweeps};
use crate::domain::Word;
use crate::domain::delivery::State as Delivered;
use crate::domain::sweep::Stand;
use crate::web::Web;

/// Posts on one page.
const PAGE: i64 = 50;
/// How many of the chosen posts are shown before a decision about many.
const SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "held.html", config = "src/web/console/askama.toml")]
struct HeldPage {
    ui: Ui,
    asked: Asked,
    rows: Vec<WaitingView>,
    tally: Tally,
    /// How many are held inside networks.
    swept: usize,
    /// Where the next page begins.
    next: Option<String>,
    zone: String,
    zones: Vec<&'static str>,
    /// How many the last decision changed.
    done: Option<i64>,
    done_key: String,
}

/// What of the list is looked at.
#[derive(Debug, Clone)]
struct Asked {
    state: Delivered,
    label: Option<String>,
    after: String,
}

#[derive(Template)]
#[template(path = "held_decide.html", config = "src/web/console/askama.toml")]
struct DecidePage {
    ui: Ui,
    asked: Asked,
    /// All with the label of `asked`; otherwise those of `ids`.
    by_label: bool,
    ids: Vec<String>,
    count: i64,
    /// Of what is held with the label, as it is shown.
    hash: String,
    shown: Vec<Chosen>,
    at: String,
    zone: String,
    zones: Vec<&'static str>,
    spread: String,
    trouble: Trouble,
}

/// One of the chosen posts.
struct Chosen {
    text: String,
    channel: String,
    /// When it was due, or why it was left.
    more: String,
}

#[derive(Template)]
#[template(path = "held_left.html", config = "src/web/console/askama.toml")]
struct LeftPage {
    ui: Ui,
    asked: Asked,
    changed: usize,
    changed_key: String,
    total: usize,
    /// Each reason with how many were left for it.
    reasons: Vec<(String, usize)>,
    left: Vec<Chosen>,
}

impl Asked {
    fn of(f: &Fields) -> Self {
        let state = match f.get("state") {
            "failed" => Delivered::Failed,
            "expired" => Delivered::Expired,
            _ => Delivered::Held,
        };
        Self { state, label: f.some("label"), after: f.get("after").to_owned() }
    }

    fn word(&self) -> &'static str {
        self.state.word()
    }

    /// The address of a list, or of another page about it.
    fn at(&self, path: &str, state: &str, label: &str, after: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("state", state);
        for (name, value) in [("label", label), ("after", after)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        format!("{path}?{}", query.finish())
    }

    fn label(&self) -> &str {
        self.label.as_deref().unwrap_or_default()
    }

    /// This list, from there on.
    fn page(&self, after: &str) -> String {
        self.at("/console/held", self.word(), self.label(), after)
    }

    /// The list of another state.
    fn state(&self, state: &str) -> String {
        self.at("/console/held", state, "", "")
    }

    /// The list of one label.
    fn labelled(&self, label: &str) -> String {
        self.at("/console/held", self.word(), label, "")
    }

    fn decide(&self) -> String {
        self.at("/console/held/decide", self.word(), self.label(), "")
    }
}

/// What a decision about so many is called when it is done.
fn done_key(choice: &str) -> String {
    match choice {
        "release" | "reschedule" | "cancel" => format!("held-done-{choice}"),
        _ => "held-done".into(),
    }
}

/// `GET /console/held?state=&label=&after=`.
pub async fn screen(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let f = fields::of_query(query.as_deref());
    let (app, by, asked) = (&web.app, visit.by()?, Asked::of(&f));
    let mut rows = held::list(app, by, asked.state, asked.label.as_deref(), &asked.after, PAGE + 1).await?;
    let more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    show(&HeldPage {
        tally: held::tally(app, by, asked.state, asked.label.as_deref()).await?,
        swept: sweeps::list(app, by, Some(Stand::Held)).await?.len(),
        next: rows.last().filter(|_| more).map(|w| w.delivery.clone()),
        zone: visit.signed()?.zone.clone(),
        zones: zones(),
        done: f.get("done").parse().ok(),
        done_key: done_key(f.get("choice")),
        ui: visit.ui(&web).await?,
        asked,
        rows,
    })
}

pub(super) fn zones() -> Vec<&'static str> {
    chrono_tz::TZ_VARIANTS.iter().map(|z| z.name()).collect()
}

/// `GET /console/held/decide?delivery=…&delivery=…`, or `?label=…` for all that are held with it.
pub async fn decide(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let f = fields::of_query(query.as_deref());
    if f.all("delivery").is_empty() && f.some("label").is_none() {
        return go(&Asked::of(&f).page(""));
    }
    show(&decide_page(&web, &visit, &f, Trouble::default()).await?)
}

async fn decide_page(
    web: &Web,
    visit: &Visit,
    f: &Fields,
    trouble: Trouble,
) -> crate::app::Result<DecidePage> {
    let (app, by, asked) = (&web.app, visit.by()?, Asked::of(f));
    let ui = visit.ui(web).await?;
    let ids = f.all("delivery");
    let by_label = ids.is_empty();
    let (count, hash, shown) = if by_label {
        let set = held_set::preview(app, by, asked.label()).await?;
        let first = set.deliveries.into_iter().take(SHOWN);
        let shown = first.map(|w| Chosen { more: ui.at(&w.due), text: w.text, channel: w.channel_name });
        (set.count.whole(), set.hash, shown.collect())
    } else {
        let mut shown = Vec::new();
        for id in ids.iter().take(SHOWN) {
            let d = doubts::get(app, by, id).await?;
            shown.push(Chosen { more: ui.at(&d.due), text: d.text, channel: d.channel_name });
        }
        (ids.len().whole(), String::new(), shown)
    };
    Ok(DecidePage {
        at: f.get("at").to_owned(),
        zone: f.some("zone").map_or_else(|| visit.signed().map(|s| s.zone.clone()), Ok)?,
        zones: zones(),
        spread: f.some("spread").unwrap_or_else(|| if count > 1 { "5".into() } else { "0".into() }),
        ui,
        asked,
        by_label,
        ids,
        count,
        hash,
        shown,
        trouble,
    })
}

impl DecidePage {
    /// Those that are not shown.
    fn rest(&self) -> i64 {
        self.count - self.shown.len().whole()
    }
}

/// Decides about one post, the ticked ones, or all with a label.
pub async fn review(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let asked = Asked::of(&fields);
    let trouble = match wanted(&visit, &fields) {
        Ok(review) => match held::review(&web.app, visit.by()?, &review).await {
            Ok(done) if done.left.is_empty() => {
                let to = asked.page("");
                return go(&format!("{to}&done={}&choice={}", done.changed, fields.get("choice")));
            }
            Ok(done) => {
                return show(&left_page(&web, &visit, asked, done, fields.get("choice")).await?);
            }
            Err(e) => Trouble::mendable(e)?,
        },
        Err(trouble) => trouble,
    };
    show_again(&decide_page(&web, &visit, &fields, trouble).await?)
}

/// What the form asks for; cancelling asks for a typed word.
fn wanted(visit: &Visit, f: &Fields) -> Result<Review, Trouble> {
    let choice = match f.get("choice") {
        "release" => Choice::Release,
        "cancel" => Choice::Cancel,
        _ => Choice::Reschedule,
    };
    if choice == Choice::Cancel {
        visit.typed(f, "held-word")?;
    }
    let spread = f.some("spread").map_or(Ok(0), |s| s.parse::<u32>()).ok().filter(|n| *n <= 24 * 60);
    let Some(spread_minutes) = spread else {
        return Err(Trouble::field("spread", visit.lang.t("held-spread-wrong")));
    };
    let deliveries = f.all("delivery");
    let label = if deliveries.is_empty() { f.some("label") } else { None };
    // Always: a form without it is refused like one of another set.
    let hash = label.as_ref().map(|_| f.get("hash").to_owned());
    let (at, zone) = (f.some("at"), f.some("zone"));
    Ok(Review { choice, deliveries, label, hash, expected: None, at, zone, spread_minutes })
}

async fn left_page(
    web: &Web,
    visit: &Visit,
    asked: Asked,
    done: Reviewed,
    choice: &str,
) -> crate::app::Result<LeftPage> {
    let mut reasons: Vec<(String, usize)> = Vec::new();
    for (_, why) in &done.left {
        match reasons.iter_mut().find(|(known, _)| known == why) {
            Some((_, n)) => *n += 1,
            None => reasons.push((why.clone(), 1)),
        }
    }
    let ui = visit.ui(web).await?;
    let left = described(&web.app, visit, &done.left).await?;
    let total = done.left.len();
    Ok(LeftPage { ui, asked, changed: done.changed, changed_key: done_key(choice), total, reasons, left })
}

async fn described(app: &App, visit: &Visit, left: &[(String, String)]) -> crate::app::Result<Vec<Chosen>> {
    let mut out = Vec::new();
    for (id, why) in left.iter().take(PAGE as usize) {
        let known = doubts::get(app, visit.by()?, id).await.ok();
        let (text, channel) = known.map_or((id.clone(), String::new()), |d| (d.text, d.channel_name));
        out.push(Chosen { text, channel, more: why.clone() });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_state_and_label_in_its_address() {
        let f = fields::of_query(Some("state=failed&label=a%26b&after=x"));
        let asked = Asked::of(&f);
        assert_eq!(asked.page("y"), "/console/held?state=failed&label=a%26b&after=y");
        assert_eq!(asked.state("held"), "/console/held?state=held");
        assert_eq!(Asked::of(&Fields::default()).page(""), "/console/held?state=held");
        assert_eq!(done_key("drop table"), "held-done");
    }
}
