//! A strict X in miniature, for tests: whatever the real API would not take is a fault.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::{Value, json};

use crate::strict::{Asked, Network, Said, good};
use crate::{text, x_count};

pub const TOKEN: &str = "hunter2-token";
/// The time of the tests' clock.
pub const NOW: i64 = 1_700_000_100;

/// A post as X keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub id: String,
    pub text: String,
    pub media: Vec<String>,
    pub at: i64,
    /// What it answers.
    pub reply: Option<String>,
}

/// A picture: its size, how much of it is there, whether it is ended, its words.
pub type Picture = (u64, u64, bool, String);

/// One account.
#[derive(Clone, Default)]
pub struct Api {
    pub posts: Vec<Kept>,
    pub pictures: BTreeMap<String, Picture>,
    /// Posts are not in the list yet.
    pub lags: bool,
    /// The list does not heed since when posts are asked for.
    pub careless: bool,
    pub protected: bool,
    /// Answers to the account's own posts are refused.
    pub takes_no_answers: bool,
    /// Most posts of one page.
    pub page: usize,
    pub made: usize,
}

/// An answer that refuses, as a problem document with the token in it.
pub fn problem(status: u16, kind: &str, detail: &str) -> Said {
    let kind = format!("https://api.x.com/2/problems/{kind}");
    let body = json!({ "title": "No", "detail": detail, "type": kind, "status": status, "x": TOKEN });
    (status, String::new(), body)
}

impl Network for Api {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path == "/2/tweets"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return problem(401, "about:blank", "Unauthorized");
        }
        let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
        let json_sent = asked.header("content-type") == "application/json";
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["2", "users", "me"]) => good(json!({ "data":
                { "id": "7", "username": "bank", "name": "Bank", "protected": self.protected } })),
            ("POST", ["2", "tweets"]) if json_sent => self.post(&asked.json(), faults),
            ("GET", ["2", "users", "7", "tweets"]) => self.list(asked, faults),
            ("GET", ["2", "tweets", id]) => match self.posts.iter().find(|p| p.id == *id) {
                Some(post) => good(json!({ "data": { "id": post.id, "text": post.text } })),
                None => good(json!({ "errors":
                    [{ "type": "https://api.x.com/2/problems/resource-not-found", "title": "Not Found" }] })),
            },
            ("DELETE", ["2", "tweets", id]) => {
                let before = self.posts.len();
                self.posts.retain(|p| p.id != *id);
                match self.posts.len() {
                    n if n < before => good(json!({ "data": { "deleted": true } })),
                    _ => problem(404, "resource-not-found", "no such post"),
                }
            }
            ("POST", ["2", "media", rest @ ..]) => self.media(rest, asked, faults),
            _ => {
                faults.push(format!("{} {}", asked.method, asked.path));
                (404, String::new(), json!({}))
            }
        }
    }
}

