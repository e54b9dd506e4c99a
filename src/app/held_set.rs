//! What is held with a label, and one hash over all of it: a decision about many is about exactly
//! those that were read.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::held::{self, Review, WaitingView};
use super::{Actor, App, AppError, Result};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::role::Right;
use crate::store::deliveries::Delivery;
use crate::store::held::Mark;

/// Deliveries that a preview shows.
const SHOWN: i64 = 20;
/// Rows of one read. Each has about a hundred bytes.
const STEP: i64 = 5_000;

/// What is held with a label: how many, the first of them, and a hash over all.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HeldPreview {
    pub label: String,
    pub count: usize,
    /// Covers every delivery, the ones that are not shown here too: its id, its time and its words. The
    /// decision carries it back.
    pub hash: String,
    /// The first by their ids. `GET /held?label=…` lists all of them.
    pub deliveries: Vec<WaitingView>,
}

/// A hash that grows with each delivery, in the order of their ids.
struct Running {
    hash: Sha256,
    count: usize,
}

impl Running {
    fn new() -> Self {
        Self { hash: Sha256::new_with_prefix(b"holdline held 1\n"), count: 0 }
    }

    fn take(&mut self, id: &str, due_at: Millis, content_hash: &str) {
        self.hash.update(format!("{id} {due_at} {content_hash}\n"));
        self.count += 1;
    }

    fn end(self) -> String {
        hex::encode(self.hash.finalize())
    }
}

/// A delivery that a decision means; and how it was when it was read by its label.
pub(super) struct Meant {
    pub id: String,
    read: Option<(Millis, String)>,
}

impl Meant {
    /// Whether it still is as it was read. What was named by its id is as it is.
    pub fn as_read(&self, d: &Delivery) -> std::result::Result<(), String> {
        let same = |(due_at, content_hash): &(Millis, String)| {
            d.state == State::Held.word() && d.due_at == *due_at && d.content_hash == *content_hash
        };
        if self.read.as_ref().is_none_or(same) {
            return Ok(());
        }
        Err("it was changed while this was decided; look at it again".into())
    }
}

/// Shows what is held with a label, and the hash to decide about it with.
///
/// # Errors
/// The database's own.
pub async fn preview(app: &App, by: &Actor, label: &str) -> Result<HeldPreview> {
    by.need(Right::Read)?;
    let first = app.store().waiting(State::Held.word(), Some(label), "", SHOWN).await?;
    let mut running = Running::new();
    // What is shown is what is hashed, also when it changes meanwhile.
    for d in &first {
        running.take(&d.id, d.due_at, &d.content_hash);
    }
    if let Some(last) = first.last() {
        let after = last.id.clone();
        each(app, label, after, |m| running.take(&m.id, m.due_at, &m.content_hash)).await?;
    }
    let names = super::channels::names(app).await?;
    let deliveries = first.into_iter().map(|w| held::view(w, &names)).collect::<Result<_>>()?;
    Ok(HeldPreview { label: label.to_owned(), count: running.count, hash: running.end(), deliveries })
}

/// Everything that is held with the label after that delivery.
async fn each(app: &App, label: &str, mut after: String, mut take: impl FnMut(Mark)) -> Result<()> {
    loop {
        let page = app.store().held_marks(label, &after, STEP).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        page.into_iter().for_each(&mut take);
    }
}

/// Which deliveries a decision means, each once.
///
/// # Errors
/// When others are held with the label than were read: then nothing is decided.
pub(super) async fn meant(app: &App, review: &Review) -> Result<Vec<Meant>> {
    let mut all: Vec<Meant> =
        review.deliveries.iter().map(|id| Meant { id: id.clone(), read: None }).collect();
    if let Some(label) = &review.label {
        let mut running = Running::new();
        each(app, label, String::new(), |m| {
            running.take(&m.id, m.due_at, &m.content_hash);
            all.push(Meant { id: m.id, read: Some((m.due_at, m.content_hash)) });
        })
        .await?;
        let count = running.count;
        if review.expected.is_some_and(|n| n != count) {
            return Err(AppError::Conflict(format!(
                "{count} deliveries are held with this label by now; nothing was decided: read them again"
            )));
        }
        let hash = running.end();
        if review.hash.as_ref().is_some_and(|h| *h != hash) {
            return Err(AppError::Conflict(format!(
                "what is held with this label has changed since you read it ({count} deliveries by now); nothing was \
                 decided: read it again"
            )));
        }
    }
    let mut seen = HashSet::new();
    all.retain(|m| seen.insert(m.id.clone()));
    Ok(all)
}
