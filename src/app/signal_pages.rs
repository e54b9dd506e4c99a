//! All signals page by page: what waits, the worst first, then the newest; after it what is decided or
//! over, the newest first.

use super::signals::{SignalView, view};
use super::{Actor, App, Result};
use crate::domain::incident::Severity;
use crate::domain::role::Right;
use crate::domain::signal::SignalState;
use crate::store::signal_pages::{NEWEST, OVER, Way};

/// Signals of one page.
pub const PAGE: usize = 50;

/// A page, and what the addresses of its neighbours say.
#[derive(Debug, Clone, Default)]
pub struct SignalPage {
    pub rows: Vec<SignalView>,
    /// The page that ends before this place.
    pub before: Option<String>,
    /// The page that begins after this place.
    pub after: Option<String>,
}

/// A place in the order.
struct Place<'a> {
    rank: i64,
    id: &'a str,
}

impl<'a> Place<'a> {
    /// Before everything.
    const START: Place<'static> = Place { rank: -1, id: NEWEST };

    /// As an address says it.
    fn parse(text: &'a str) -> Option<Self> {
        let (rank, id) = text.split_once('.')?;
        let rank = rank.parse().ok().filter(|rank| (0..=OVER).contains(rank))?;
        Some(Self { rank, id })
    }

    /// Where a signal stands, for an address.
    fn of(s: &SignalView) -> String {
        let rank = match (s.state, s.severity) {
            (SignalState::Waiting, Some(Severity::Critical)) => 0,
            (SignalState::Waiting, Some(Severity::Major)) => 1,
            (SignalState::Waiting, Some(Severity::Minor)) => 2,
            (SignalState::Waiting, None) => 3,
            _ => OVER,
        };
        format!("{rank}.{}", s.id)
    }
}

/// The page after a place, or else before one; the first page when no such place is named.
///
/// # Errors
/// The database's own.
pub async fn page(app: &App, by: &Actor, after: &str, before: &str) -> Result<SignalPage> {
    by.need(Right::Read)?;
    let found = match (Place::parse(after), Place::parse(before)) {
        (Some(place), _) => onward(app, &place, true).await?,
        (None, Some(place)) => back(app, &place).await?,
        (None, None) => SignalPage::default(),
    };
    // Nothing is there any more, or nothing was asked for.
    if found.rows.is_empty() { onward(app, &Place::START, false).await } else { Ok(found) }
}

/// From that place on.
async fn onward(app: &App, place: &Place<'_>, is_later: bool) -> Result<SignalPage> {
    let most = PAGE + 1;
    let mut rows = Vec::new();
    if place.rank < OVER {
        rows = app.store().waiting_from(place.rank, place.id, Way::On, limit(most)).await?;
    }
    if rows.len() < most {
        let id = if place.rank < OVER { NEWEST } else { place.id };
        rows.extend(app.store().decided_from(id, Way::On, limit(most - rows.len())).await?);
    }
    let goes_on = rows.len() > PAGE;
    rows.truncate(PAGE);
    let rows = rows.into_iter().map(view).collect::<Result<Vec<_>>>()?;
    Ok(SignalPage {
        before: rows.first().filter(|_| is_later).map(Place::of),
        after: rows.last().filter(|_| goes_on).map(Place::of),
        rows,
    })
}

/// The page before that place; nothing when there is less than a page: that is the first page.
async fn back(app: &App, place: &Place<'_>) -> Result<SignalPage> {
    let most = PAGE + 1;
    let mut rows = Vec::new();
    if place.rank == OVER {
        rows = app.store().decided_from(place.id, Way::Back, limit(most)).await?;
    }
    if rows.len() < most {
        let rest = limit(most - rows.len());
        rows.extend(app.store().waiting_from(place.rank, place.id, Way::Back, rest).await?);
    }
    if rows.len() < most {
        return Ok(SignalPage::default());
    }
    rows.truncate(PAGE);
    rows.reverse();
    let rows = rows.into_iter().map(view).collect::<Result<Vec<_>>>()?;
    Ok(SignalPage { before: rows.first().map(Place::of), after: rows.last().map(Place::of), rows })
}

fn limit(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