impl Api {
    fn post(&mut self, sent: &Value, faults: &mut Vec<String>) -> Said {
        let fields: Vec<&String> = sent.as_object().unwrap().keys().collect();
        let known = ["media", "reply", "text"];
        if !sent["text"].is_string() || !fields.iter().all(|name| known.contains(&name.as_str())) {
            faults.push(format!("fields: {sent}"));
        }
        let reply = sent["reply"].as_object().map(|reply| {
            let after = reply["in_reply_to_tweet_id"].as_str().unwrap_or_default().to_owned();
            if reply.len() != 1 || !self.posts.iter().any(|p| p.id == after) {
                faults.push(format!("answers: {sent}"));
            }
            after
        });
        if reply.is_some() && self.takes_no_answers {
            return problem(403, "about:blank", "You may not answer this conversation.");
        }
        let words = sent["text"].as_str().unwrap();
        if words.is_empty() || x_count::size(words) > 280 || x_count::refused(words).is_some() {
            return problem(400, "invalid-request", "your text is not right");
        }
        let media: Vec<String> = sent["media"]["media_ids"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        let is_ready =
            |id: &String| self.pictures.get(id).is_some_and(|(size, got, ended, _)| size == got && *ended);
        if media.len() > 4 || !media.iter().all(is_ready) {
            faults.push(format!("pictures: {sent} of {:?}", self.pictures));
        }
        if self.posts.iter().any(|p| p.text == words) {
            return problem(
                403,
                "about:blank",
                "You are not allowed to create a Tweet with duplicate content.",
            );
        }
        self.made += 1;
        // As X numbers posts: by the time, in milliseconds since November 2010.
        let id = (((NOW * 1_000 - 1_288_834_974_657) << 22) + i64::try_from(self.made).unwrap()).to_string();
        self.posts.push(Kept { id: id.clone(), text: words.to_owned(), media, at: NOW, reply });
        (201, String::new(), json!({ "data": { "id": id, "text": words, "edit_history_tweet_ids": [id] } }))
    }

    fn list(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        let since = DateTime::parse_from_rfc3339(query("start_time")).unwrap().timestamp();
        let most: usize = query("max_results").parse().unwrap();
        if !(5..=100).contains(&most)
            || !query("tweet.fields").contains("entities")
            || !query("start_time").ends_with('Z')
            || !matches!(query("exclude"), "retweets" | "replies")
        {
            faults.push(format!("{:?}", asked.query));
        }
        let without = query("exclude") == "replies";
        let is_shown =
            |p: &&Kept| (self.careless || p.at >= since) && !self.lags && !(without && p.reply.is_some());
        let all: Vec<&Kept> = self.posts.iter().rev().filter(is_shown).collect();
        let from: usize = query("pagination_token").parse().unwrap_or_default();
        let page = if self.page == 0 { most } else { self.page };
        let data: Vec<Value> = all.iter().skip(from).take(page).map(|p| shown(p)).collect();
        let mut meta = json!({ "result_count": data.len() });
        if from + data.len() < all.len() {
            meta["next_token"] = (from + data.len()).to_string().into();
        }
        // An empty list is left out.
        good(if data.is_empty() { json!({ "meta": meta }) } else { json!({ "data": data, "meta": meta }) })
    }

    fn media(&mut self, path: &[&str], asked: &Asked, faults: &mut Vec<String>) -> Said {
        let sent = asked.json();
        match path {
            ["upload", "initialize"] => {
                let id = (700 + self.pictures.len()).to_string();
                if sent["media_type"] != "image/png" || sent["media_category"] != "tweet_image" {
                    faults.push(format!("begin: {sent}"));
                }
                self.pictures
                    .insert(id.clone(), (sent["total_bytes"].as_u64().unwrap(), 0, false, String::new()));
                good(
                    json!({ "data": { "id": id, "media_key": format!("3_{id}"), "expires_after_secs": 86_400 } }),
                )
            }
            ["upload", id, "append"] => {
                let content = String::from_utf8_lossy(&asked.content).into_owned();
                let nth: u64 = content
                    .split("name=\"segment_index\"")
                    .nth(1)
                    .unwrap()
                    .split("\r\n")
                    .nth(3)
                    .unwrap()
                    .parse()
                    .unwrap();
                let head =
                    asked.content.windows(4).enumerate().filter(|(_, w)| w == b"\r\n\r\n").nth(1).unwrap().0
                        + 4;
                let boundary = asked.header("content-type").split("boundary=").nth(1).unwrap().len();
                let size =
                    u64::try_from(asked.content.len() - head - boundary - "\r\n----\r\n".len()).unwrap();
                let picture = self.pictures.get_mut(*id).unwrap();
                if picture.1 != nth << 20 || size > 1 << 20 || !content.contains("name=\"media\"; filename=")
                {
                    faults.push(format!("segment {nth} of {size} bytes after {}", picture.1));
                }
                picture.1 += size;
                good(json!({ "data": { "expires_at": 1 } }))
            }
            ["upload", id, "finalize"] => {
                let picture = self.pictures.get_mut(*id).unwrap();
                picture.2 = true;
                good(json!({ "data": { "id": id, "size": picture.1 } }))
            }
            ["metadata"] => {
                let words = sent["metadata"]["alt_text"]["text"].as_str().unwrap();
                self.pictures.get_mut(sent["id"].as_str().unwrap()).unwrap().3 = words.to_owned();
                good(json!({ "data": { "id": sent["id"] } }))
            }
            _ => (404, String::new(), json!({})),
        }
    }
}

/// The post as a list shows it: links shortened, signs written out, pictures as links at the end.
fn shown(p: &Kept) -> Value {
    let mut words = p.text.clone();
    let mut urls = Vec::new();
    let mut found: Vec<String> = text::links(&p.text).into_iter().map(|l| l.url).collect();
    found.extend(p.text.split_whitespace().filter(|w| w.starts_with("bank.ch")).map(str::to_owned));
    for link in found {
        let short = format!("https://t.co/{}", urls.len());
        let whole = if link.contains("://") { link.clone() } else { format!("http://{link}") };
        words = words.replacen(&link, &short, 1);
        urls.push(json!({ "url": short, "expanded_url": whole }));
    }
    words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    if !p.media.is_empty() {
        words.push_str(" https://t.co/pic");
        urls.push(json!({ "url": "https://t.co/pic", "media_key": "3_1",
            "expanded_url": format!("https://x.com/bank/status/{}/photo/1", p.id) }));
    }
    let at = DateTime::from_timestamp(p.at, 0).unwrap();
    let mut out = json!({ "id": p.id, "text": words, "created_at": at.to_rfc3339() });
    if !urls.is_empty() {
        out["entities"] = json!({ "urls": urls });
    }
    if !p.media.is_empty() {
        out["attachments"] = json!({ "media_keys": p.media });
    }
    if let Some(id) = &p.reply {
        out["referenced_tweets"] = json!([{ "type": "replied_to", "id": id }]);
    }
    out
}
