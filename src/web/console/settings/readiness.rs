//! The readiness board: what would fail is seen before the day.

use askama::Template;
use axum::extract::State;

use crate::app::board::{self, ReadinessView};
use crate::app::channels::ChannelView;
use crate::app::standing::Standing;
use crate::web::Web;
use crate::web::console::page::{Answer, show};
use crate::web::console::pictures;
use crate::web::console::ui::Ui;
use crate::web::console::visit::Visit;

#[derive(Template)]
#[template(path = "readiness.html", config = "src/web/console/askama.toml")]
struct BoardPage {
    ui: Ui,
    board: Vec<ReadinessView>,
}

/// `GET /console/settings/readiness`.
pub async fn screen(State(web): State<Web>, visit: Visit) -> Answer {
    let board = board::board(&web.app, visit.by()?).await?;
    show(&BoardPage { ui: visit.ui(&web).await?, board })
}

impl BoardPage {
    /// How many channels stand so: the key of the words, and the number. Nobody is told of none.
    fn counts(&self) -> Vec<(&'static str, usize)> {
        let all = [Standing::NotReady, Standing::Unknown, Standing::Attention, Standing::Ready];
        let count = |s: Standing| (key(s), self.board.iter().filter(|c| c.standing == s).count());
        all.map(count).into_iter().filter(|(_, n)| *n > 0).collect()
    }
}

/// The key of the words for a standing.
fn key(standing: Standing) -> &'static str {
    match standing {
        Standing::Ready => "board-ready",
        Standing::Attention => "board-attention",
        Standing::Unknown => "board-unknown",
        Standing::NotReady => "board-not-ready",
    }
}

impl Ui {
    /// A sign for how ready a channel is, with its words as a title.
    pub fn board_sign(&self, standing: &Standing) -> String {
        let kind = match standing {
            Standing::Ready => "good",
            Standing::Attention => "wait",
            Standing::Unknown => "none",
            Standing::NotReady => "bad",
        };
        pictures::dot(kind, &self.board_word(standing))
    }

    /// How ready a channel is, in words.
    pub fn board_word(&self, standing: &Standing) -> String {
        self.t(key(*standing))
    }

    /// The first thing to know of a channel: the worst remark, or what the last check said.
    pub fn board_says<'a>(&self, c: &'a ChannelView) -> Option<&'a str> {
        let said = c.health.as_ref().map(|health| health.detail.as_str());
        c.remarks.first().map(|remark| remark.words.as_str()).or(said)
    }

    /// `3 of 250`, or `3`.
    pub fn board_left(&self, left: &u64, limit: &Option<u64>) -> String {
        let number = |n: u64| self.number(usize::try_from(n).unwrap_or(usize::MAX));
        match limit {
            Some(limit) => format!("{} / {}", number(*left), number(*limit)),
            None => number(*left),
        }
    }

    pub fn board_calls(&self, left: &u64) -> String {
        self.board_left(left, &None)
    }
}
