//! A Hootsuite for tests: it refuses what the vendor's description of the API says it would refuse.

use base64::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::planner_trials::SECRET;
use crate::strict::{Asked, Network, Said, good};

#[derive(Clone, Default)]
pub struct Desk {
    pub messages: Vec<Value>,
    pub made: usize,
    pub tokens: usize,
    /// The token that it takes now is another one than the last that it gave.
    pub revoked: bool,
    /// What is not there answers 404, and not 400.
    pub plain: bool,
    /// A question for one message is refused whether it is there or not.
    pub closed: bool,
    /// It shows pages of a hundred, and never names the next one.
    pub blind: bool,
    /// It says in each list that something went wrong.
    pub in_part: bool,
    /// What stands in each list, besides.
    pub odd: Vec<Value>,
    /// It repeats the token in its refusals.
    pub echoes: bool,
    /// Somebody has to approve what is made.
    pub approves: bool,
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

pub fn at(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

impl Desk {
    pub fn with(minutes: &[i64]) -> Self {
        let message = |(n, minutes): (usize, &i64)| {
            json!({
                "id": format!("10{n}"), "state": "SCHEDULED", "text": format!("Sale {n}"),
                "scheduledSendTime": instant(at(*minutes)), "socialProfile": { "id": "77" },
                "media": null, "mediaUrls": null, "webhookUrls": null, "tags": ["spring"], "targeting": null,
                "privacy": null, "location": null, "emailNotification": true, "postUrl": null, "postId": null,
                "reviewers": null, "createdByMember": { "id": "1" }, "lastUpdatedByMember": { "id": "1" },
                "sequenceNumber": null,
            })
        };
        Self { messages: minutes.iter().enumerate().map(message).collect(), ..Self::default() }
    }

    fn token(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("app:{SECRET}"));
        if asked.header("authorization") != format!("Basic {pair}") {
            return (401, String::new(), json!({ "error": "invalid_client" }));
        }
        let form = asked.form(faults);
        if form.get("grant_type").map(String::as_str) != Some("member_app") || form["member_id"] != "42" {
            faults.push(format!("a token by {form:?}"));
        }
        self.tokens += 1;
        self.revoked = false;
        good(
            json!({ "access_token": format!("tok{}", self.tokens), "expires_in": 3599, "token_type": "bearer" }),
        )
    }

    fn list(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let day = |name: &str| asked.query[name].parse::<DateTime<Utc>>().unwrap();
        let (from, to) = (day("startTime"), day("endTime"));
        let known = ["startTime", "endTime", "state", "limit", "cursor"];
        if to - from > TimeDelta::weeks(4) || asked.query.keys().any(|name| !known.contains(&name.as_str())) {
            faults.push(format!("a list of {:?}", asked.query));
        }
        let due = |m: &&Value| m["scheduledSendTime"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        let in_state = |m: &&Value| asked.query.get("state").is_none_or(|state| m["state"] == state.as_str());
        let mut all: Vec<_> = self.messages.iter().filter(in_state).collect();
        all.retain(|m| due(m) >= from && due(m) < to);
        // Short pages.
        let most = if self.blind { 100 } else { 2 };
        let begin: usize = asked.query.get("cursor").map_or(0, |c| c.parse().unwrap());
        let page: Vec<_> = all.iter().skip(begin).take(most).copied().chain(&self.odd).collect();
        let next = (begin + most < all.len() && !self.blind).then(|| (begin + most).to_string());
        let mut told = json!({ "data": page, "metadata": { "cursor": { "next": next, "previous": null } } });
        if self.in_part {
            told["errors"] = json!([{ "code": 5000, "message": "Internal Server Error" }]);
        }
        good(told)
    }

    fn make(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("content-type") != "application/json;charset=utf-8" {
            faults.push(format!("content of the type {}", asked.header("content-type")));
        }
        let sent = asked.json();
        let known = [
            "text",
            "socialProfileIds",
            "scheduledSendTime",
            "webhookUrls",
            "tags",
            "targeting",
            "privacy",
            "location",
            "emailNotification",
            "mediaUrls",
            "media",
        ];
        for name in sent.as_object().unwrap().keys().filter(|name| !known.contains(&name.as_str())) {
            faults.push(format!("a message with {name}"));
        }
        let time = sent["scheduledSendTime"].as_str().unwrap();
        if !time.ends_with('Z') || time.parse::<DateTime<Utc>>().unwrap() < at(5) {
            faults.push(format!("a time of {time}"));
        }
        self.made += 1;
        let mut message = sent.clone();
        message["id"] = format!("20{}", self.made).into();
        message["state"] = if self.approves { "PENDING_APPROVAL" } else { "SCHEDULED" }.into();
        message["socialProfile"] = json!({ "id": sent["socialProfileIds"][0] });
        // It adds what was not asked for, and writes numbers otherwise.
        message["privacy"] = json!({ "visibility": ["anyone"] });
        self.messages.push(message.clone());
        good(json!({ "data": [message] }))
    }
}

impl Network for Desk {
    fn makes(method: &str, path: &str) -> bool {
        method != "GET" && path != "/oauth2/token"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let path: Vec<&str> = asked.path.split('/').skip(1).collect();
        if path == ["oauth2", "token"] {
            return self.token(asked, faults);
        }
        let known = format!("Bearer tok{}", self.tokens);
        if asked.header("authorization") != known || self.revoked {
            return (401, String::new(), json!({ "errors": [{ "message": asked.header("authorization") }] }));
        }
        let status = if self.plain { 404 } else { 400 };
        let words = if self.echoes { asked.header("authorization") } else { "none" };
        let missing = || (status, String::new(), json!({ "errors": [{ "code": 4000, "message": words }] }));
        let place = |id: &str| self.messages.iter().position(|m| m["id"] == id);
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["v1", "socialProfiles"]) => good(json!({ "data": [{ "id": "77" }, { "id": "78" }] })),
            ("GET", ["v1", "messages"]) => self.list(asked, faults),
            ("GET", ["v1", "messages", _]) if self.closed => missing(),
            ("GET", ["v1", "messages", id]) => {
                place(id).map_or_else(missing, |n| good(json!({ "data": self.messages[n] })))
            }
            ("DELETE", ["v1", "messages", _]) if self.echoes => missing(),
            ("DELETE", ["v1", "messages", id]) => {
                let Some(n) = place(id) else { return missing() };
                self.messages.remove(n);
                good(json!({}))
            }
            ("POST", ["v1", "messages"]) => self.make(asked, faults),
            _ => {
                faults.push(format!("{} {}", asked.method, asked.path));
                missing()
            }
        }
    }
}
