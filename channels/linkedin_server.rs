//! A strict LinkedIn in miniature, for tests: whatever the real API would not take is a fault.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::linkedin_text;
use crate::strict::{Asked, Network, Said, good};

pub const TOKEN: &str = "hunter2-token";
pub const PAGE: &str = "urn:li:organization:4711";
/// The time of the tests' clock, in milliseconds.
pub const NOW: i64 = 1_700_000_100_000;

/// A post as LinkedIn keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub id: String,
    pub text: String,
    pub author: &'static str,
    pub at: i64,
    pub changed: i64,
    pub content: Value,
    pub reshare: bool,
}

/// One page.
#[derive(Clone)]
pub struct Api {
    pub posts: Vec<Kept>,
    /// Of each picture how often it is asked for before it is ready, and its size once it is there.
    pub pictures: BTreeMap<String, (usize, Option<usize>)>,
    pub slow: usize,
    /// Where pictures go; the server itself unless given.
    pub place: Option<&'static str>,
    pub role: &'static str,
    pub version: &'static str,
    pub made: usize,
    /// What a post shows besides, by its name.
    pub besides: BTreeMap<String, Value>,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            posts: Vec::new(),
            pictures: BTreeMap::new(),
            slow: 0,
            place: None,
            role: "CONTENT_ADMINISTRATOR",
            version: "202607",
            made: 0,
            besides: BTreeMap::new(),
        }
    }
}

/// An answer that refuses, with the token in it.
pub fn wrong(status: u16, code: &str, message: &str) -> Said {
    (status, String::new(), json!({ "status": status, "code": code, "message": message, "hostile": TOKEN }))
}

impl Network for Api {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path == "/rest/posts"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return wrong(401, "INVALID_ACCESS_TOKEN", "Invalid access token");
        }
        if asked.method == "PUT" {
            return self.put(asked, faults);
        }
        if asked.header("x-restli-protocol-version") != "2.0.0" {
            faults.push("no protocol version".to_owned());
        }
        if asked.header("linkedin-version") != self.version {
            return wrong(426, "NONEXISTENT_VERSION", "Requested version is not active");
        }
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        let finds = asked.header("x-restli-method") == "FINDER";
        let path = asked.path.strip_prefix("/rest/").unwrap_or_default();
        match (asked.method.as_str(), path.split_once('/').unwrap_or((path, ""))) {
            ("POST", ("posts", "")) => self.post(&asked.json(), faults),
            ("GET", ("posts", "")) if finds && query("author") == PAGE && query("q") == "author" => {
                self.list(query("start").parse().unwrap(), query("count").parse().unwrap())
            }
            ("GET", ("organizationAcls", "")) if finds && query("q") == "roleAssignee" => {
                let right = json!({ "role": self.role, "state": "APPROVED", "organization": PAGE });
                good(json!({ "elements": [right], "paging": {} }))
            }
            ("GET", ("posts", id)) => match self.posts.iter().find(|p| p.id == id.replace("%3A", ":")) {
                Some(post) => good(json!({ "id": post.id, "commentary": post.text })),
                None => wrong(404, "NOT_FOUND", "no such post"),
            },
            ("POST", ("posts", id)) if asked.header("x-restli-method") == "PARTIAL_UPDATE" => {
                self.change(&id.replace("%3A", ":"), &asked.json(), faults)
            }
            ("DELETE", ("posts", id)) if id.starts_with("urn%3Ali%3A") => {
                let before = self.posts.len();
                self.posts.retain(|p| p.id != id.replace("%3A", ":"));
                if self.posts.len() < before {
                    (204, String::new(), Value::Null)
                } else {
                    wrong(404, "NOT_FOUND", "no")
                }
            }
            ("POST", ("images", "")) if query("action") == "initializeUpload" => self.begin(asked, faults),
            ("GET", ("images", id)) if id.starts_with("urn%3Ali%3Aimage%3A") => {
                let picture = self.pictures.get_mut(&id.replace("%3A", ":")).unwrap();
                let ready = picture.0 == 0 && picture.1.is_some();
                picture.0 = picture.0.saturating_sub(1);
                good(json!({ "status": if ready { "AVAILABLE" } else { "PROCESSING" } }))
            }
            _ => {
                faults.push(format!("{} {} {:?}", asked.method, asked.path, asked.query));
                wrong(404, "RESOURCE_NOT_FOUND", "no such resource")
            }
        }
    }
}

