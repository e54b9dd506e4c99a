//! An X Ads for tests: it refuses what X's documents say it would refuse, and reckons each signature by itself.

use std::collections::{BTreeSet, HashMap, HashSet};

use base64::Engine;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use url::form_urlencoded::{byte_serialize, parse};

use crate::planner_trials::SECRET;
use crate::strict::{Asked, Network, Said, good};

pub const ACCOUNT: &str = "18ce54d4x5t";
/// The app and its secret, the user's token and its secret.
pub const KEYS: [&str; 4] = ["app-key", SECRET, "75-token", "hunter2-token"];

#[derive(Clone)]
pub struct Ads {
    pub posts: Vec<Value>,
    pub made: usize,
    pub now: DateTime<Utc>,
    pub nonces: HashSet<String>,
    /// Posts of one page.
    pub each: usize,
    /// What stands in the list, besides.
    pub odd: Vec<Value>,
    /// The code of each refusal for a post that is not there.
    pub missing: &'static str,
    /// It shows what was made without an id.
    pub mute: bool,
    pub account: Value,
    pub permissions: Value,
    /// What everything is refused with: a status and a code.
    pub closed: Option<(u16, &'static str)>,
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

pub fn at(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn due(post: &Value) -> DateTime<Utc> {
    post["scheduled_at"].as_str().unwrap().parse().unwrap()
}

impl Ads {
    /// With posts for everybody that are due in so many minutes.
    pub fn with(minutes: &[i64]) -> Self {
        let post = |(n, minutes): (usize, &i64)| {
            json!({
                "id": format!("10{n}"), "text": format!("Sale & more {n}"), "user_id": "75", "name": "Spring",
                "scheduled_status": "SCHEDULED", "scheduled_at": instant(at(*minutes)), "nullcast": false,
                "media_keys": ["3_917438348871983104"], "card_uri": null, "tweet_id": null, "completed_at": null,
                "created_at": instant(now()), "updated_at": instant(now()),
            })
        };
        Self {
            posts: minutes.iter().enumerate().map(post).collect(),
            made: 0,
            now: now(),
            nonces: HashSet::new(),
            each: 2,
            odd: Vec::new(),
            missing: "NOT_FOUND",
            mute: false,
            account: json!({ "id": ACCOUNT, "name": "Bank", "timezone": "Europe/Zurich",
                "approval_status": "ACCEPTED", "deleted": false }),
            permissions: json!(["CREATIVE_MANAGER", "TWEET_COMPOSER"]),
            closed: None,
        }
    }

    /// In how many minutes each is due that waits.
    pub fn waiting(&self) -> Vec<i64> {
        let waits = self.posts.iter().filter(|post| post["scheduled_status"] == "SCHEDULED");
        waits.map(|post| (due(post) - self.now).num_minutes()).collect()
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.posts.iter().position(|post| post["id"] == id)
    }

    /// Whether a time is taken for a post.
    fn takes(&self, time: &str, but: Option<&str>, faults: &mut Vec<String>) -> Result<(), Said> {
        let asked = time.parse::<DateTime<Utc>>().unwrap();
        if instant(asked) != time || asked.timestamp() % 60 != 0 {
            faults.push(format!("a time of {time}"));
        }
        if asked <= self.now || asked > self.now + TimeDelta::days(365) {
            return Err(refused(400, "INVALID_PARAMETER"));
        }
        let near = |post: &&Value| (due(post) - asked).num_seconds().abs() < 15 * 60;
        let others = self.posts.iter().filter(|post| but.is_none_or(|id| post["id"] != id)).filter(near);
        if others.count() >= 30 { Err(refused(400, "SCHEDULED_TWEET_LIMIT_EXCEEDED")) } else { Ok(()) }
    }

    fn list(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let known = ["count", "cursor", "user_id"];
        let count: usize = asked.query.get("count").map_or(0, |count| count.parse().unwrap());
        if !(1..=200).contains(&count) || asked.query.keys().any(|name| !known.contains(&name.as_str())) {
            faults.push(format!("a list of {:?}", asked.query));
        }
        let user = asked.query.get("user_id").map_or("75", String::as_str);
        let all: Vec<_> = self.posts.iter().filter(|post| post["user_id"] == user).collect();
        // A cursor with what has to be written otherwise in an address.
        let begin = asked.query.get("cursor").map_or(0, |c| c.strip_prefix("c+/=").unwrap().parse().unwrap());
        let most = count.min(self.each);
        let page: Vec<_> = all.iter().skip(begin).take(most).copied().chain(&self.odd).collect();
        let next = (begin + most < all.len()).then(|| format!("c+/={}", begin + most));
        good(json!({ "request": { "params": {} }, "data": page, "next_cursor": next }))
    }

    fn change(&mut self, id: &str, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = asked.form(faults);
        if form.len() != 1 || !form.contains_key("scheduled_at") {
            faults.push(format!("a change of {form:?}"));
        }
        let Some(n) = self.place(id) else { return refused(404, self.missing) };
        if self.posts[n]["scheduled_status"] != "SCHEDULED" || due(&self.posts[n]) <= self.now {
            return refused(400, "INVALID_TWEET");
        }
        if let Err(said) = self.takes(&form["scheduled_at"], Some(id), faults) {
            return said;
        }
        self.posts[n]["scheduled_at"] = form["scheduled_at"].as_str().into();
        self.posts[n]["updated_at"] = instant(self.now).into();
        good(json!({ "data": self.posts[n] }))
    }

    fn make(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = asked.form(faults);
        let known = ["scheduled_at", "as_user_id", "text", "card_uri", "media_keys", "nullcast", "name"];
        if form.keys().any(|name| !known.contains(&name.as_str())) || !form.contains_key("nullcast") {
            faults.push(format!("a post of {form:?}"));
        }
        if !form.contains_key("text") && !form.contains_key("media_keys") {
            return refused(400, "TWEET_CANNOT_BE_BLANK");
        }
        let (Some(user), Some(time)) = (form.get("as_user_id"), form.get("scheduled_at")) else {
            return refused(400, "MISSING_PARAMETER");
        };
        if let Err(said) = self.takes(time, None, faults) {
            return said;
        }
        self.made += 1;
        let keys: Vec<_> = form.get("media_keys").into_iter().flat_map(|keys| keys.split(',')).collect();
        let id = format!("20{}", self.made);
        let mut post = json!({ "id": id, "text": form.get("text").cloned().unwrap_or_default(), "user_id": user,
            "name": form.get("name"), "scheduled_status": "SCHEDULED", "scheduled_at": time,
            "nullcast": form["nullcast"] == "true", "media_keys": keys, "card_uri": form.get("card_uri"),
            "tweet_id": null, "completed_at": null, "created_at": instant(self.now) });
        self.posts.push(post.clone());
        if self.mute {
            post = json!({});
        }
        good(json!({ "data": post }))
    }
}

fn refused(status: u16, code: &str) -> Said {
    (
        status,
        String::new(),
        json!({ "errors": [{ "code": code, "message": code }], "request": { "params": {} } }),
    )
}

/// What OAuth 1.0a would have, put together otherwise than in the adapter: `quoted` by the form's own way of writing.
fn quoted(text: &str) -> String {
    let form: String = byte_serialize(text.as_bytes()).collect();
    form.replace('+', "%20").replace('*', "%2A").replace("%7E", "~")
}

/// HMAC by RFC 2104.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    assert!(key.len() <= block.len(), "a short key");
    block[..key.len()].copy_from_slice(key);
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha1::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha1::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

/// The parameters of the header, without quotes.
fn header(asked: &Asked) -> Option<HashMap<String, String>> {
    let pairs = asked.header("authorization").strip_prefix("OAuth ")?.split(", ");
    let value =
        |text: &str| parse(format!("v={}", text.trim_matches('"')).as_bytes()).next().unwrap().1.into_owned();
    pairs.map(|pair| pair.split_once('=').map(|(name, text)| (name.to_owned(), value(text)))).collect()
}

impl Ads {
    /// Whether a request is signed, near our time, and none that was made before.
    fn is_signed(&mut self, asked: &Asked, faults: &mut Vec<String>) -> bool {
        let Some(mut own) = header(asked) else { return false };
        let signature = own.remove("oauth_signature").unwrap_or_default();
        let names: BTreeSet<_> = own.keys().map(|name| name.trim_start_matches("oauth_")).collect();
        let all = ["consumer_key", "nonce", "signature_method", "timestamp", "token", "version"];
        if !names.iter().eq(all.iter())
            || own["oauth_signature_method"] != "HMAC-SHA1"
            || own["oauth_version"] != "1.0"
        {
            faults.push(format!("signed with {names:?}"));
            return false;
        }
        let time: i64 = own["oauth_timestamp"].parse().unwrap();
        if own["oauth_nonce"].len() < 16 || !self.nonces.insert(own["oauth_nonce"].clone()) {
            faults.push("a nonce a second time".to_owned());
        }
        let sent = parse(&asked.content).into_owned();
        let pairs = own.iter().map(|(n, v)| (n.clone(), v.clone())).chain(sent);
        let pairs = pairs.chain(asked.query.iter().map(|(n, v)| (n.clone(), v.clone())));
        let sorted: BTreeSet<_> =
            pairs.map(|(name, value)| format!("{}={}", quoted(&name), quoted(&value))).collect();
        let joined = sorted.into_iter().collect::<Vec<_>>().join("&");
        let address = format!("http://{}{}", asked.header("host"), asked.path);
        let base = [asked.method.clone(), quoted(&address), quoted(&joined)].join("&");
        let reckoned = hmac(format!("{}&{}", KEYS[1], KEYS[3]).as_bytes(), base.as_bytes());
        let is_right = signature == base64::engine::general_purpose::STANDARD.encode(reckoned);
        let is_near = (self.now.timestamp() - time).abs() <= 300;
        is_right && is_near && own["oauth_consumer_key"] == KEYS[0] && own["oauth_token"] == KEYS[2]
    }
}

impl Network for Ads {
    fn makes(method: &str, _: &str) -> bool {
        method != "GET"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if !self.is_signed(asked, faults) {
            return refused(401, "UNAUTHORIZED_ACCESS");
        }
        if let Some((status, code)) = self.closed {
            return refused(status, code);
        }
        let path: Vec<&str> = asked.path.split('/').skip(1).collect();
        let ["12", "accounts", account, rest @ ..] = path.as_slice() else {
            faults.push(format!("{} {}", asked.method, asked.path));
            return refused(404, "ROUTE_NOT_FOUND");
        };
        if *account != ACCOUNT {
            return refused(403, "ACCOUNT_NOT_FOUND");
        }
        match (asked.method.as_str(), rest) {
            ("GET", []) => good(json!({ "data": self.account })),
            ("GET", ["authenticated_user_access"]) => {
                good(json!({ "data": { "user_id": "75", "permissions": self.permissions } }))
            }
            ("GET", ["scheduled_tweets"]) => self.list(asked, faults),
            ("GET", ["scheduled_tweets", id]) => match self.place(id) {
                None => refused(404, self.missing),
                Some(n) => good(json!({ "data": self.posts[n] })),
            },
            ("PUT", ["scheduled_tweets", id]) => self.change(id, asked, faults),
            ("POST", ["scheduled_tweets"]) => self.make(asked, faults),
            ("DELETE", ["scheduled_tweets", id]) => {
                let Some(n) = self.place(id) else { return refused(404, self.missing) };
                let mut post = self.posts.remove(n);
                post["scheduled_status"] = "DELETED".into();
                good(json!({ "data": post }))
            }
            _ => {
                faults.push(format!("{} {}", asked.method, asked.path));
                refused(404, "ROUTE_NOT_FOUND")
            }
        }
    }
}
