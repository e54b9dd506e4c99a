//! Meta's API of Threads for tests, as far as it is used.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::graph_server::page;
use crate::strict::{Asked, Network, Said, good};

pub(super) const TOKEN: &str = "THAAhunter2";
pub(super) const USER: &str = "17841400000000001";
/// Since when the tests of the watch ask.
pub(super) const WATCHED: &str = "1700000050";

/// The API as far as it is used: one account. A container that is published twice makes two posts, which the
/// real one perhaps does not.
#[derive(Clone)]
pub(super) struct Api {
    /// State and text by number.
    pub(super) containers: HashMap<String, (&'static str, String)>,
    pub(super) posts: Vec<Value>,
    /// What containers answer.
    pub(super) answers: HashMap<String, String>,
    /// Answers are not in the list yet.
    pub(super) lags: bool,
    pub(super) used_answers: usize,
    pub(super) made: usize,
    pub(super) published: usize,
    /// What becomes of new containers, one look after the other.
    pub(super) states: Vec<&'static str>,
    pub(super) used: usize,
    /// What its token may do.
    pub(super) scopes: Vec<&'static str>,
    /// Whether a container that is out is refused.
    pub(super) refuses_twice: bool,
}

impl Api {
    pub(super) fn new() -> Self {
        let states = vec!["FINISHED"];
        Self {
            containers: HashMap::new(),
            posts: Vec::new(),
            answers: HashMap::new(),
            lags: false,
            used_answers: 0,
            made: 0,
            published: 0,
            states,
            used: 3,
            scopes: vec![
                "threads_basic",
                "threads_content_publish",
                "threads_manage_replies",
                "threads_read_replies",
            ],
            refuses_twice: false,
        }
    }
}

fn wrong(status: u16, code: i64, subcode: i64) -> Said {
    let error = json!({ "code": code, "error_subcode": subcode, "message": format!("no {TOKEN}") });
    (status, String::new(), json!({ "error": error }))
}

impl Network for Api {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path.ends_with("/threads_publish")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return wrong(400, 190, 463);
        }
        if asked.query.contains_key("access_token") {
            faults.push("the token is in the address".to_owned());
        }
        let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
        let ["v1.0", rest @ ..] = parts.as_slice() else {
            faults.push(format!("path {}", asked.path));
            return wrong(404, 2_500, 0);
        };
        match (asked.method.as_str(), rest) {
            ("POST", [USER, "threads"]) => self.make(asked, faults),
            ("POST", [USER, "threads_publish"]) => self.publish(asked, faults),
            ("GET", ["me"]) => good(json!({ "id": USER, "username": "bank" })),
            ("GET", ["debug_token"]) => {
                good(json!({ "data": { "expires_at": 1_705_000_000, "scopes": self.scopes } }))
            }
            ("GET", [USER, "threads_publishing_limit"])
                if asked.query["fields"] == "reply_quota_usage,reply_config" =>
            {
                if !self.scopes.contains(&"threads_manage_replies") {
                    return wrong(403, 10, 0);
                }
                let config = json!({ "quota_total": 1_000, "quota_duration": 86_400 });
                good(json!({ "data": [{ "reply_quota_usage": self.used_answers, "reply_config": config }] }))
            }
            ("GET", [USER, "threads_publishing_limit"]) => {
                let config = json!({ "quota_total": 250, "quota_duration": 86_400 });
                good(json!({ "data": [{ "quota_usage": self.used, "config": config }] }))
            }
            ("GET", [USER, "threads"]) => self.list(asked, faults),
            ("GET", [id, "replies"]) if !self.scopes.contains(&"threads_read_replies") => self
                .posts
                .iter()
                .find(|post| post["id"] == *id)
                .map_or(wrong(400, 100, 33), |_| wrong(403, 10, 0)),
            ("GET", [id, "replies"]) => self.replies(id, asked),
            ("GET", [id]) => self.node(id, asked),
            ("DELETE", [id]) => {
                let before = self.posts.len();
                self.posts.retain(|post| post["id"] != *id);
                match self.posts.len() {
                    after if after == before => wrong(400, 100, 33),
                    _ => good(json!({ "success": true, "deleted_id": id })),
                }
            }
            _ => wrong(400, 100, 33),
        }
    }
}

