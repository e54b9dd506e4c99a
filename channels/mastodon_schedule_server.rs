//! The schedule of a Mastodon account for tests, as far as it is used.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::strict::{Asked, Network, Said, good};

pub(super) const TOKEN: &str = "hunter2-token";

/// One account, with what is on its schedule.
#[derive(Clone, Default)]
pub(super) struct Account {
    pub(super) items: Vec<Value>,
    /// Days that take no more.
    pub(super) full: Vec<String>,
    pub(super) made: usize,
    /// It publishes what it should schedule.
    pub(super) hasty: bool,
    /// The token is of another account.
    pub(super) other: bool,
    /// How often the list is answered; after that it fails.
    pub(super) lists: Option<usize>,
}

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

impl Account {
    /// With posts that are due in so many minutes.
    pub(super) fn with(due: &[i64]) -> Self {
        let item = |(n, minutes): (usize, &i64)| {
            let at = (now() + TimeDelta::minutes(*minutes)).to_rfc3339();
            json!({
                "id": format!("{}", 900 - n), "scheduled_at": at, "media_attachments": [],
                "params": { "text": format!("Sale {n}"), "visibility": "public", "language": "en", "poll": null,
                    "sensitive": false, "media_ids": null, "application_id": 7, "in_reply_to_id": 12,
                    "spoiler_text": "", "scheduled_at": null, "idempotency": null, "with_rate_limit": false,
                    "quoted_status_id": null, "quote_approval_policy": 2 << 16 },
            })
        };
        Self { items: due.iter().enumerate().map(item).collect(), ..Self::default() }
    }

    /// How many posts go out within a month.
    pub(super) fn near(&self) -> usize {
        let is_near = |item: &&Value| {
            let at: DateTime<Utc> = item["scheduled_at"].as_str().unwrap().parse().unwrap();
            at < now() + TimeDelta::days(30)
        };
        self.items.iter().filter(is_near).count()
    }

    fn make(&mut self, sent: &Value, faults: &mut Vec<String>) -> Said {
        let at: DateTime<Utc> = sent["scheduled_at"].as_str().unwrap().parse().unwrap();
        if at < now() + TimeDelta::minutes(5) {
            faults.push(format!("too soon: {at}"));
        }
        self.made += 1;
        if self.hasty {
            return good(json!({ "id": "77", "uri": "https://social.example/77", "created_at": now() }));
        }
        let mut params = sent.clone();
        params["text"] = params["status"].take();
        params["quote_approval_policy"] = match sent["quote_approval_policy"].as_str() {
            Some("public") => json!(2 << 16),
            Some("followers") => json!(4 << 16),
            None | Some("nobody") => json!(0),
            other => panic!("{other:?}"),
        };
        let params: serde_json::Map<String, Value> =
            params.as_object().unwrap().clone().into_iter().filter(|(name, _)| name != "status").collect();
        let id = format!("8{}", self.made);
        self.items.push(
            json!({ "id": id, "scheduled_at": sent["scheduled_at"], "params": params, "media_attachments": [] }),
        );
        good(self.items.last().unwrap().clone())
    }
}

impl Network for Account {
    fn makes(method: &str, _: &str) -> bool {
        method != "GET"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            // Hostile: it repeats what it was given.
            return (401, String::new(), json!({ "error": asked.header("authorization") }));
        }
        let path: Vec<&str> = asked.path.split('/').skip(3).collect();
        let missing = || (404, String::new(), json!({ "error": "Record not found" }));
        let place = |id: &str| self.items.iter().position(|i| i["id"] == id);
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["accounts", "verify_credentials"]) => {
                good(json!({ "id": if self.other { "2" } else { "1" }, "acct": "bank" }))
            }
            ("GET", ["scheduled_statuses"]) => {
                if self.lists.replace(self.lists.map_or(99, |n| n.saturating_sub(1))) == Some(0) {
                    return (500, String::new(), json!({ "error": "x" }));
                }
                let all = self.items.iter();
                let from = asked.query.get("max_id").map_or(0, |id| place(id).unwrap() + 1);
                // Short pages.
                good(all.skip(from).take(2).cloned().collect())
            }
            ("GET", ["scheduled_statuses", id]) => {
                place(id).map_or_else(missing, |n| good(self.items[n].clone()))
            }
            ("PUT", ["scheduled_statuses", id]) => {
                let Some(n) = place(id) else { return missing() };
                let at = asked.json()["scheduled_at"].clone();
                if self.full.contains(&at.as_str().unwrap()[..10].to_owned()) {
                    return (422, String::new(), json!({ "error": "over the daily limit" }));
                }
                self.items[n]["scheduled_at"] = at;
                good(self.items[n].clone())
            }
            ("DELETE", ["scheduled_statuses", id]) => {
                let Some(n) = place(id) else { return missing() };
                self.items.remove(n);
                good(json!({}))
            }
            ("POST", ["statuses"]) => self.make(&asked.json(), faults),
            _ => missing(),
        }
    }
}
