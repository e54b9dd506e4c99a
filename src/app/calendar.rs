//! The queue by hour and by day, for people to look at.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use chrono_tz::Tz;

use super::{Actor, App, AppError, Result};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::post::{Kind, Source};
use crate::domain::role::Right;
use crate::domain::times;
pub use crate::store::calendar::Narrow;
use crate::store::calendar::Placed;

const HOUR: Millis = 3_600_000;

/// What falls due in a stretch of time, in deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Approved, and going out at its time.
    pub scheduled: i64,
    /// Waits for a person's decision.
    pub held: i64,
    /// Out.
    pub accepted: i64,
    /// Everything else: drafts, doubts, failures, expired.
    pub other: i64,
}

/// The next hours.
///
/// # Errors
/// The database's own.
pub async fn hours(app: &App, by: &Actor, from: Millis, hours: usize) -> Result<Vec<Stretch>> {
    stretches(app, by, from, HOUR, hours).await
}

async fn stretches(app: &App, by: &Actor, from: Millis, width: Millis, count: usize) -> Result<Vec<Stretch>> {
    by.need(Right::Read)?;
    let to = from + width * Millis::try_from(count).unwrap_or(0);
    let mut out = vec![Stretch::default(); count];
    for slot in app.store().slots(from, to, width).await? {
        let Some(stretch) = usize::try_from(slot.slot).ok().and_then(|n| out.get_mut(n)) else { continue };
        match slot.state.as_str() {
            "scheduled" | "claimed" | "sending" => stretch.scheduled += slot.total,
            "held" => stretch.held += slot.total,
            "accepted" => stretch.accepted += slot.total,
            "cancelled" => {}
            _ => stretch.other += slot.total,
        }
    }
    Ok(out)
}

/// How a post looks in the calendar: the worst of what its deliveries are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Draft,
    /// Waits for approval.
    Submitted,
    /// Approved, and going out at its time.
    Planned,
    /// Waits in its place for a person's decision.
    Held,
    /// Failed, expired, or in doubt somewhere.
    Trouble,
    /// Out everywhere.
    Out,
}

impl Word for Look {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("draft", Self::Draft),
        ("submitted", Self::Submitted),
        ("planned", Self::Planned),
        ("held", Self::Held),
        ("trouble", Self::Trouble),
        ("out", Self::Out),
    ];
}

/// A post in its place.
#[derive(Debug, Clone)]
pub struct Slot {
    pub id: String,
    pub kind: Kind,
    pub title: Option<String>,
    pub text: String,
    pub language: String,
    pub due: String,
    /// When it goes, where a person gave it another time.
    pub goes: Option<String>,
    pub look: Look,
    /// By what it is held: an incident, or the time of a freeze, or a reason.
    pub held_by: Option<HeldBy>,
}

/// What holds a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldBy {
    Incident(String),
    Freeze(String),
    Reason(String),
}

/// One local day.
#[derive(Debug, Clone)]
pub struct Day {
    pub date: NaiveDate,
    /// Posts by how they look; those that are not there are none.
    pub counts: Vec<(Look, i64)>,
    /// The first of them.
    pub first: Vec<Slot>,
}

impl Day {
    /// All posts of the day.
    pub fn total(&self) -> i64 {
        self.counts.iter().map(|(_, n)| n).sum()
    }

    /// How many look so.
    pub fn count(&self, look: Look) -> i64 {
        self.counts.iter().find(|(l, _)| *l == look).map_or(0, |(_, n)| *n)
    }
}

/// The beginnings of local days, and the end of the last: 23, 24 or 25 hours apart.
fn bounds(zone: Tz, first: NaiveDate, days: u64) -> Vec<Millis> {
    let day = |n| first.checked_add_days(Days::new(n)).unwrap_or(first);
    (0..=days).map(|n| times::midnight(zone, day(n))).collect()
}

