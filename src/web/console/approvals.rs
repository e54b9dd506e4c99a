//! Approvals: what waits, oldest first; the exact texts; decide about these very words.

use askama::Template;
use axum::extract::{Path, RawQuery, State};

use super::against::{Against, against};
use super::fields::{self, Fields};
use super::page::{Answer, go, show, show_again};
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit};
use crate::app::approvals::{self, ApprovalView, NewDecision, ReviewSheet};
use crate::app::board::unready;
use crate::app::posts::{self, PostView};
use crate::app::{AppError, people};
use crate::domain::approval::Decision;
use crate::domain::post::{Lane, PostState};
use crate::web::Web;

#[derive(Template)]
#[template(path = "approvals.html", config = "src/web/console/askama.toml")]
struct QueuePage {
    ui: Ui,
    waiting: Vec<PostView>,
    /// Broken glass that nobody has reviewed, with the post.
    owed: Vec<(ApprovalView, PostView)>,
    /// What was typed into the form of a review, and refused.
    typed: Fields,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "approval.html", config = "src/web/console/askama.toml")]
struct SheetPage {
    ui: Ui,
    sheets: Vec<Sheet>,
    /// The posts of this page, for its forms.
    ids: Vec<String>,
    comment: String,
    trouble: Trouble,
}

/// One post as its approver reads it.
struct Sheet {
    it: ReviewSheet,
    author: String,
    /// What was decided, by whom: the oldest first.
    decisions: Vec<(String, ApprovalView)>,
    /// Whether the reader wrote on it, and so cannot approve it.
    own: bool,
    /// The same content on several channels is shown once.
    renditions: Vec<Rendition>,
    /// What is different from the last approved text of the incident, and from the playbook's.
    against: Vec<Against>,
}

impl Sheet {
    /// Why it waits again, where it had its approval.
    fn whys(&self) -> Vec<&str> {
        let submitted = self.it.post.state == PostState::Submitted;
        let mut all: Vec<&str> = self.it.post.deliveries.iter().filter_map(|d| d.reason.as_deref()).collect();
        all.retain(|_| submitted);
        all.dedup();
        all
    }
}

/// A content, and the channels that receive it.
pub(super) struct Rendition {
    pub channels: Vec<String>,
    pub title: Option<String>,
    pub text: String,
    /// What follows in a thread.
    pub more: Vec<String>,
    pub language: String,
    /// Hash and alternative text.
    pub media: Vec<(String, String)>,
    hash: String,
}

/// `GET /console/approvals`.
pub async fn queue(State(web): State<Web>, visit: Visit) -> Answer {
    show(&queue_page(&web, &visit, Fields::default(), Trouble::default()).await?)
}

async fn queue_page(
    web: &Web,
    visit: &Visit,
    typed: Fields,
    trouble: Trouble,
) -> crate::app::Result<QueuePage> {
    let (app, by) = (&web.app, visit.by()?);
    let waiting = posts::waiting(app, by, 200).await?;
    let mut owed = Vec::new();
    let reviews = approvals::reviews_owed(app, by).await?;
    let posts = posts::some(app, by, &reviews.iter().map(|a| a.post.as_str()).collect::<Vec<_>>()).await?;
    for a in reviews {
        let post = posts.get(&a.post).cloned().ok_or_else(|| AppError::not_found("post", &a.post))?;
        owed.push((a, post));
    }
    Ok(QueuePage { ui: visit.ui(web).await?, waiting, owed, typed, trouble })
}

impl QueuePage {
    /// Which fields have a place on this page for what is wrong with them.
    fn fields(&self) -> &'static [&'static str] {
        let is_here = self.ui.may("approve") && self.owed.iter().any(|(a, _)| self.is_refused(&a.id));
        if is_here { &["comment"] } else { &[] }
    }

    /// What was typed into a form that is gone: somebody else was first.
    fn left(&self) -> String {
        if self.fields().is_empty() { self.typed.text("comment") } else { String::new() }
    }

    /// Whether the form of that review was refused.
    fn is_refused(&self, approval: &str) -> bool {
        self.typed.get("approval") == approval
    }
}

/// Reviews a broken glass.
pub async fn review(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let done =
        approvals::review(&web.app, visit.by()?, fields.get("approval"), &fields.text("comment")).await;
    match done {
        Ok(()) => go("/console/approvals"),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&queue_page(&web, &visit, fields, trouble).await?)
        }
    }
}

/// `GET /console/approvals/{id}?with=OTHER`: the exact texts of one post, or of several that belong
/// together (the same words in two languages).
pub async fn sheet(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let ids = together(&id, &fields::of_query(query.as_deref()));
    show(&sheet_page(&web, &visit, ids, String::new(), Trouble::default()).await?)
}

fn together(id: &str, f: &Fields) -> Vec<String> {
    let mut ids = vec![id.to_owned()];
    for other in f.all("with").into_iter().take(16) {
        if !ids.contains(&other) {
            ids.push(other);
        }
    }
    ids
}

