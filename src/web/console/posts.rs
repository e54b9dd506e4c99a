//! One post: its exact texts, how each delivery stands, and what can be done about it.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;

use super::approvals::{Rendition, renditions};
use super::fields;
use super::page::{Answer, go, show, show_again};
use super::retract::{self, Refused};
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit};
use crate::app::pins::{self, Pin, PinView};
use crate::app::posts::{self, DeliveryView, PostView};
use crate::app::{media, people, revisions};
use crate::domain::Word;
use crate::domain::delivery::{Move, State as Standing};
use crate::domain::post::PostState;
use crate::web::Web;

#[derive(Template)]
#[template(path = "post.html", config = "src/web/console/askama.toml")]
struct PostPage {
    ui: Ui,
    post: PostView,
    renditions: Vec<Rendition>,
    /// Everybody who wrote on it.
    writers: Vec<String>,
    /// The posts that were handed over together with this one.
    with: Vec<String>,
    refused: Refused,
    /// The copies that are out on networks that can keep a post at the top.
    pins: Vec<PinView>,
    /// Whether its words can be changed somewhere.
    can_revise: bool,
    trouble: Trouble,
}

async fn page(
    web: &Web,
    visit: &Visit,
    id: &str,
    with: Vec<String>,
    trouble: Trouble,
) -> crate::app::Result<PostPage> {
    let (app, by) = (&web.app, visit.by()?);
    let post = posts::get(app, by, id).await?;
    let names: HashMap<String, String> =
        people::list(app, by).await?.into_iter().map(|p| (p.id, p.name)).collect();
    let mut pins = pins::list(app, by, id).await?;
    pins.retain(|copy| copy.reason.is_none());
    let name = |id: &String| names.get(id).unwrap_or(id).clone();
    Ok(PostPage {
        ui: visit.ui(web).await?,
        renditions: renditions(&post),
        writers: post.authors.iter().map(name).collect(),
        with,
        refused: Refused::default(),
        pins,
        can_revise: !revisions::choices(app, by, id).await?.can.is_empty(),
        post,
        trouble,
    })
}

/// `GET /console/posts/{id}`.
pub async fn screen(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let with = fields::of_query(query.as_deref()).all("with").into_iter().take(8).collect();
    show(&page(&web, &visit, &id, with, Trouble::default()).await?)
}

/// Hands it to the approvers.
pub async fn submit(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let visit = posted.visit;
    match posts::submit(&web.app, visit.by()?, &id).await {
        Ok(_) => go(&format!("/console/posts/{id}")),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&page(&web, &visit, &id, Vec::new(), trouble).await?)
        }
    }
}

/// Cancels what is not out yet, when the word was typed.
pub async fn cancel(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let by = visit.by()?;
    let trouble = if fields.get("word").to_lowercase() == visit.lang.t("postpage-cancel-word") {
        match posts::cancel(&web.app, by, &id).await {
            Ok(_) => return go(&format!("/console/posts/{id}")),
            Err(e) => Trouble::mendable(e)?,
        }
    } else {
        let word = visit.lang.t("postpage-cancel-wrong");
        Trouble { general: Vec::new(), fields: vec![("cancel-word".into(), word)] }
    };
    show_again(&page(&web, &visit, &id, Vec::new(), trouble).await?)
}

/// Takes one accepted copy down, or says why it is still there.
pub async fn retract(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let post = posts::get(&web.app, visit.by()?, &id).await?;
    let mine: Vec<&str> = post.deliveries.iter().map(|d| d.id.as_str()).collect();
    let Some(refused) = retract::take_down(&web, &visit, &fields, &mine, Some(&id)).await? else {
        return go(&format!("/console/posts/{id}"));
    };
    let shown = page(&web, &visit, &id, Vec::new(), Trouble::default()).await?;
    show_again(&PostPage { refused, ..shown })
}

