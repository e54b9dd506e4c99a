//! Meta's API of Instagram for tests, as far as it is used. It really fetches the pictures.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::graph::fetched::illustrated::fetch;
use crate::graph_server::page;
use crate::strict::{Asked, Network, Said, good};

pub(super) const TOKEN: &str = "EAAhunter2";
pub(super) const USER: &str = "17841400000000001";
/// Its other number, for one app with Instagram Login.
pub(super) const SCOPED: &str = "26900000000000001";

/// A container: what became of it, its words, the pictures in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) state: &'static str,
    pub(super) caption: Option<String>,
    pub(super) pictures: Vec<(Vec<u8>, String)>,
    is_item: bool,
}

/// One account. A container that is published twice makes two posts, which the real one perhaps does not.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) containers: HashMap<String, Container>,
    pub(super) posts: Vec<Value>,
    /// The pictures of each post, with their words, in the order of publication.
    pub(super) pictures: Vec<Vec<(Vec<u8>, String)>>,
    pub(super) made: usize,
    pub(super) published: usize,
    /// What becomes of new containers, one look after the other.
    pub(super) states: Vec<&'static str>,
    pub(super) used: usize,
    /// What its token may do.
    pub(super) scopes: Vec<&'static str>,
    /// What is told of a container that is out: nothing, when it is hidden.
    pub(super) told_of_out: Option<&'static str>,
    /// Whether the token may take posts down.
    pub(super) deletes: bool,
    /// The accounts of the token's pages; none: it is that of a page itself, or of nobody who has pages.
    pub(super) pages: Option<Vec<&'static str>>,
    /// What is told of the token itself.
    pub(super) me: Value,
}

impl Api {
    pub(super) fn new() -> Self {
        Self {
            containers: HashMap::new(),
            posts: Vec::new(),
            pictures: Vec::new(),
            made: 0,
            published: 0,
            states: vec!["FINISHED"],
            used: 3,
            scopes: vec!["instagram_basic", "instagram_content_publish", "pages_read_engagement"],
            told_of_out: Some("PUBLISHED"),
            deletes: true,
            pages: Some(vec!["17841400000000009", USER]),
            me: Value::Null,
        }
    }
}

fn wrong(status: u16, code: i64, subcode: i64, words: &str) -> Said {
    let error = json!({ "code": code, "error_subcode": subcode, "message": format!("no {TOKEN}"), "error_user_msg": words });
    (status, String::new(), json!({ "error": error }))
}

impl Network for Api {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path.ends_with("/media_publish")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return wrong(400, 190, 463, "");
        }
        if asked.query.contains_key("access_token") {
            faults.push("the token is in the address".to_owned());
        }
        let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
        let ["v26.0", rest @ ..] = parts.as_slice() else {
            faults.push(format!("path {}", asked.path));
            return wrong(404, 2_500, 0, "");
        };
        match (asked.method.as_str(), rest) {
            ("POST", [USER, "media"]) => self.make(asked, faults),
            ("POST", [USER, "media_publish"]) => self.publish(asked, faults),
            ("GET", ["me", "accounts"]) => {
                let Some(accounts) = &self.pages else { return wrong(400, 100, 0, "") };
                let page = |id: &&str| json!({ "id": "7", "instagram_business_account": { "id": id } });
                good(json!({ "data": accounts.iter().map(page).collect::<Vec<_>>() }))
            }
            ("GET", ["me"]) if self.me.is_null() => wrong(400, 100, 0, ""),
            ("GET", ["me"]) => good(self.me.clone()),
            ("GET", [USER]) => good(json!({ "id": USER, "username": "bank" })),
            ("GET", ["debug_token"]) => {
                good(json!({ "data": { "expires_at": 1_705_000_000, "scopes": self.scopes } }))
            }
            ("GET", [USER, "content_publishing_limit"]) => {
                let config = json!({ "quota_total": 100, "quota_duration": 86_400 });
                good(json!({ "data": [{ "quota_usage": self.used, "config": config }] }))
            }
            ("GET", [USER | SCOPED, "media"]) => self.list(asked, faults),
            ("GET", [id]) => self.node(id, asked),
            ("DELETE", [_]) if !self.deletes => wrong(400, 10, 0, "the permission is missing"),
            ("DELETE", [id]) => {
                let before = self.posts.len();
                self.posts.retain(|post| post["id"] != *id);
                match self.posts.len() {
                    after if after == before => wrong(400, 100, 33, ""),
                    _ => good(json!({ "success": true, "deleted_id": id })),
                }
            }
            _ => wrong(400, 100, 33, ""),
        }
    }
}

