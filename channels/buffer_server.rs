//! A Buffer for tests: it refuses what its documents say it would refuse.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::planner_trials::SECRET;
use crate::strict::{Asked, Network, Said, good};

#[derive(Clone, Default)]
pub struct Queue {
    pub posts: Vec<Value>,
    pub edits: usize,
    /// What it says instead of doing an edit.
    pub refuses: Option<Value>,
    /// Its key may not read posts.
    pub no_posts: bool,
    /// How many requests it still takes in this day, as it counts them.
    pub left: Option<u32>,
    /// It fails from this page of a list on.
    pub breaks_at: Option<usize>,
    /// The owner of the key may not schedule: what he does waits for an approval.
    pub approves: bool,
    /// What stands in the list, besides.
    pub odd: Vec<Value>,
    /// It shows what it has accepted only after so many looks.
    pub stale: usize,
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

pub fn at(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

/// The fields of an object, sorted.
fn names(of: &Value) -> Vec<&str> {
    let mut names: Vec<_> = of.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

impl Queue {
    pub fn with(minutes: &[i64]) -> Self {
        let post = |(n, minutes): (usize, &i64)| {
            json!({
                "id": format!("6a{n}"), "status": "scheduled", "text": format!("Sale {n}"), "dueAt": at(*minutes),
                "channelId": "c1", "channelService": "linkedin", "shareMode": "addToQueue",
                "schedulingType": "automatic", "updatedAt": "2023-11-01T00:00:00Z",
                "assets": [{ "type": "image", "source": "https://buffer.example/1.png" }],
            })
        };
        Self { posts: minutes.iter().enumerate().map(post).collect(), ..Self::default() }
    }

    fn list(&self, asked: &Value, faults: &mut Vec<String>) -> Value {
        let error = json!({ "message": "oops", "extensions": { "code": "INTERNAL_SERVER_ERROR" } });
        let input = &asked["input"];
        if names(asked) != ["after", "first", "input"] || names(input) != ["filter", "organizationId", "sort"]
        {
            faults.push(format!("a list of {asked}"));
        }
        assert_eq!(
            (&input["organizationId"], &input["filter"]["status"]),
            (&json!("org1"), &json!(["scheduled"]))
        );
        let all = self.posts.iter().filter(|p| p["status"] == "scheduled").chain(&self.odd);
        let mut all: Vec<_> = all.collect();
        // The nearest first, on short pages.
        all.sort_by_key(|post| post["dueAt"].as_str().unwrap_or_default().to_owned());
        let begin: usize = asked["after"].as_str().map_or(0, |after| after.parse().unwrap());
        if self.breaks_at.is_some_and(|page| begin >= 2 * page) {
            return json!({ "data": { "posts": null }, "errors": [error] });
        }
        let edges: Vec<_> = all.iter().skip(begin).take(2).map(|post| json!({ "node": post })).collect();
        let page = json!({ "hasNextPage": begin + 2 < all.len(), "endCursor": (begin + 2).to_string() });
        json!({ "data": { "posts": { "edges": edges, "pageInfo": page } } })
    }

    fn edit(&mut self, input: &Value, faults: &mut Vec<String>) -> Value {
        if let Some(refusal) = &self.refuses {
            return refusal.clone();
        }
        let known = ["dueAt", "id", "mode", "saveToDraft"];
        if names(input).iter().any(|name| !known.contains(name)) {
            faults.push(format!("an edit of {input}"));
        }
        let Some(post) = self.posts.iter_mut().find(|p| p["id"] == input["id"]) else {
            return json!({ "data": { "editPost": { "__typename": "NotFoundError", "message": "none" } } });
        };
        self.edits += 1;
        if input["saveToDraft"] == true {
            post["status"] = "draft".into();
        } else {
            assert_eq!(input["mode"], "customScheduled");
            post["status"] = if self.approves { "needs_approval" } else { "scheduled" }.into();
            post["dueAt"] = input["dueAt"].clone();
        }
        post["updatedAt"] = format!("2023-11-02T00:00:0{}Z", self.edits).into();
        let told = json!({ "id": post["id"], "status": post["status"] });
        json!({ "data": { "editPost": { "__typename": "PostActionSuccess", "post": told } } })
    }
}

impl Network for Queue {
    fn makes(_: &str, _: &str) -> bool {
        true
    }

    fn headers(&self) -> String {
        let line = |left| {
            format!(
                "RateLimit: \"100-in-15min\";r=99;t=800\r\nRateLimit: \"100-in-1day\";r={left};t=80000\r\n"
            )
        };
        self.left.map_or_else(String::new, line)
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        self.left = self.left.map(|left| left.saturating_sub(1));
        if asked.header("authorization") != format!("Bearer {SECRET}") {
            let words = asked.header("authorization");
            let error = json!({ "message": words, "extensions": { "code": "UNAUTHENTICATED" } });
            return good(json!({ "data": null, "errors": [error] }));
        }
        let sent = asked.json();
        if (asked.method.as_str(), asked.path.as_str()) != ("POST", "/")
            || names(&sent) != ["query", "variables"]
        {
            faults.push(format!("{} {} {sent}", asked.method, asked.path));
        }
        let variables = &sent["variables"];
        let query = sent["query"].as_str().unwrap();
        good(match query.split('(').next().unwrap() {
            "query Posts" => self.list(variables, faults),
            "query Check" => {
                let known = ["filter", "organizationId", "sort"];
                if names(variables) != ["channels", "posts"] || names(&variables["posts"]) != known {
                    faults.push(format!("a check of {variables}"));
                }
                if self.no_posts {
                    let error = json!({ "message": "no", "extensions": { "code": "FORBIDDEN" } });
                    json!({ "data": { "channels": [{ "id": "c1" }], "posts": null }, "errors": [error] })
                } else {
                    json!({ "data": { "channels": [{ "id": "c1" }], "posts": { "edges": [] } } })
                }
            }
            "query Post" => match self.posts.iter().find(|p| p["id"] == variables["id"]) {
                Some(post) if self.stale > 0 && self.edits > 0 => {
                    self.stale -= 1;
                    let mut post = post.clone();
                    post["status"] = "scheduled".into();
                    json!({ "data": { "post": post } })
                }
                Some(post) => json!({ "data": { "post": post } }),
                None => {
                    let error = json!({ "message": "none", "extensions": { "code": "NOT_FOUND" } });
                    json!({ "data": null, "errors": [error] })
                }
            },
            "mutation Edit" => self.edit(&variables["input"], faults),
            other => panic!("{other}"),
        })
    }
}