/// Keeps every copy that is out at the top, or lets all go.
pub async fn pin(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let asked = Pin { pinned: fields.get("pinned") == "yes" };
    let trouble = match pins::set(&web.app, visit.by()?, &id, asked).await {
        Ok(copies) => {
            let said = |copy: PinView| {
                let reason = copy.reason.filter(|why| why != ::channels::NO_PINS)?;
                let reason = Ui::bare(&visit).say(&reason);
                let words = [("name", copy.channel_name.into()), ("reason", reason.into())];
                Some(visit.lang.with("postpage-pin-failed", &words))
            };
            Trouble { general: copies.into_iter().filter_map(said).collect(), fields: Vec::new() }
        }
        Err(e) => Trouble::mendable(e)?,
    };
    if trouble.is_empty() {
        return go(&format!("/console/posts/{id}"));
    }
    show_again(&page(&web, &visit, &id, Vec::new(), trouble).await?)
}

/// Kinds of pictures that a browser shows in place. Everything else would be kept as a file.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "image/gif"];

/// `GET /console/media/{sha}`: a picture that was uploaded.
pub async fn picture(State(web): State<Web>, visit: Visit, Path(sha): Path<String>) -> Answer {
    let media::Media { mime, bytes, .. } = media::get(&web.app, visit.by()?, &sha).await?;
    let shown = SHOWN.contains(&mime.as_str());
    let headers = [
        (header::CONTENT_TYPE, if shown { mime } else { "application/octet-stream".into() }),
        (header::CONTENT_DISPOSITION, if shown { "inline" } else { "attachment" }.to_owned()),
        // The address is the hash of the bytes.
        (header::CACHE_CONTROL, "private, max-age=86400, immutable".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

impl PostPage {
    fn is_pinned(&self) -> bool {
        self.pins.iter().any(|copy| copy.pinned_at.is_some())
    }

    fn lacks_a_pin(&self) -> bool {
        self.pins.iter().any(|copy| copy.pinned_at.is_none())
    }

    fn count(&self, what: Move) -> usize {
        self.post.deliveries.iter().filter(|d| d.state.after(what).is_ok()).count()
    }

    /// Whether its words can still be changed.
    fn can_edit(&self) -> bool {
        let whole = |d: &DeliveryView| d.attempts == 0 && d.state.after(Move::Unapprove).is_ok();
        self.post.state != PostState::Cancelled && self.post.deliveries.iter().all(whole)
    }

    /// Whether an earlier post of its recurrence got words that its author may take over.
    fn has_other_words(&self) -> bool {
        let waits = matches!(self.post.state, PostState::Draft | PostState::Submitted);
        waits && self.post.words.is_some() && self.can_edit()
    }

    /// How many deliveries can be cancelled.
    fn cancellable(&self) -> usize {
        if self.post.state == PostState::Cancelled { 0 } else { self.count(Move::Cancel) }
    }

    /// Whether its time can be changed.
    fn can_move(&self) -> bool {
        let held = self.post.deliveries.iter().any(|d| d.state == Standing::Held);
        (held && self.ui.may("decide")) || (self.can_edit() && self.ui.may("write"))
    }

    /// What is out as a whole.
    fn accepted(&self) -> Vec<&DeliveryView> {
        self.post.deliveries.iter().filter(|d| d.state == Standing::Accepted).collect()
    }

    /// What can be taken down: what is out as a whole, or in part while nothing of it follows.
    fn out(&self) -> Vec<&DeliveryView> {
        let is_out =
            |d: &&DeliveryView| d.state == Standing::Accepted || (d.partly_out && !d.state.is_on_its_way());
        self.post.deliveries.iter().filter(is_out).collect()
    }

    /// What is out in part and goes on.
    fn goes_on(&self) -> Vec<&DeliveryView> {
        self.post.deliveries.iter().filter(|d| d.partly_out && d.state.is_on_its_way()).collect()
    }

    /// The address where the post, and those that belong to it, are approved.
    fn approval(&self) -> String {
        let with: Vec<String> = self.with.iter().map(|w| format!("with={w}")).collect();
        format!("/console/approvals/{}?{}", self.post.id, with.join("&"))
    }

    /// The address where its correction is written.
    fn correction(&self) -> String {
        let incident = self.post.incident.as_deref().unwrap_or_default();
        format!("/console/compose?kind=correction&corrects={}&incident={incident}", self.post.id)
    }
}