impl Api {
    fn make(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = asked.form(faults);
        let mut names: Vec<&str> = form.keys().map(String::as_str).collect();
        names.sort_unstable();
        let caption = form.get("caption").cloned();
        if caption.as_ref().is_some_and(|c| c.encode_utf16().count() > 2_200) {
            return wrong(400, 36_004, 2_207_010, "the caption is too long");
        }
        let pictures = match names.as_slice() {
            ["alt_text", "caption", "image_url"] | ["alt_text", "image_url", "is_carousel_item"] => {
                let url = &form["image_url"];
                match fetch(url) {
                    Some((mime, bytes)) if mime == "image/jpeg" => vec![(bytes, form["alt_text"].clone())],
                    Some(_) => return wrong(400, 36_001, 2_207_005, "the format is not supported"),
                    None => {
                        let words = format!("the media could not be fetched from this URI: {url}");
                        return wrong(400, 9_004, 2_207_052, &words);
                    }
                }
            }
            ["caption", "children", "media_type"] if form["media_type"] == "CAROUSEL" => {
                let children: Vec<&str> = form["children"].split(',').collect();
                let ready =
                    |id: &&str| self.containers.get(*id).filter(|c| c.is_item && c.state == "FINISHED");
                let all: Option<Vec<_>> = children.iter().map(ready).collect();
                let (Some(all), 2..=10) = (all, children.len()) else {
                    return wrong(400, 100, 2_207_028, "the carousel is not valid");
                };
                all.into_iter().flat_map(|c| c.pictures.clone()).collect()
            }
            _ => {
                faults.push(format!("fields: {form:?}"));
                return wrong(400, 100, 0, "");
            }
        };
        self.made += 1;
        let id = format!("1800000000000000{}", self.made);
        let is_item = form.get("is_carousel_item").is_some_and(|told| told == "true");
        self.containers.insert(id.clone(), Container { state: "IN_PROGRESS", caption, pictures, is_item });
        good(json!({ "id": id }))
    }

    fn publish(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = asked.form(faults);
        if form.len() != 1 {
            faults.push(format!("fields: {form:?}"));
        }
        match self.containers.get_mut(&form["creation_id"]) {
            Some(container) if !container.is_item && matches!(container.state, "FINISHED" | "PUBLISHED") => {
                container.state = "PUBLISHED";
                let Container { caption, pictures, .. } = container.clone();
                self.pictures.push(pictures);
                self.post(&caption.unwrap_or_default())
            }
            _ => wrong(400, 9_007, 2_207_027, "Media ID is not available"),
        }
    }

    pub(super) fn post(&mut self, caption: &str) -> Said {
        self.published += 1;
        let id = format!("1790000000000000{}", self.published);
        let permalink = format!("https://www.instagram.com/p/D{}/", self.published);
        // A mention comes back without its sign.
        let caption = caption.replace('@', "");
        let timestamp = "2023-11-14T22:15:00+0000";
        self.posts.insert(
            0,
            json!({ "id": id, "caption": caption, "permalink": permalink, "timestamp": timestamp,
                "username": "bank" }),
        );
        good(json!({ "id": id }))
    }

    fn list(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        // The watch asks for no time.
        let watch = query("fields").ends_with(",username") && !asked.query.contains_key("since");
        if !watch && query("since") != "1699999990" || query("limit").parse::<usize>().is_err() {
            faults.push(format!("query: {:?}", asked.query));
        }
        page(&self.posts, asked, TOKEN)
    }

    fn node(&mut self, id: &str, asked: &Asked) -> Said {
        let fields = asked.query.get("fields").map_or("", String::as_str);
        if let Some(container) = self.containers.get_mut(id) {
            if container.state == "IN_PROGRESS" {
                container.state = if self.states.len() > 1 { self.states.remove(0) } else { self.states[0] };
            }
            assert_eq!(fields, "status_code,status");
            let told = if container.state == "PUBLISHED" { self.told_of_out } else { Some(container.state) };
            let Some(told) = told else { return wrong(400, 100, 33, "") };
            return good(json!({ "id": id, "status_code": told, "status": format!("Error: {told}") }));
        }
        match self.posts.iter().find(|post| post["id"] == id) {
            Some(post) if fields == "permalink" => good(json!({ "id": id, "permalink": post["permalink"] })),
            Some(_) if fields == "id" => good(json!({ "id": id })),
            Some(_) => wrong(400, 100, 0, ""),
            None => wrong(400, 100, 33, ""),
        }
    }
}