impl Api {
    fn make(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let mut form = asked.form(faults);
        let text = form.remove("text").unwrap_or_default();
        let answers = form.remove("reply_to_id");
        if form.len() != 1 || form["media_type"] != "TEXT" || text.is_empty() {
            faults.push(format!("fields: {form:?}"));
        }
        if answers.as_ref().is_some_and(|id| !self.posts.iter().any(|post| post["id"] == *id)) {
            faults.push(format!("answers {answers:?}"));
        }
        if text.chars().count() > 500 {
            return wrong(400, 100, 0);
        }
        self.made += 1;
        let id = format!("1800000000000000{}", self.made);
        self.containers.insert(id.clone(), ("IN_PROGRESS", text));
        self.answers.extend(answers.map(|to| (id.clone(), to)));
        good(json!({ "id": id }))
    }

    fn publish(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = asked.form(faults);
        let creation = &form["creation_id"];
        if form.len() != 1 {
            faults.push(format!("fields: {form:?}"));
        }
        match self.containers.get_mut(creation) {
            Some((state @ "FINISHED", text)) => {
                *state = "PUBLISHED";
                let text = text.clone();
                self.reveal(creation, &text)
            }
            Some(("PUBLISHED", _)) if self.refuses_twice => wrong(400, 100, 0),
            Some(("PUBLISHED", text)) => {
                let text = text.clone();
                self.reveal(creation, &text)
            }
            _ => wrong(400, 24, 4_279_009),
        }
    }

    fn reveal(&mut self, container: &str, text: &str) -> Said {
        let said = self.post(text);
        if let Some(to) = self.answers.get(container) {
            self.posts[0]["replied_to"] = json!({ "id": to });
            self.posts[0]["is_reply_owned_by_me"] = true.into();
        }
        said
    }

    fn replies(&self, to: &str, asked: &Asked) -> Said {
        if !self.posts.iter().any(|post| post["id"] == to) {
            return wrong(400, 100, 33);
        }
        let is_one = |post: &&Value| post["replied_to"]["id"] == to && !self.lags;
        let all: Vec<Value> = self.posts.iter().filter(is_one).cloned().collect();
        page(&all, asked, TOKEN)
    }

    pub(super) fn post(&mut self, text: &str) -> Said {
        self.published += 1;
        let id = format!("1790000000000000{}", self.published);
        let permalink = format!("https://www.threads.com/@bank/post/D{}", self.published);
        self.posts.insert(
            0,
            json!({ "id": id, "text": text, "permalink": permalink,
            "media_type": "TEXT_POST", "timestamp": "2023-11-14T22:15:00+0000", "username": "bank" }),
        );
        good(json!({ "id": id }))
    }

    fn list(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        let watch = query("fields").ends_with(",username") && query("since") == WATCHED;
        if !watch && query("since") != "1699999990" || query("limit").parse::<usize>().is_err() {
            faults.push(format!("query: {:?}", asked.query));
        }
        // Answers are another list.
        let own: Vec<Value> = self.posts.iter().filter(|p| p["replied_to"].is_null()).cloned().collect();
        page(&own, asked, TOKEN)
    }

    fn node(&mut self, id: &str, asked: &Asked) -> Said {
        let fields = asked.query.get("fields").map_or("", String::as_str);
        if let Some((state, _)) = self.containers.get_mut(id) {
            if *state == "IN_PROGRESS" {
                *state = if self.states.len() > 1 { self.states.remove(0) } else { self.states[0] };
            }
            assert_eq!(fields, "status,error_message");
            return good(json!({ "id": id, "status": state }));
        }
        match self.posts.iter().find(|post| post["id"] == id) {
            Some(post) if fields == "permalink" => good(json!({ "id": id, "permalink": post["permalink"] })),
            Some(_) if fields == "id" => good(json!({ "id": id })),
            Some(_) => wrong(400, 100, 0),
            None => wrong(400, 100, 33),
        }
    }
}
