//! The schedule of a page for tests, as far as Meta's documents tell it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::super::server::{PAGE, TOKEN};
use super::FIELDS;
use crate::graph_server::page;
use crate::strict::{Asked, Network, Said, good};

/// One page, with what is planned for it.
#[derive(Clone)]
pub(super) struct Page {
    pub posts: Vec<Value>,
    pub made: usize,
    pub now: DateTime<Utc>,
    /// Whether an app may change only what it has made.
    pub is_strict: bool,
    /// The token is of another page.
    pub is_other: bool,
}

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

impl Page {
    /// With posts that are due in so many minutes.
    pub fn with(due: &[i64]) -> Self {
        let mut all = Self { posts: Vec::new(), made: 0, now: now(), is_strict: false, is_other: false };
        for minutes in due {
            let at = (now() + TimeDelta::minutes(*minutes)).timestamp();
            all.add(&format!("Sale {}", all.posts.len()), at);
        }
        all
    }

    fn add(&mut self, message: &str, at: i64) -> String {
        self.made += 1;
        let id = format!("{PAGE}_80000000{}", self.made);
        self.posts.push(json!({ "id": id, "message": message, "is_published": false,
            "scheduled_publish_time": at }));
        id
    }

    /// In how many minutes each is due.
    pub fn due(&self) -> Vec<i64> {
        let due = |post: &Value| post["scheduled_publish_time"].as_i64().unwrap();
        self.posts.iter().map(|post| (due(post) - self.now.timestamp()) / 60).collect()
    }

    fn is_taken(&self, time: &str) -> Option<i64> {
        let at = time.parse::<i64>().ok()?;
        let ahead = at - self.now.timestamp();
        (10 * 60..=30 * 24 * 3_600).contains(&ahead).then_some(at)
    }

    fn change(&mut self, id: &str, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = asked.form(faults);
        if form.len() != 1 || !form.contains_key("scheduled_publish_time") {
            faults.push(format!("fields: {form:?}"));
        }
        let Some(at) = self.is_taken(&form["scheduled_publish_time"]) else {
            return wrong(100, 0, "(#100) The specified scheduled publish time is invalid");
        };
        let Some(post) = self.posts.iter_mut().find(|post| post["id"] == id) else {
            return wrong(100, 33, "no");
        };
        if self.is_strict {
            return wrong(200, 0, "(#200) not made with this app");
        }
        post["scheduled_publish_time"] = at.into();
        good(json!({ "success": true }))
    }

    fn feed(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = asked.form(faults);
        let known = ["message", "link", "published", "scheduled_publish_time"];
        if form.keys().any(|name| !known.contains(&name.as_str())) || form["published"] != "false" {
            faults.push(format!("fields: {form:?}"));
        }
        let Some(at) = self.is_taken(&form["scheduled_publish_time"]) else {
            return wrong(100, 0, "(#100) The specified scheduled publish time is invalid");
        };
        let id = self.add(form.get("message").map_or("", String::as_str), at);
        if let (Some(link), Some(post)) = (form.get("link"), self.posts.last_mut()) {
            post["attachments"] = json!({ "data": [{ "media_type": "link", "unshimmed_url": link }] });
        }
        good(json!({ "id": id }))
    }
}

fn wrong(code: i64, subcode: i64, message: &str) -> Said {
    let message = format!("{message} {TOKEN}");
    (400, String::new(), json!({ "error": { "code": code, "error_subcode": subcode, "message": message } }))
}

impl Network for Page {
    fn makes(method: &str, _: &str) -> bool {
        method != "GET"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return wrong(190, 0, "no");
        }
        if asked.query.contains_key("access_token") {
            faults.push("the token is in the address".to_owned());
        }
        let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
        let fields = asked.query.get("fields").map_or("", String::as_str);
        let place = |id: &str| self.posts.iter().position(|post| post["id"] == id);
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["v26.0", "me"]) => good(json!({ "id": if self.is_other { "1" } else { PAGE } })),
            ("GET", ["v26.0", PAGE, "scheduled_posts"]) => {
                if fields != FIELDS || asked.query["limit"] != "50" {
                    faults.push(format!("query: {:?}", asked.query));
                }
                let planned: Vec<_> =
                    self.posts.iter().filter(|post| post["is_published"] == false).cloned().collect();
                page(&planned, asked, TOKEN)
            }
            ("GET", ["v26.0", id]) if fields == FIELDS => match place(id) {
                None => wrong(100, 33, "no"),
                Some(n) => good(self.posts[n].clone()),
            },
            ("POST", ["v26.0", PAGE, "feed"]) => self.feed(asked, faults),
            ("POST", ["v26.0", id]) => self.change(id, asked, faults),
            ("DELETE", ["v26.0", id]) => match place(id) {
                None => wrong(100, 33, "no"),
                Some(n) => {
                    self.posts.remove(n);
                    good(json!({ "success": true }))
                }
            },
            _ => {
                faults.push(format!("{} {}", asked.method, asked.path));
                wrong(2_500, 0, "no")
            }
        }
    }
}