/// Days of a calendar, each with its counts and at most `most` of its posts.
///
/// # Errors
/// The database's own.
pub async fn days(
    app: &App,
    by: &Actor,
    zone: Tz,
    first: NaiveDate,
    days: u64,
    most: i64,
    narrow: &Narrow,
) -> Result<Vec<Day>> {
    by.need(Right::Read)?;
    let bounds = bounds(zone, first, days.clamp(1, 62));
    let mut out: Vec<Day> = (0..days.clamp(1, 62))
        .filter_map(|n| first.checked_add_days(Days::new(n)))
        .map(|date| Day { date, counts: Vec::new(), first: Vec::new() })
        .collect();
    let place = |slot: i64| usize::try_from(slot).unwrap_or(usize::MAX);
    for c in app.store().count_posts(&bounds, narrow).await? {
        let look = Look::parse(&c.look).map_err(AppError::Internal)?;
        if let Some(day) = out.get_mut(place(c.slot)) {
            day.counts.push((look, c.total));
        }
    }
    let start = (Millis::MIN, String::new());
    let holders = Holders::read(app).await?;
    for p in app.store().placed_posts(&bounds, narrow, &start, most).await? {
        if let Some(day) = out.get_mut(place(p.slot)) {
            day.first.push(holders.slot(p)?);
        }
    }
    Ok(out)
}

/// Posts of some local days, in a row; the last one gives the place to go on from.
///
/// # Errors
/// The database's own.
pub async fn page(
    app: &App,
    by: &Actor,
    zone: Tz,
    (first, days): (NaiveDate, u64),
    after: Option<(Millis, String)>,
    most: i64,
    narrow: &Narrow,
) -> Result<Vec<Slot>> {
    by.need(Right::Read)?;
    let bounds = bounds(zone, first, days);
    let whole = [bounds[0], bounds[bounds.len() - 1]];
    let after = after.unwrap_or((Millis::MIN, String::new()));
    let holders = Holders::read(app).await?;
    let rows = app.store().placed_posts(&whole, narrow, &after, most).await?;
    rows.into_iter().map(|p| holders.slot(p)).collect()
}

/// What freezes are called: by their incident, or by when they began.
struct Holders(HashMap<String, HeldBy>);

impl Holders {
    async fn read(app: &App) -> Result<Self> {
        let incidents = app.store().incidents(false).await?;
        let titles: HashMap<String, String> = incidents.into_iter().map(|i| (i.id, i.title)).collect();
        let named = app.store().freezes(false).await?.into_iter().map(|f| {
            let title = f.incident_id.as_ref().and_then(|i| titles.get(i)).cloned();
            (f.id, title.map_or_else(|| HeldBy::Freeze(rfc3339(f.committed_at)), HeldBy::Incident))
        });
        Ok(Self(named.collect()))
    }

    fn slot(&self, p: Placed) -> Result<Slot> {
        let broken = |e: String| AppError::Internal(format!("post {}: {e}", p.id));
        let look = Look::parse(&p.look).map_err(broken)?;
        let source: Source = serde_json::from_str(&p.source).map_err(|e| broken(e.to_string()))?;
        let by_freeze = p.freeze_id.as_ref().and_then(|f| self.0.get(f)).cloned();
        Ok(Slot {
            kind: Kind::parse(&p.kind).map_err(broken)?,
            held_by: by_freeze.or_else(|| p.reason.clone().map(HeldBy::Reason)),
            title: source.title,
            text: source.text,
            language: source.language,
            due: rfc3339(p.due_at),
            goes: p.goes_at.map(rfc3339),
            look,
            id: p.id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_days_follow_each_other_without_a_gap_over_both_folds() {
        for (zone, y, m, lengths) in [
            (chrono_tz::Europe::Paris, 2026, 3, [24, 23, 24]),
            (chrono_tz::Europe::Paris, 2026, 10, [24, 25, 24]),
            (chrono_tz::UTC, 2026, 10, [24, 24, 24]),
        ] {
            let sunday = if m == 3 { 29 } else { 25 };
            let first = NaiveDate::from_ymd_opt(y, m, sunday - 1).unwrap();
            let b = bounds(zone, first, 3);
            let hours: Vec<_> = b.windows(2).map(|w| (w[1] - w[0]) / HOUR).collect();
            assert_eq!(hours, lengths, "{zone} {m}");
        }
    }
}