async fn sheet_page(
    web: &Web,
    visit: &Visit,
    ids: Vec<String>,
    comment: String,
    trouble: Trouble,
) -> crate::app::Result<SheetPage> {
    let (app, by) = (&web.app, visit.by()?);
    let people = people::list(app, by).await?;
    let mut sheets = Vec::new();
    for mut it in approvals::sheets(app, by, &ids).await? {
        let name =
            |id: &str| people.iter().find(|p| p.id == id).map_or_else(|| id.to_owned(), |p| p.name.clone());
        let decisions = std::mem::take(&mut it.decisions);
        sheets.push(Sheet {
            author: name(&it.post.author),
            decisions: decisions.into_iter().map(|d| (name(&d.person), d)).collect(),
            own: it.post.authors.contains(&by.id),
            renditions: renditions(&it.post),
            against: against(app, by, &it.post).await?,
            it,
        });
    }
    Ok(SheetPage { ui: visit.ui(web).await?, sheets, ids, comment, trouble })
}

impl SheetPage {
    /// Whether all of them wait for a decision.
    fn is_open(&self) -> bool {
        self.sheets.iter().all(|s| s.it.post.state == PostState::Submitted || s.it.lapsed)
    }

    /// Whether the reader wrote on one of them.
    fn is_own(&self) -> bool {
        self.sheets.iter().any(|s| s.own)
    }

    /// Whether a channel does not take one of them any more.
    fn is_misfit(&self) -> bool {
        self.sheets.iter().any(|s| !s.it.misfits.is_empty())
    }

    /// The channels that it shows as not ready: whoever decides here knows them.
    fn unready(&self) -> Vec<String> {
        self.sheets.iter().flat_map(|s| unready::among(&s.it.readiness)).collect()
    }

    /// What can be done about it.
    fn misfit_key(&self) -> &'static str {
        if self.sheets.iter().any(|s| s.it.lapsed) { "misfit-lapsed" } else { "misfit" }
    }

    fn is_crisis(&self) -> bool {
        self.sheets.iter().all(|s| s.it.post.kind.lane() == Lane::Crisis)
    }

    /// What the button says: whether it publishes now, at a time to come, or not yet.
    fn approve_key(&self) -> &'static str {
        let due = |s: &Sheet| super::times::millis(&s.it.post.due);
        // A routine post whose time has passed is held for a decision, and so is what lapsed.
        let held = |s: &Sheet| {
            s.it.lapsed || s.it.post.kind.lane() == Lane::Routine && due(s) < self.ui.now - 60_000
        };
        match () {
            () if self.sheets.iter().any(|s| s.it.given + 1 < s.it.needed) => "approve-more-do",
            () if self.sheets.iter().any(held) => "approve-held-do",
            () if self.sheets.iter().any(|s| due(s) > self.ui.now + 60_000) => "approve-do",
            () => "approve-now-do",
        }
    }
}

/// The exact content for each channel; channels that receive the same bytes share one.
pub(super) fn renditions(post: &PostView) -> Vec<Rendition> {
    let mut out: Vec<Rendition> = Vec::new();
    for d in &post.deliveries {
        if let Some(same) = out.iter_mut().find(|r| r.hash == d.content_hash) {
            same.channels.push(d.channel_name.clone());
            continue;
        }
        let Ok(r) = serde_json::from_value::<::channels::Rendition>(d.rendition.clone()) else { continue };
        out.push(Rendition {
            channels: vec![d.channel_name.clone()],
            title: r.title,
            text: r.text,
            more: r.more,
            language: r.language,
            media: r.media.into_iter().map(|m| (m.sha256, m.alt)).collect(),
            hash: d.content_hash.clone(),
        });
    }
    out
}

/// Decides about the posts of a sheet, each by the very bundle that was shown.
pub async fn decide(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let ids = together(&id, &fields);
    let decision = match fields.get("decision") {
        "approve" => Decision::Approve,
        "break_glass" => Decision::BreakGlass,
        _ => Decision::Reject,
    };
    let decided = |post: &String| {
        let bundle = fields.get(&format!("bundle-{post}")).to_owned();
        let (comment, unready) = (fields.some("comment"), fields.all("unready"));
        (post.clone(), NewDecision { decision, bundle, comment, unready })
    };
    let all: Vec<_> = ids.iter().map(decided).collect();
    let by = visit.by()?;
    if let Err(e) = approvals::decide_all(&web.app, by, &all).await {
        let trouble = Trouble::mendable(e)?;
        return show_again(&sheet_page(&web, &visit, ids, fields.text("comment"), trouble).await?);
    }
    let post = posts::get(&web.app, by, &id).await?;
    match (&post.incident, post.kind.lane()) {
        (Some(incident), Lane::Crisis) => go(&format!("/console/incidents/{incident}")),
        _ => go("/console/approvals"),
    }
}
