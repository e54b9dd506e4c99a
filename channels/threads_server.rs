//! Meta's API of Threads for tests, as far as it is used.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::graph::fetched::illustrated::fetch;
use crate::graph_server::page;
use crate::strict::{Asked, Network, Said, good};

pub(super) const TOKEN: &str = "THAAhunter2";
pub(super) const USER: &str = "17841400000000001";
/// Since when the tests of the watch ask.
pub(super) const WATCHED: &str = "1700000050";

/// A container: what became of it, its words, the pictures in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Container {
    pub(super) state: &'static str,
    pub(super) text: String,
    pub(super) pictures: Vec<(Vec<u8>, String)>,
    pub(super) is_item: bool,
}

/// The API as far as it is used: one account. A container that is published twice makes two posts, which the
/// real one perhaps does not.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) containers: HashMap<String, Container>,
    pub(super) posts: Vec<Value>,
    /// What containers answer.
    pub(super) answers: HashMap<String, String>,
    /// Answers are not in the list yet.
    pub(super) lags: bool,
    pub(super) used_answers: usize,
    /// The pictures of each post, with their words, in the order of publication.
    pub(super) pictures: Vec<Vec<(Vec<u8>, String)>>,
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
            pictures: Vec::new(),
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

/// A picture that cannot be fetched; Meta repeats its address.
fn refusing(address: &str) -> Said {
    let words = format!("the media could not be fetched from this URI: {address}");
    let error =
        json!({ "code": 9_004, "error_subcode": 2_207_052, "message": "no", "error_user_msg": words });
    (400, String::new(), json!({ "error": error }))
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
        let form = asked.form(faults);
        let mut names: Vec<&str> = form.keys().map(String::as_str).filter(|n| *n != "reply_to_id").collect();
        names.sort_unstable();
        let text = form.get("text").cloned().unwrap_or_default();
        let answers = form.get("reply_to_id").cloned();
        if answers.as_ref().is_some_and(|id| !self.posts.iter().any(|post| post["id"] == *id)) {
            faults.push(format!("answers {answers:?}"));
        }
        if text.chars().count() > 500 {
            return wrong(400, 100, 0);
        }
        let kind = form.get("media_type").map_or("", String::as_str);
        let pictures = match (kind, names.as_slice()) {
            ("TEXT", ["media_type", "text"]) if !text.is_empty() => Vec::new(),
            (
                "IMAGE",
                ["alt_text", "image_url", "media_type", "text"]
                | ["alt_text", "image_url", "is_carousel_item", "media_type"],
            ) => match fetch(&form["image_url"]) {
                Some((mime, bytes)) if ["image/jpeg", "image/png"].contains(&&*mime) => {
                    vec![(bytes, form["alt_text"].clone())]
                }
                _ => return refusing(&form["image_url"]),
            },
            ("CAROUSEL", ["children", "media_type", "text"]) => {
                let children: Vec<&str> = form["children"].split(',').collect();
                let ready =
                    |id: &&str| self.containers.get(*id).filter(|c| c.is_item && c.state == "FINISHED");
                let all: Option<Vec<_>> = children.iter().map(ready).collect();
                let (Some(all), 2..=20) = (all, children.len()) else { return wrong(400, 100, 0) };
                all.into_iter().flat_map(|c| c.pictures.clone()).collect()
            }
            _ => {
                faults.push(format!("fields: {form:?}"));
                return wrong(400, 100, 0);
            }
        };
        self.made += 1;
        let id = format!("180000000000000{:02}", self.made);
        let is_item = form.get("is_carousel_item").is_some_and(|told| told == "true");
        if is_item && answers.is_some() {
            faults.push(format!("a picture of several answers {answers:?}"));
        }
        self.containers.insert(id.clone(), Container { state: "IN_PROGRESS", text, pictures, is_item });
        self.answers.extend(answers.map(|to| (id.clone(), to)));
        good(json!({ "id": id }))
    }

    fn publish(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = asked.form(faults);
        if form.len() != 1 {
            faults.push(format!("fields: {form:?}"));
        }
        let creation = &form["creation_id"];
        match self.containers.get_mut(creation) {
            Some(Container { state: "PUBLISHED", .. }) if self.refuses_twice => wrong(400, 100, 0),
            Some(container) if !container.is_item && matches!(container.state, "FINISHED" | "PUBLISHED") => {
                container.state = "PUBLISHED";
                let Container { text, pictures, .. } = container.clone();
                self.pictures.push(pictures);
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
        if let Some(Container { state, .. }) = self.containers.get_mut(id) {
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
