//! Another time for a post: the form beside every place in the calendar.

use askama::Template;
use axum::extract::{Path, RawQuery, State};

use super::draft::{self, Moment};
use super::fields;
use super::page::{Answer, go, show, show_again};
use super::times;
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit};
use crate::app::held::{self, Choice, Review};
use crate::app::posts::{self, PostView};
use crate::domain::delivery::State as Standing;
use crate::domain::post::PostState;
use crate::web::Web;

#[derive(Template)]
#[template(path = "move.html", config = "src/web/console/askama.toml")]
struct MovePage {
    ui: Ui,
    post: PostView,
    /// How many of its deliveries are held: these are moved, and their words stay approved.
    held: usize,
    at: Moment,
    zone: String,
    zones: Vec<&'static str>,
    trouble: Trouble,
}

async fn page(
    web: &Web,
    visit: &Visit,
    id: &str,
    typed: Option<(Moment, String)>,
    trouble: Trouble,
) -> crate::app::Result<MovePage> {
    let ui = visit.ui(web).await?;
    let post = posts::get(&web.app, visit.by()?, id).await?;
    // A time that has passed is no proposal.
    let due = Some(post.due.as_str()).filter(|d| times::millis(d) > ui.now);
    let (at, zone) = typed.unwrap_or_else(|| (Moment::of(due, ui.zone), ui.zone.name().to_owned()));
    Ok(MovePage {
        held: held_of(&post).len(),
        zones: chrono_tz::TZ_VARIANTS.iter().map(|z| z.name()).collect(),
        at,
        zone,
        post,
        ui,
        trouble,
    })
}

fn held_of(post: &PostView) -> Vec<String> {
    let held = post.deliveries.iter().filter(|d| d.state == Standing::Held);
    held.map(|d| d.id.clone()).collect()
}

/// `GET /console/posts/{id}/move?on=`: to the day that it was dragged to, or to any.
pub async fn form(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let mut page = page(&web, &visit, &id, None, Trouble::default()).await?;
    let today = times::local(page.ui.now, page.ui.zone).date_naive();
    // A day that has passed is no proposal either.
    if let Some(day) = fields::of_query(query.as_deref()).get("on").parse().ok().filter(|d| *d >= today) {
        page.at = Moment::of(Some(&page.post.due), page.ui.zone).on(day);
    }
    show(&page)
}

/// Gives it the time. Held deliveries are rescheduled; a post that is not out is edited, which voids
/// its approval.
pub async fn shift(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let (app, by) = (&web.app, visit.by()?);
    let at = Moment { typed: fields.get("at").into(), was: fields.get("at-was").into() };
    let zone = fields.get("zone").to_owned();
    let when = at.some(zone.parse().unwrap_or(chrono_tz::UTC));
    let post = posts::get(app, by, &id).await?;
    let deliveries = held_of(&post);
    let done = if deliveries.is_empty() {
        let mut new = draft::unchanged(&post);
        // A local time is read in the zone of the form; the post keeps its own.
        new.due = match when.map(|t| crate::domain::times::parse(&t, &zone)).transpose() {
            Ok(due) => due.map(crate::clock::rfc3339),
            Err(why) => {
                return again(&web, &visit, &id, (at, zone), Trouble::field("post.due", why)).await;
            }
        };
        if new.due.is_none() {
            let needed = visit.lang.t("move-when-needed");
            return again(&web, &visit, &id, (at, zone), Trouble::field("post.due", needed)).await;
        }
        let version = fields.get("version").parse().ok();
        posts::edit(app, by, &id, version, &new).await.map(|_| Vec::new())
    } else {
        let review = Review {
            choice: Choice::Reschedule,
            deliveries,
            label: None,
            hash: None,
            expected: None,
            at: when,
            zone: Some(zone.clone()),
            spread_minutes: 0,
        };
        held::review(app, by, &review).await.map(|r| r.left)
    };
    match done {
        Ok(left) if left.is_empty() => go(&format!("/console/posts/{id}")),
        Ok(left) => {
            let general = left.into_iter().map(|(_, why)| why).collect();
            again(&web, &visit, &id, (at, zone), Trouble { general, fields: Vec::new() }).await
        }
        Err(e) => {
            let mut trouble = Trouble::mendable(e)?;
            for (field, _) in &mut trouble.fields {
                *field = if field == "at" { "post.due".into() } else { format!("post.{field}") };
            }
            again(&web, &visit, &id, (at, zone), trouble).await
        }
    }
}

async fn again(web: &Web, visit: &Visit, id: &str, typed: (Moment, String), trouble: Trouble) -> Answer {
    show_again(&page(web, visit, id, Some(typed), trouble).await?)
}

impl MovePage {
    /// Whether moving it voids an approval.
    fn voids(&self) -> bool {
        self.held == 0 && self.post.state == PostState::Approved
    }
}
