//! Meta's API of Facebook for tests, as far as it is used.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::graph_server::page;
use crate::strict::{Asked, Network, Said, good};

pub(super) const TOKEN: &str = "EAAhunter2";
pub(super) const PAGE: &str = "100200300400500";
pub(super) const NEW: &str = "2023-11-14T22:14:40+0000";

/// The API as far as it is used: one page.
#[derive(Clone)]
pub(super) struct Api {
    /// Words for those who cannot see them, and bytes, by number.
    pub(super) photos: HashMap<String, (String, Vec<u8>)>,
    pub(super) posts: Vec<Value>,
    pub(super) made: usize,
    pub(super) is_published: bool,
    /// Whether a post is not listed yet.
    pub(super) lags: bool,
    /// Whether its address comes with the answer.
    pub(super) tells_link: bool,
    /// What its token may do.
    pub(super) scopes: Vec<&'static str>,
}

impl Api {
    pub(super) fn new() -> Self {
        let (photos, posts) = (HashMap::new(), Vec::new());
        let scopes = vec!["pages_manage_posts", "pages_read_engagement"];
        Self { photos, posts, made: 0, is_published: true, lags: false, tells_link: true, scopes }
    }

    pub(super) fn add(&mut self, message: &str, created_time: &str) -> String {
        self.made += 1;
        let id = format!("{PAGE}_90000000{}", self.made);
        let link = format!("https://www.facebook.com/{id}");
        self.posts.insert(
            0,
            json!({ "id": id, "message": message, "created_time": created_time, "permalink_url": link,
                "from": { "id": PAGE, "name": "The Bank" } }),
        );
        id
    }
}

fn wrong(code: i64, subcode: i64) -> Said {
    let error = json!({ "code": code, "error_subcode": subcode, "message": format!("no {TOKEN}") });
    (400, String::new(), json!({ "error": error }))
}

impl Network for Api {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path.ends_with("/feed")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return wrong(190, 0);
        }
        if asked.query.contains_key("access_token") {
            faults.push("the token is in the address".to_owned());
        }
        let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
        let ["v26.0", rest @ ..] = parts.as_slice() else {
            faults.push(format!("path {}", asked.path));
            return wrong(2_500, 0);
        };
        let fields = asked.query.get("fields").map_or("", String::as_str);
        match (asked.method.as_str(), rest) {
            ("POST", [PAGE, "feed"]) => self.feed(asked, faults),
            ("POST", [PAGE, "photos"]) => self.photo(asked, faults),
            ("GET", [PAGE, "published_posts"]) => self.list(asked, faults),
            // The token of a page has no end.
            ("GET", ["debug_token"]) => good(json!({ "data": { "expires_at": 0, "scopes": self.scopes } })),
            ("GET", ["me"]) => good(json!({ "id": PAGE, "name": "The Bank" })),
            ("GET", [PAGE]) if fields == "id,is_published" => {
                good(json!({ "id": PAGE, "is_published": self.is_published }))
            }
            ("GET", [id]) if fields == "permalink_url" => match self.posts.iter().find(|p| p["id"] == *id) {
                Some(post) => good(json!({ "id": id, "permalink_url": post["permalink_url"] })),
                None => wrong(100, 33),
            },
            ("GET", [id]) if fields == "id" && self.posts.iter().any(|p| p["id"] == *id) => {
                good(json!({ "id": id }))
            }
            ("GET", [id]) if fields == "id,message,permalink_url" => {
                let found = self.posts.iter().find(|p| p["id"] == *id);
                found.map_or_else(|| wrong(100, 33), |post| good(post.clone()))
            }
            ("POST", [id]) => self.change(id, asked, faults),
            ("DELETE", [id]) => {
                let before = self.posts.len();
                self.posts.retain(|post| post["id"] != *id);
                if self.posts.len() == before { wrong(100, 33) } else { good(json!({ "success": true })) }
            }
            _ => wrong(100, 33),
        }
    }
}

impl Api {
    fn feed(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let mut form = asked.form(faults);
        let message = form.remove("message").unwrap_or_default();
        let fields = form.remove("fields").unwrap_or_default();
        if fields != "id,permalink_url" || message.is_empty() || message.encode_utf16().count() > 63_206 {
            faults.push("message or fields".to_owned());
        }
        for n in 0..form.len() {
            let attached = form.get(&format!("attached_media[{n}]")).map_or("", String::as_str);
            let attached: Value = serde_json::from_str(attached).unwrap_or_default();
            let known = attached["media_fbid"].as_str().is_some_and(|id| self.photos.contains_key(id));
            if !known || attached.as_object().is_none_or(|o| o.len() != 1) {
                faults.push(format!("attached: {form:?}"));
            }
        }
        let id = self.add(&message, NEW);
        self.posts[0]["pictures"] = form.len().into();
        match self.tells_link {
            true => good(json!({ "id": id, "permalink_url": self.posts[0]["permalink_url"] })),
            false => good(json!({ "id": id })),
        }
    }

    /// A post of the page gets other words, where the app may change it.
    fn change(&mut self, id: &str, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = asked.form(faults);
        let message = form.get("message").map_or("", String::as_str);
        if form.len() != 1 || message.is_empty() || message.encode_utf16().count() > 63_206 {
            faults.push(format!("a change: {form:?}"));
        }
        match self.posts.iter_mut().find(|p| p["id"] == id) {
            None => wrong(100, 33),
            Some(_) if !self.scopes.contains(&"pages_manage_posts") => wrong(200, 0),
            Some(post) if post["from"]["id"] != PAGE => wrong(200, 0),
            Some(post) => {
                post["message"] = message.into();
                good(json!({ "success": true }))
            }
        }
    }

    fn photo(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let boundary = asked.header("content-type").strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8_lossy(&asked.content).into_owned();
        let part = |name: &str| {
            let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
            let found = parts.iter().find(|part| part.contains(&format!("name=\"{name}\"")));
            let body = found.and_then(|part| part.split_once("\r\n\r\n")).map(|(_, body)| body);
            body.and_then(|body| body.strip_suffix("\r\n")).unwrap_or_default().to_owned()
        };
        if part("published") != "false" || !text.contains("filename=\"picture.png\"") {
            faults.push("a picture that would be public".to_owned());
        }
        let id = format!("7000000{}", self.photos.len() + 1);
        self.photos.insert(id.clone(), (part("alt_text_custom"), part("source").into_bytes()));
        good(json!({ "id": id }))
    }

    fn list(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        let look = query("limit") == "1" && query("since").is_empty();
        // The watch asks for no time.
        let watch = query("fields").ends_with(",is_published,from") && query("limit") == "100";
        if watch == asked.query.contains_key("since") && !look {
            faults.push(format!("query: {:?}", asked.query));
        }
        if !look && !watch && (query("since") != "1699999990" || query("limit") != "100") {
            faults.push(format!("query: {:?}", asked.query));
        }
        let listed: &[Value] = if self.lags { &[] } else { &self.posts };
        page(listed, asked, TOKEN)
    }
}
