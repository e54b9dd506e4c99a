//! The posts of a Postiz: what its list shows of them, and where they stand. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::html_words::words;
use crate::planner::{ODD, Seen, is_id};
use crate::scheduler::{Scheduled, Standing, excerpt, mark};

const OUT: &str = "Postiz has published it";
const FAILED: &str = "Postiz tried to publish it, and says that it failed: look at the account";
const NO_STATE: &str = "Postiz does not say where the post stands";

/// What a line says of a post. One that repeats has several.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    #[serde(default)]
    content: Option<String>,
    publish_date: DateTime<Utc>,
    state: String,
    #[serde(default)]
    interval_in_days: Option<i64>,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    settings: Value,
    #[serde(default)]
    integration: Value,
}

/// A post.
#[derive(Debug)]
pub(super) struct Item {
    pub id: String,
    /// Its own date, which is the first one of a post that repeats.
    date: DateTime<Utc>,
    /// The dates of what repeats, as far as the window goes.
    dates: Vec<DateTime<Utc>>,
    row: Row,
}

/// A list.
#[derive(Deserialize)]
pub(super) struct Lines {
    posts: Vec<Line>,
}

/// A line of it, whatever it is.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Known(Box<Row>),
    Odd(IgnoredAny),
}

/// The posts of a list, each once. What cannot be read as one is odd.
pub(super) fn items(lines: Lines) -> Seen<Vec<Item>> {
    let mut found = BTreeMap::<String, Item>::new();
    let mut unseen = None;
    for line in lines.posts {
        let Line::Known(row) = line else {
            unseen = Some(ODD);
            continue;
        };
        if !is_id(&row.id) {
            unseen = Some(ODD);
            continue;
        }
        let date = row.publish_date;
        let id = row.id.clone();
        let item = found.entry(id.clone()).or_insert_with(|| Item { id, date, dates: Vec::new(), row: *row });
        item.date = item.date.min(date);
        item.dates.push(date);
    }
    Seen { all: found.into_values().collect(), unseen }
}

impl Item {
    /// Another one when anything of it is changed that the list shows.
    fn mark(&self) -> String {
        let row = &self.row;
        mark(&json!([
            row.state,
            row.content,
            self.date,
            row.interval_in_days,
            row.group,
            row.settings,
            row.integration["id"]
        ]))
    }

    fn repeats(&self) -> bool {
        self.row.interval_in_days.is_some_and(|days| days > 0)
    }

    /// When it goes out next: what waits, at its own date; what repeats and was out, at the next one.
    fn due(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        if self.row.state == "QUEUE" {
            return self.date;
        }
        let days = self.row.interval_in_days.unwrap_or(1).clamp(1, 3_660);
        let next = self.dates.iter().filter(|at| **at > now).min();
        next.copied()
            .unwrap_or_else(|| (*self.dates.iter().max().unwrap_or(&self.date)) + TimeDelta::days(days))
    }

    fn scheduled(&self, now: DateTime<Utc>) -> Scheduled {
        let row = &self.row;
        let account = &row.integration;
        let text = words(row.content.as_deref().unwrap_or_default()).join(" ");
        Scheduled {
            remote_id: self.id.clone(),
            due: self.due(now),
            words: excerpt(&text),
            snapshot: json!({
                "post": { "text": text, "html": row.content }, "state": row.state, "publishDate": self.date,
                "intervalInDays": row.interval_in_days, "group": row.group, "settings": row.settings,
                "integration": { "id": account["id"], "name": account["name"],
                    "providerIdentifier": account["providerIdentifier"] },
            }),
            mark: self.mark(),
        }
    }
}

/// Where a post stands.
pub(super) fn standing(item: &Item, now: DateTime<Utc>) -> Standing {
    match item.row.state.as_str() {
        "QUEUE" => Standing::Scheduled(Box::new(item.scheduled(now))),
        // Its next time is Postiz's own doing.
        "PUBLISHED" if item.repeats() => Standing::Scheduled(Box::new(item.scheduled(now))),
        "DRAFT" => Standing::Held { mark: item.mark() },
        "PUBLISHED" => Standing::Out(OUT.to_owned()),
        "ERROR" => Standing::Gone(FAILED.to_owned()),
        _ => Standing::Unknown(NO_STATE.to_owned()),
    }
}
