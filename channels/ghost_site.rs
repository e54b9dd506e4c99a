//! A strict Ghost in miniature, for tests: slugs are made unique as Ghost does it.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{content, key, slug};
use crate::strict::{Asked, Network, Said, good};
use crate::suite;

pub const KEY: &str =
    "6489b1a3c0c4d2a1b3e5f701:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";

/// A site as far as it is used.
#[derive(Clone, Default)]
pub struct Site {
    pub posts: Vec<Value>,
    /// What it makes of a post that is to be published.
    pub becomes: Option<&'static str>,
    pub role: Option<&'static str>,
    /// How often something was written.
    pub writes: usize,
}

fn wrong(status: u16, kind: &str) -> Said {
    (status, String::new(), json!({ "errors": [{ "type": kind, "message": format!("no, {KEY}") }] }))
}

impl Site {
    pub fn public(&self) -> usize {
        self.posts.iter().filter(|p| p["status"] == "published").count()
    }

    pub fn ids(&self, status: &str) -> Vec<String> {
        let all = self.posts.iter().filter(|p| p["status"] == status);
        all.map(|p| p["id"].as_str().unwrap()[20..].to_owned()).collect()
    }

    /// A draft of this delivery that comes now.
    pub fn land(&mut self) {
        let mut job = suite::job();
        job.rendition.title = Some("Cards & payments".to_owned());
        let mut post = content(&job, &[]);
        (post["status"], post["slug"]) = ("draft".into(), slug(&job).into());
        self.make(&post);
    }

    fn make(&mut self, sent: &Value) -> Value {
        let wanted = sent["slug"].as_str().unwrap();
        let taken = |slug: &str| self.posts.iter().any(|p| p["slug"] == slug);
        let others = (2..).map(|n| format!("{wanted}-{n}"));
        let slug = std::iter::once(wanted.to_owned()).chain(others).find(|s| !taken(s)).unwrap();
        let mut post = sent.clone();
        post["slug"] = slug.into();
        post["id"] = format!("6489b1a3c0c4d2a1b3e5{:04}", self.posts.len() + 1).into();
        self.posts.push(post);
        self.touch(self.posts.len() - 1)
    }

    pub fn touch(&mut self, at: usize) -> Value {
        self.writes += 1;
        let post = &mut self.posts[at];
        post["updated_at"] = format!("2026-01-01T00:00:{:02}.000Z", self.writes).into();
        post["url"] = format!("https://bank.example/{}/", post["slug"].as_str().unwrap()).into();
        post.clone()
    }

    /// An editor takes every post down: it is a draft again, and keeps its date.
    pub fn take_down(&mut self) {
        for at in 0..self.posts.len() {
            self.posts[at]["status"] = "draft".into();
            self.touch(at);
        }
    }

    /// Somebody publishes a post of that title, with a date of their own.
    pub fn publish(&mut self, title: &str, at: &str) -> String {
        let post = json!({ "slug": "theirs", "title": title, "html": "<p>Send coins</p>", "visibility": "public",
            "status": "published", "published_at": at });
        let made = self.make(&post);
        made["id"].as_str().unwrap().to_owned()
    }

    /// A page of what is out. Short pages, so that turning them is tested.
    fn out(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        let fields = "id,title,excerpt,published_at,url,visibility";
        let page: usize = query("page").parse().unwrap_or_default();
        let key = match query("order") {
            "id desc" => "id",
            "published_at desc" => "published_at",
            _ => "",
        };
        let is_right = query("filter") == "status:[published,sent]" && query("limit") == "100" && page > 0;
        if !is_right || key.is_empty() || query("fields") != fields || asked.query.len() != 5 {
            faults.push(format!("a list of what is out: {:?}", asked.query));
        }
        let is_out = |p: &&Value| p["status"] == "published" || p["status"] == "sent";
        let mut all: Vec<&Value> = self.posts.iter().filter(is_out).collect();
        all.sort_by(|a, b| b[key].as_str().cmp(&a[key].as_str()));
        let next = (all.len() > page * 3).then_some(page + 1);
        let shown = |p: &&Value| {
            let mut shown = (*p).clone();
            shown["excerpt"] = crate::watch::words_of_html(p["html"].as_str().unwrap_or_default()).into();
            let shown = shown.as_object_mut().unwrap();
            shown.retain(|name, _| fields.split(',').any(|field| field == name));
            Value::from(shown.clone())
        };
        let posts: Vec<Value> = all.iter().skip((page.max(1) - 1) * 3).take(3).map(shown).collect();
        good(json!({ "posts": posts, "meta": { "pagination": { "page": page, "next": next } } }))
    }

