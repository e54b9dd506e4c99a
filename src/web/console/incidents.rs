//! Incidents: the list, and the room where one is worked through. How one is opened is in `opening.rs`.

use askama::Template;
use axum::extract::{Path, RawQuery, State};

use super::fields::{self, Fields};
use super::page::{Answer, go, show, show_again};
use super::times;
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit};
use super::{matrix, pictures};
use crate::app::incidents::{self, IncidentView};
use crate::app::notices;
use crate::app::posts::{DeliveryView, PostView};
use crate::app::room::{self, Happening, Room, What};
use crate::domain::incident::IncidentState;
use crate::domain::post::PostState;
use crate::web::Web;

#[derive(Template)]
#[template(path = "incidents.html", config = "src/web/console/askama.toml")]
struct ListPage {
    ui: Ui,
    incidents: Vec<IncidentView>,
}

#[derive(Template)]
#[template(path = "incident.html", config = "src/web/console/askama.toml")]
struct RoomPage {
    ui: Ui,
    room: Room,
    picture: String,
    /// Where the texts that were submitted a moment ago wait for approval.
    sent: Option<String>,
    /// Whether their approvers get a mail.
    mailed: bool,
    /// What was typed into one of its forms, and refused.
    typed: Fields,
    trouble: Trouble,
}

/// `GET /console/incidents`.
pub async fn list(State(web): State<Web>, visit: Visit) -> Answer {
    let incidents = incidents::list(&web.app, visit.by()?, false).await?;
    show(&ListPage { ui: visit.ui(&web).await?, incidents })
}

async fn room_page(
    web: &Web,
    visit: &Visit,
    id: &str,
    typed: Fields,
    trouble: Trouble,
) -> crate::app::Result<RoomPage> {
    let room = room::read(&web.app, visit.by()?, id).await?;
    let ui = visit.ui(web).await?;
    Ok(RoomPage { picture: picture(&ui, &room), sent: None, mailed: false, ui, room, typed, trouble })
}

/// The room.
pub async fn screen(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let asked = fields::of_query(query.as_deref());
    let page = room_page(&web, &visit, &id, Fields::default(), Trouble::default()).await?;
    // What was decided since does not wait any more, also when the page is loaded again.
    let mut asked_for = [asked.all("sent"), asked.all("with")].concat();
    asked_for.retain(|id| page.room.posts.iter().any(|p| p.id == *id && p.state == PostState::Submitted));
    let waiting: Vec<&str> = asked_for.iter().map(String::as_str).collect();
    let mailed = notices::told(&web.app, visit.by()?, &waiting).await?;
    show(&RoomPage { sent: approval_link(&waiting), mailed, ..page })
}

/// Straight to the exact texts that were submitted together.
fn approval_link(waiting: &[&str]) -> Option<String> {
    let (first, others) = waiting.split_first()?;
    let with: Vec<String> = others.iter().map(|id| format!("with={id}")).collect();
    Some(format!("/console/approvals/{first}?{}", with.join("&")))
}

/// What a button of the room does.
pub async fn act(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let (app, by) = (&web.app, visit.by()?);
    let back = format!("/console/incidents/{id}");
    let done = match fields.get("do") {
        "note" => room::note(app, by, &id, &fields.text("text")).await,
        "step" => room::mark_step(app, by, &id, fields.get("step"), true).await,
        "unstep" => room::mark_step(app, by, &id, fields.get("step"), false).await,
        "promise" => {
            let zone = visit.signed()?.zone.clone();
            match crate::domain::times::parse(fields.get("at"), &zone) {
                Ok(at) => {
                    let at = crate::clock::rfc3339(at);
                    incidents::promise(app, by, &id, None, &at).await.map(drop)
                }
                Err(words) => Err(crate::app::AppError::field("at", words)),
            }
        }
        "resolve" => {
            let typed = fields.get("word").to_lowercase();
            if typed == visit.lang.t("resolve-word") {
                incidents::resolve(app, by, &id, None, fields.get("comment")).await.map(drop)
            } else {
                Err(crate::app::AppError::field("word", visit.lang.t("word-wrong")))
            }
        }
        other => Err(crate::app::AppError::field("do", format!("\"{other}\" is no button of this page"))),
    };
    match done {
        Ok(()) => go(&back),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&room_page(&web, &visit, &id, fields, trouble).await?)
        }
    }
}