impl Api {
    fn post(&mut self, sent: &Value, faults: &mut Vec<String>) -> Said {
        let fixed = json!({ "author": PAGE, "visibility": "PUBLIC", "lifecycleState": "PUBLISHED", "isReshareDisabledByAuthor": false,
            "distribution": { "feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": [] } });
        let mut rest = sent.clone();
        let (text, content) = (rest["commentary"].take(), rest["content"].take());
        rest.as_object_mut().unwrap().retain(|_, v| !v.is_null());
        let text = text.as_str().unwrap();
        if rest != fixed || linkedin_text::written(&linkedin_text::read(text)) != text {
            faults.push(format!("sent: {sent}"));
        }
        let mut named: Vec<&Value> =
            content["multiImage"]["images"].as_array().into_iter().flatten().collect();
        if named.len() == 1 || named.len() > 20 {
            faults.push("several are at least two".to_owned());
        }
        named.extend(Some(&content["media"]).filter(|m| m.is_object()));
        for picture in named {
            let there = self.pictures.get(picture["id"].as_str().unwrap());
            if picture["altText"] == "" || !there.is_some_and(|(left, size)| *left == 0 && size.is_some()) {
                faults.push(format!("picture: {picture}"));
            }
        }
        if text.encode_utf16().count() > 3_000 {
            return wrong(422, "UNPROCESSABLE_ENTITY", "commentary is too long");
        }
        if let Some(first) = self.posts.iter().find(|p| p.text == text) {
            let mut said =
                wrong(422, "UNPROCESSABLE_ENTITY", &format!("Content is a duplicate of {}", first.id));
            said.2["errorDetails"] = json!({ "inputErrors": [{ "code": "DUPLICATE_POST" }] });
            return said;
        }
        self.made += 1;
        let id = format!("urn:li:share:{}", 7_000 + self.made);
        let headers = format!("x-restli-id: {id}\r\n");
        self.posts.push(Kept {
            id,
            text: text.to_owned(),
            author: PAGE,
            at: NOW,
            changed: NOW,
            content,
            reshare: false,
        });
        (201, headers, Value::Null)
    }

    fn change(&mut self, id: &str, sent: &Value, faults: &mut Vec<String>) -> Said {
        let text = sent["patch"]["$set"]["commentary"].as_str().unwrap_or_default();
        if *sent != json!({ "patch": { "$set": { "commentary": text } } })
            || linkedin_text::written(&linkedin_text::read(text)) != text
        {
            faults.push(format!("changed: {sent}"));
        }
        let Some(post) = self.posts.iter_mut().find(|p| p.id == id) else {
            return wrong(404, "NOT_FOUND", "no such post");
        };
        (post.text, post.changed) = (text.to_owned(), NOW + 1);
        (204, String::new(), Value::Null)
    }

    fn list(&self, start: usize, count: usize) -> Said {
        let mut all: Vec<&Kept> = self.posts.iter().collect();
        all.sort_by_key(|p| -p.changed);
        let shown = |p: &&Kept| {
            let mut out = json!({ "id": p.id, "author": p.author, "commentary": p.text, "createdAt": p.at, "lastModifiedAt": p.changed });
            if !p.content.is_null() {
                out["content"] = p.content.clone();
            }
            if p.reshare {
                out["reshareContext"] = json!({ "parent": "urn:li:share:1" });
            }
            for (name, value) in self.besides.get(&p.id).and_then(Value::as_object).into_iter().flatten() {
                out[name] = value.clone();
            }
            out
        };
        let elements: Vec<Value> = all.iter().skip(start).take(count).map(shown).collect();
        good(json!({ "elements": elements, "paging": { "start": start } }))
    }

    fn begin(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let sent = asked.json();
        if sent != json!({ "initializeUploadRequest": { "owner": PAGE } }) {
            faults.push(format!("begin: {sent}"));
        }
        let id = format!("urn:li:image:C{}", self.pictures.len());
        let own = format!("http://{}", asked.header("host"));
        let place = self.place.unwrap_or(&own);
        let url = format!("{place}/dms-uploads/{id}/0?ca=vector");
        self.pictures.insert(id.clone(), (self.slow, None));
        good(json!({ "value": { "uploadUrlExpiresAt": 1, "uploadUrl": url, "image": id } }))
    }

    fn put(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let id = asked.path.split('/').nth(2).unwrap_or_default();
        match self.pictures.get_mut(id) {
            Some(picture) if asked.header("content-type") == "image/png" => {
                picture.1 = Some(asked.content.len())
            }
            _ => faults.push(format!("PUT {}", asked.path)),
        }
        (201, String::new(), Value::Null)
    }
}