    fn edit(&mut self, id: &str, sent: &Value, faults: &mut Vec<String>) -> Said {
        let Some(at) = self.posts.iter().position(|p| p["id"] == id) else {
            return wrong(404, "NotFoundError");
        };
        if sent["updated_at"].is_null() {
            faults.push("an edit without updated_at".to_owned());
        }
        if sent["updated_at"] != self.posts[at]["updated_at"] {
            return wrong(409, "UpdateCollisionError");
        }
        if !sent["slug"].is_null() {
            faults.push("an edit of the slug".to_owned());
        }
        for (name, value) in sent.as_object().unwrap() {
            self.posts[at][name] = value.clone();
        }
        if sent["status"] == "published" && sent.get("published_at") != Some(&Value::Null) {
            faults.push("a date of its own".to_owned());
        }
        if sent["status"] == "published" && self.posts[at]["published_at"].is_null() {
            self.posts[at]["published_at"] = "2026-01-01T00:00:00.000Z".into();
        }
        if let Some(other) = self.becomes.filter(|_| sent["status"] == "published") {
            self.posts[at]["status"] = other.into();
        }
        good(json!({ "posts": [self.touch(at)] }))
    }
}

impl Network for Site {
    fn makes(method: &str, path: &str) -> bool {
        method == "PUT" && path.contains("/posts/")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let key = key::Key::read(&KEY.into()).unwrap();
        let token = key.token(1_700_000_100);
        if asked.header("authorization") != format!("Ghost {}", token.expose_secret()) {
            return wrong(401, "UnauthorizedError");
        }
        if asked.header("accept-version") != "v5.0" {
            faults.push("no version".to_owned());
        }
        if asked.query.contains_key("newsletter") || asked.query.contains_key("email_segment") {
            faults.push("mails go out".to_owned());
        }
        let sent = &asked.json()["posts"][0];
        if matches!(asked.method.as_str(), "POST" | "PUT") && sent["html"].is_string() {
            let source = asked.query.get("source").map(String::as_str) == Some("html");
            // Who may read a post is said when it is made, and stays as editors left it when its words change.
            let (seen, mailed) = (&sent["visibility"], &sent["email_only"]);
            let is_right = match asked.method == "PUT" && sent["status"].is_null() {
                true => seen.is_null() && mailed.is_null(),
                false => seen == "public" && mailed == false,
            };
            if !source || !is_right {
                faults.push(format!("a post that is not for everybody: {sent}"));
            }
        }
        let path = asked.path.strip_prefix("/ghost/api/admin/").and_then(|p| p.strip_suffix('/'));
        let parts: Vec<&str> = path.unwrap_or_default().split('/').collect();
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["posts"]) if asked.query["filter"].starts_with("status:") => self.out(asked, faults),
            ("GET", ["posts"]) => {
                let slugs = asked.query["filter"].strip_prefix("slug:[").and_then(|f| f.strip_suffix(']'));
                let slugs: Vec<&str> = slugs.unwrap().split(',').collect();
                let ours = |p: &&Value| slugs.contains(&p["slug"].as_str().unwrap());
                // The newest first.
                good(json!({ "posts": self.posts.iter().rev().filter(ours).collect::<Vec<_>>() }))
            }
            ("GET", ["posts", id]) => {
                let found = self.posts.iter().find(|p| p["id"] == **id);
                if asked.query.get("formats").map(String::as_str) != Some("html") {
                    faults.push("a post without its words".to_owned());
                }
                found.map_or_else(|| wrong(404, "NotFoundError"), |p| good(json!({ "posts": [p] })))
            }
            ("POST", ["posts"]) => {
                if sent["status"] != "draft" {
                    faults.push("the first step is public".to_owned());
                }
                (201, String::new(), json!({ "posts": [self.make(sent)] }))
            }
            ("PUT", ["posts", id]) => self.edit(id, sent, faults),
            ("POST", ["images", "upload"]) => {
                (201, String::new(), json!({ "images": [{ "url": "https://bank.example/content/a.png" }] }))
            }
            ("GET", ["users", "me"]) => self.role.map_or_else(
                || wrong(404, "NotFoundError"),
                |role| good(json!({ "users": [{ "roles": [{ "name": role }] }] })),
            ),
            ("GET", ["site"]) => good(
                json!({ "site": { "title": "Bank", "url": "https://bank.example/", "version": "6.65" } }),
            ),
            _ => wrong(406, "RequestNotAcceptableError"),
        }
    }
}