/// The incident on a line of time, as a picture.
fn picture(ui: &Ui, room: &Room) -> String {
    let from = times::millis(&room.incident.opened_at);
    let freeze = room.freezes.iter().map(|f| times::millis(&f.committed_at)).min().unwrap_or(from).min(from);
    let to = room.incident.resolved_at.as_deref().map_or(ui.now, times::millis).max(freeze + 60_000);
    let marks = room.timeline.iter().rev().map(|h| pictures::Mark {
        at: times::millis(&h.at),
        kind: mark_kind(h.what),
        words: format!("{} {}", ui.near(&h.at), ui.word("what", &h.what)),
    });
    let promise = room.incident.next_promise.as_deref().map(times::millis);
    let end = |at| times::near(ui.lang, ui.zone, ui.now, at);
    let ends = (end(freeze), end(to.max(promise.unwrap_or(to))));
    pictures::timeline(freeze, to, promise, &marks.collect::<Vec<_>>(), &ui.t("timeline-picture"), &ends)
}

fn mark_kind(what: What) -> &'static str {
    match what {
        What::Accepted => "good",
        What::InDoubt | What::Failed | What::GlassBroken | What::Rejected | What::Raised => "bad",
        What::Committed | What::Sealed | What::Thawed => "hold",
        _ => "none",
    }
}

impl RoomPage {
    fn is_open(&self) -> bool {
        self.room.incident.state == IncidentState::Open
    }

    /// The fields of the forms that are on this page now.
    fn fields(&self) -> &'static [&'static str] {
        match (self.is_open(), self.ui.may("write"), self.ui.may("decide")) {
            (true, true, true) => &["text", "at", "comment", "word"],
            (true, true, false) => &["text", "at"],
            (true, false, true) => &["text", "comment", "word"],
            (false, false, false) | (true, false, false) => &[],
            (false, ..) => &["text"],
        }
    }

    /// What was typed into a form that is not here any more: its label and the text.
    fn left(&self) -> Vec<(String, String)> {
        let label = |field: &str| match field {
            "at" => self.ui.with("promise-at", "zone", self.ui.zone.name()),
            "comment" => self.ui.t("resolve-comment"),
            _ => self.ui.t("note"),
        };
        // How it ended is in the field for a note.
        let kept =
            |f: &&str| self.fields().contains(f) || (*f == "comment" && self.note() == self.typed.text(f));
        let gone = ["text", "at", "comment"].into_iter().filter(|f| !kept(f) && self.typed.some(f).is_some());
        gone.map(|f| (label(f), self.typed.text(f))).collect()
    }

    /// What stands in the field for a note. How it ended is kept there when somebody else was first.
    fn note(&self) -> String {
        let ended = !self.is_open() && !self.typed.has("text");
        self.typed.text(if ended { "comment" } else { "text" })
    }

    /// The delivery of a post on a channel, if it goes there.
    fn cell<'a>(&self, post: &'a PostView, channel: &str) -> Option<&'a DeliveryView> {
        matrix::delivery(post, channel)
    }

    /// What can be done about a text: where it leads, and its words.
    fn action(&self, post: &PostView) -> Option<(String, String)> {
        matrix::action(&self.ui, post)
    }

    /// The matrix as a picture.
    fn matrix(&self) -> String {
        matrix::picture(&self.ui, &self.room)
    }

    /// What its signs mean, and how often each is there.
    fn legend(&self) -> Vec<(String, String, usize)> {
        matrix::legend(&self.ui, &self.room)
    }

    /// Until when the first words should be out; nothing: they are, or there is no plan.
    fn first_words_due(&self) -> Option<String> {
        let plan = self.room.playbook.filter(|_| self.room.last_word.is_none() && self.is_open())?;
        let opened = times::millis(&self.room.incident.opened_at);
        Some(crate::clock::rfc3339(opened + i64::from(plan.first_words_minutes) * 60_000))
    }

    /// How many steps are done.
    fn steps_done(&self) -> usize {
        self.room.steps.iter().filter(|s| s.done_at.is_some()).count()
    }

    /// What it is about, in the reader's language.
    fn about(&self, h: &Happening) -> String {
        if h.what == What::Raised { self.ui.named("severity", &h.about) } else { h.about.clone() }
    }

    /// A sign for what happened, beside its words.
    fn sign(&self, h: &Happening) -> String {
        pictures::dot(mark_kind(h.what), &self.ui.word("what", &h.what))
    }
}
