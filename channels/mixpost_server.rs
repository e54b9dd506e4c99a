//! A Mixpost for tests: it refuses what its documents say it would refuse.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::planner_trials::SECRET;
use crate::strict::{Asked, Network, Said, good};

pub const WORKSPACE: &str = "3bbd0951-5b04-432b-b2a0-688588b0720e";

#[derive(Clone, Default)]
pub struct Desk {
    /// The oldest first.
    pub posts: Vec<Value>,
    /// How many it published.
    pub out: usize,
    /// Posts of a page; 0: as many as are asked for.
    pub each: usize,
    /// The workspace is not there.
    pub elsewhere: bool,
    /// It says that it did what it did not.
    pub deaf: bool,
    /// One post has no `data` around it.
    pub bare: bool,
    /// It shows times this many hours later than they are.
    pub zone: i64,
    /// What is updated has just gone out.
    pub sends: bool,
    /// Behind the first page, one that was on it is taken off the schedule.
    pub moves: bool,
    /// What stands in each list, besides.
    pub odd: Vec<Value>,
    /// The accounts of the workspace; none: 1 and 4.
    pub accounts: Vec<u64>,
    /// The owner of the token may not schedule: what he does waits for an approval.
    pub approves: bool,
    /// It begins to publish what is to be updated.
    pub publishing: bool,
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

pub fn at(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

pub fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

pub fn uuid(n: usize) -> String {
    format!("8eb4e98d-2b93-44bd-a664-7a6438eff6{n:02}")
}

fn file(id: &Value) -> Value {
    json!({ "id": id, "uuid": "9f1e", "name": "spring.png", "mime_type": "image/png", "url": "https://m.example/1?s=2" })
}

fn account(id: &Value) -> Value {
    json!({ "id": id, "uuid": "a1", "name": "Bank", "username": "bank", "provider": "mastodon", "authorized": true })
}

impl Desk {
    pub fn with(minutes: &[i64]) -> Self {
        let post = |(n, minutes): (usize, &i64)| {
            json!({
                "id": n + 1, "uuid": uuid(n), "status": "scheduled", "accounts": [account(&json!(1)), account(&json!(4))],
                "versions": [
                    { "account_id": 0, "is_original": true, "options": { "mastodon": { "sensitive": false } },
                        "content": [{ "body": format!("<div>Sale <b>{n}</b></div>"), "media": [file(&json!(7))], "url": "" }] },
                    { "account_id": 4, "is_original": false, "options": { "instagram": { "type": "story" } },
                        "content": [{ "body": null, "media": [file(&json!(8)), file(&json!(9))], "url": "" }] },
                ],
                "tags": [{ "id": 2, "uuid": "f9", "name": "release", "hex_color": "#111827" }],
                "user": { "name": "Ann" }, "scheduled_at": instant(at(*minutes)), "published_at": null,
                "created_at": "2023-11-01 15:26:06", "trashed": false, "opened": true,
            })
        };
        Self { posts: minutes.iter().enumerate().map(post).collect(), each: 2, ..Self::default() }
    }

    fn shown(&self, post: &Value) -> Value {
        let mut post = post.clone();
        if let Some(time) = post["scheduled_at"].as_str() {
            let time = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").unwrap().and_utc();
            post["scheduled_at"] = instant(time + TimeDelta::hours(self.zone)).into();
        }
        post
    }

    fn list(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let number = |name: &str| asked.query.get(name).map_or(1, |n| n.parse::<usize>().unwrap());
        let status = asked.query.get("status").map_or("", String::as_str);
        if asked.query.len() != 3 || !(1..=100).contains(&number("limit")) || status != "scheduled" {
            faults.push(format!("a list by {:?}", asked.query));
        }
        let is_on = |post: &&Value| post["status"] == "scheduled" || post["status"] == "PUBLISHING";
        let mut all: Vec<_> = self.posts.iter().filter(is_on).map(|post| self.shown(post)).rev().collect();
        all.extend(self.odd.iter().cloned());
        let each = if self.each == 0 { number("limit") } else { self.each };
        let (page, last) = (number("page"), all.len().div_ceil(each).max(1));
        let meta = json!({ "current_page": page, "last_page": last, "per_page": each, "total": all.len() });
        let rows: Vec<_> = all.into_iter().skip((page - 1) * each).take(each).collect();
        if std::mem::take(&mut self.moves) {
            self.posts.last_mut().unwrap()["status"] = "draft".into();
        }
        good(json!({ "data": rows, "links": { "next": null }, "meta": meta }))
    }

    /// The accounts of the workspace.
    fn there(&self) -> Vec<u64> {
        if self.accounts.is_empty() { vec![1, 4] } else { self.accounts.clone() }
    }

    /// What is wrong with the versions of an update, if something is.
    fn refuses(&self, sent: &Value) -> Option<&'static str> {
        let versions = sent["versions"].as_array().filter(|versions| !versions.is_empty())?;
        let originals = versions.iter().filter(|version| version["is_original"] == true).count();
        let is_known = |id: &Value| id == 0 || self.there().iter().any(|known| id == known);
        let own = |name: &str| sent[name].as_array().into_iter().flatten();
        match versions {
            _ if originals != 1 || versions[0]["is_original"] != true => Some("versions.0.is_original"),
            _ if !versions.iter().all(|version| is_known(&version["account_id"])) => Some("account_id"),
            _ if !own("accounts").all(is_known) => Some("accounts"),
            _ if versions.iter().any(|v| v["content"].as_array().is_none_or(Vec::is_empty)) => {
                Some("content")
            }
            _ => None,
        }
    }

    fn update(&mut self, n: usize, sent: &Value, faults: &mut Vec<String>) -> Said {
        let known = ["accounts", "tags", "versions", "date", "time", "timezone"];
        faults
            .extend(sent.as_object().unwrap().keys().filter(|name| !known.contains(&name.as_str())).cloned());
        let are_numbers = |of: &Value| of.as_array().unwrap().iter().all(Value::is_u64);
        let versions = sent["versions"].as_array().unwrap();
        let parts = || versions.iter().flat_map(|v| v["content"].as_array().unwrap());
        if !are_numbers(&sent["accounts"])
            || !are_numbers(&sent["tags"])
            || !parts().all(|p| are_numbers(&p["media"]))
        {
            faults.push("accounts, tags and media go by their numbers".to_owned());
        }
        if let Some(field) = self.refuses(sent) {
            let why = json!({ "message": "Validation errors", "errors": { field: ["not so"] } });
            return (422, String::new(), why);
        }
        let post = &mut self.posts[n];
        if std::mem::take(&mut self.sends) {
            post["status"] = "published".into();
        }
        if std::mem::take(&mut self.publishing) {
            post["status"] = "PUBLISHING".into();
        }
        if !["scheduled", "draft", "needs_approval"].iter().any(|status| post["status"] == *status) {
            let why = json!({ "message": "Validation errors", "errors": { "in_history": ["in_history"] } });
            return (422, String::new(), why);
        }
        if self.deaf {
            return good(json!({}));
        }
        let mut versions = versions.clone();
        for part in versions.iter_mut().flat_map(|v| v["content"].as_array_mut().unwrap()) {
            part["media"] = part["media"].as_array().unwrap().iter().map(file).collect();
        }
        post["versions"] = versions.into();
        post["accounts"] = sent["accounts"].as_array().unwrap().iter().map(account).collect();
        let tag = |id: &Value| json!({ "id": id, "uuid": "f9", "name": "release", "hex_color": "#111827" });
        post["tags"] = sent["tags"].as_array().unwrap().iter().map(tag).collect();
        match (sent["date"].as_str(), sent["time"].as_str()) {
            (Some(date), Some(time)) => {
                if sent["timezone"] != "UTC" {
                    faults.push("a time of the account's zone".to_owned());
                }
                let time = format!("{date} {time}:00");
                NaiveDateTime::parse_from_str(&time, "%Y-%m-%d %H:%M:%S").unwrap();
                post["scheduled_at"] = time.into();
            }
            _ => {
                post["status"] = "draft".into();
                post["scheduled_at"] = Value::Null;
            }
        }
        good(json!({}))
    }

    fn schedule(&mut self, n: usize, sent: &Value, faults: &mut Vec<String>) -> Said {
        if *sent != json!({ "postNow": false }) {
            faults.push(format!("scheduled by {sent}"));
            self.out += 1;
        }
        let post = &mut self.posts[n];
        let time = post["scheduled_at"].as_str().map(str::to_owned).unwrap_or_default();
        if post["status"] != "draft" || time <= instant(now()) {
            let why = json!({ "cannot_scheduled": ["This post cannot be scheduled!"] });
            return (422, String::new(), json!({ "message": "Validation errors", "errors": why }));
        }
        post["status"] = if self.approves { "needs_approval" } else { "scheduled" }.into();
        good(json!({ "success": true }))
    }
}

impl Network for Desk {
    fn makes(method: &str, _: &str) -> bool {
        method != "GET"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let missing = |what: &str| (404, String::new(), json!({ "message": format!("{what} not found.") }));
        if asked.header("accept") != "application/json" {
            faults.push("a page to log in on".to_owned());
        }
        if asked.header("authorization") != format!("Bearer {SECRET}") {
            // Hostile: it repeats what it was given.
            return (401, String::new(), json!({ "message": asked.header("authorization") }));
        }
        if asked.method != "GET" && asked.header("content-type") != "application/json" {
            faults.push(format!("content of the type {}", asked.header("content-type")));
        }
        let path: Vec<&str> = asked.path.split('/').skip(1).collect();
        let Some(path) = path.strip_prefix(&["mixpost", "api", WORKSPACE]).filter(|_| !self.elsewhere) else {
            return missing("Workspace");
        };
        let place = |id: &str| self.posts.iter().position(|post| post["uuid"] == id);
        match (asked.method.as_str(), path) {
            ("GET", ["accounts"]) => {
                let there: Vec<_> = self.there().iter().map(|id| account(&json!(id))).collect();
                good(json!({ "data": there }))
            }
            ("GET", ["posts"]) => self.list(asked, faults),
            ("GET", ["posts", id]) => match place(id).map(|n| self.shown(&self.posts[n])) {
                Some(post) if self.bare => good(post),
                Some(post) => good(json!({ "data": post })),
                None => missing("Post"),
            },
            ("PUT", ["posts", id]) => match place(id) {
                Some(n) => self.update(n, &asked.json(), faults),
                None => missing("Post"),
            },
            ("POST", ["posts", "schedule", id]) => match place(id) {
                Some(n) => self.schedule(n, &asked.json(), faults),
                None => missing("Post"),
            },
            _ => {
                faults.push(format!("{} {}", asked.method, asked.path));
                missing("Page")
            }
        }
    }
}
