//! The in-doubt desk: what we sent, what we saw when reading back, and the decision.

use askama::Template;
use axum::extract::{Path, RawQuery, State};

use super::fields::{self, Fields};
use super::page::{Answer, go, show, show_again};
use super::retract::{self, Refused};
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit};
use crate::app::doubts::{self, DoubtView};
use crate::app::held::{self, Settle, Settlement};
use crate::domain::delivery::State as Delivered;
use crate::web::Web;

const PAGE: i64 = 25;

#[derive(Template)]
#[template(path = "doubts.html", config = "src/web/console/askama.toml")]
struct DoubtsPage {
    ui: Ui,
    rows: Vec<DoubtView>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "doubt.html", config = "src/web/console/askama.toml")]
struct DoubtPage {
    ui: Ui,
    it: DoubtView,
    /// What was sent, word for word.
    sent: Option<::channels::Rendition>,
    note: String,
    url: String,
    trouble: Trouble,
    /// Parts of it are out and can be taken down now.
    is_partly_out: bool,
    refused: Refused,
}

/// `GET /console/doubts?after=`.
pub async fn screen(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let f = fields::of_query(query.as_deref());
    let mut rows = doubts::list(&web.app, visit.by()?, f.get("after"), PAGE + 1).await?;
    let more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    let next = rows.last().filter(|_| more).map(|d| d.delivery.clone());
    show(&DoubtsPage { ui: visit.ui(&web).await?, rows, next })
}

async fn page(
    web: &Web,
    visit: &Visit,
    id: &str,
    f: &Fields,
    trouble: Trouble,
) -> crate::app::Result<DoubtPage> {
    let it = doubts::get(&web.app, visit.by()?, id).await?;
    let sent = it.attempt.as_ref().and_then(|a| serde_json::from_value(a.rendition.clone()).ok());
    let (note, url) = (f.text("note"), f.get("url").to_owned());
    let is_partly_out = held::can_in_part(&web.app, visit.by()?, id).await?;
    let (ui, refused) = (visit.ui(web).await?, Refused::default());
    Ok(DoubtPage { ui, it, sent, note, url, trouble, is_partly_out, refused })
}

impl DoubtPage {
    fn is_open(&self) -> bool {
        self.it.state == Delivered::InDoubt || self.it.started_only
    }

    fn title(&self) -> &'static str {
        match () {
            () if self.it.started_only => "started-one",
            () if self.it.revises.is_some() => "doubt-words-one",
            () => "doubt-one",
        }
    }

    /// What is asked and can be answered: about a post, or about other words of one.
    fn asked(&self, key: &str) -> String {
        if self.it.revises.is_some() { format!("doubt-words-{key}") } else { format!("doubt-{key}") }
    }

    fn live(&self) -> String {
        format!("/console/doubts/{}", self.it.delivery)
    }

    fn retract(&self) -> String {
        format!("{}/retract", self.live())
    }
}

/// `GET /console/doubts/{id}`: one delivery, also when it is settled by now.
pub async fn one(State(web): State<Web>, visit: Visit, Path(id): Path<String>) -> Answer {
    show(&page(&web, &visit, &id, &Fields::default(), Trouble::default()).await?)
}

/// Reads it back now.
pub async fn read_back(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    match doubts::read_back(&web.app, visit.by()?, &id).await {
        Ok(()) => go(&format!("/console/doubts/{id}")),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&page(&web, &visit, &id, &fields, trouble).await?)
        }
    }
}

/// Settles it by a person's word.
pub async fn settle(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let settlement = match fields.get("settlement") {
        "published" => Settlement::Published,
        "try_again" => Settlement::TryAgain,
        "taken_down" => Settlement::TakenDown,
        _ => Settlement::NotPublished,
    };
    let url = fields.some("url").filter(|_| settlement == Settlement::Published);
    let settle = Settle { settlement, note: fields.text("note"), url };
    match held::settle(&web.app, visit.by()?, &id, &settle).await {
        Ok(()) => go(&format!("/console/doubts/{id}")),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&page(&web, &visit, &id, &fields, trouble).await?)
        }
    }
}

/// Takes down what is out of it, or says what is still there.
pub async fn retract(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let Some(refused) = retract::take_down(&web, &visit, &fields, &[&id], None).await? else {
        return go(&format!("/console/doubts/{id}"));
    };
    let shown = page(&web, &visit, &id, &Fields::default(), Trouble::default()).await?;
    show_again(&DoubtPage { refused, ..shown })
}
