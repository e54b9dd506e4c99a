//! Adapter `instagram`: posts with pictures of a professional account on Instagram.
//!
//! Facts: <https://developers.facebook.com/docs/instagram-platform/content-publishing>,
//! `instagram-platform/reference/instagram-media`, `instagram-graph-api/reference/ig-user/media`,
//! `ig-user/media_publish`, `ig-user/content_publishing_limit` and `ig-container` there.
//!
//! A post has two steps, as on Threads: containers are made, which nobody sees, and the one of the whole post
//! is published. Its number is written down before ([`Pass::keep`]); each attempt publishes the same one, and
//! its state settles a doubt, as is written in [`crate::threads`]. Several pictures have a container each, and
//! then one for all.
//!
//! Meta fetches each picture from this service, at an address that lives for this attempt
//! ([`crate::Job::media_urls`]). So the service's public address must be reached from outside.
//!
//! Told by no document: in which unit the 2,200 characters of a text are counted (UTF-16 gives the most), how
//! long the words of a picture may be, what is answered for a container that was published before, and that
//! its state is up to date at once. None of it is relied on alone. A caption may come back without the `@` of
//! its mentions, so words are compared without it. A picture must be between 4:5 and 1.91:1, and is refused when the
//! post is written; where its file does not tell its size, Meta says so when it has fetched it, and nothing is
//! public by then.
//!
//! Two faults of Meta's were met by other programs. A post was out although its publication was refused as an
//! action that is blocked (4/2207051; gitroomhq/postiz-app, pull request 1681): such a refusal is a doubt, and so
//! is one for the pace, which has the same code. And for days containers and new posts were said not to exist
//! that did (100/33; issue 1562 there): such an answer proves nothing about a container, and of a post only
//! together with the account's list.
//!
//! A post is taken down with `DELETE`, which Meta lets only tokens of Facebook Login do that have the
//! permission `instagram_manage_contents`; others are refused, and the post is still live. That this is so is
//! told by other programs, and by no page of Meta's that was found.
//!
//! Lists cannot be asked from a time on (`instagram-api-with-facebook-login` there, on pages), so they are read
//! until posts are too old. Up to three posts are pinned; they may stand before newer ones.
//!
//! What people plan in Meta's own tools can be held by no call. Meta's own description of its API
//! (<https://github.com/facebook/facebook-business-sdk-codegen>, `ShadowIGScheduledMedia`) has a list of it, which no page tells of.
//!
//! Instagram makes mentions of `@names` and tags of `#words`; it has no way to switch that off. Addresses in
//! a text are no links there.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::graph::children::{Begun, are_all};
use crate::graph::fetched::{can_fetch, without_addresses};
use crate::graph::{id_of, is_id, of};
use crate::graph_api::Api;
use crate::known::Known;
use crate::message::SLACK;
use crate::picture_limits::Shape;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass, PictureLimits,
    Pins, ReadBack, Receipt, Replay, Retraction, Setting, Sighting, Ways, ends, text, watch,
};

#[path = "instagram_container.rs"]
mod container;
#[path = "instagram_watch.rs"]
mod watching;
#[path = "instagram_who.rs"]
mod who;

use container::State;
use who::Who;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "instagram",
    title: "Instagram",
    capabilities: Capabilities {
        replay: Replay::HandleFirst,
        read_back: ReadBack::Step,
        retract: true,
        media: true,
        starts_only: false,
        revises: None,
        pins: Pins::None,
        fetches: true,
        watches: true,
        sweeps: false,
        publishes: true,
        concurrency: 1,
    },
    limits: Limits {
        text: Some(2_200),
        unit: Unit::Instagram,
        text_bytes: None,
        title: None,
        title_needed: false,
        media: 10,
        media_bytes: 8_000_000,
        media_all: None,
        alt: Some(1_000),
        parts: 1,
        cards: false,
        pictures: PictureLimits {
            forms: &["image/jpeg"],
            other_form: "has another format than JPEG, which is all that Instagram takes; save it as JPEG",
            missing: Some("is missing: Instagram takes no post without a picture"),
            shape: Some(Shape {
                narrowest: 800,
                // 1200 by 628 is called 1.91:1 by everybody.
                widest: 1_914,
                sides: None,
                other: "Instagram takes pictures between 4:5 and 1.91:1: crop it",
            }),
        },
    },
    settings: &[
        Setting {
            name: "user",
            help: "The account's number in the API, not its @name",
            required: true,
            private: false,
        },
        Setting {
            name: "version",
            help: "The version of the API; otherwise v26.0",
            required: false,
            private: false,
        },
        Setting {
            name: "server",
            help: "https://graph.instagram.com for a token of Instagram Login; otherwise https://graph.facebook.com",
            required: false,
            private: false,
        },
        Setting {
            name: "login",
            help: "facebook, to sign in at Facebook: with that posts can be taken down. Otherwise at Instagram",
            required: false,
            private: false,
        },
        ends::TOKEN_ENDS,
        watch::OFF,
    ],
    frame: None,
    ways: Ways { looks_every: Some(5), plans_unseen: true, ..Ways::USUAL },
    connect,
};

pub(crate) const SERVER: &str = "https://graph.facebook.com";
const VERSION: &str = "v26.0";
/// How Instagram writes times.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%z";
/// Most posts that an account pins before its newest one.
const MOST_PINNED: usize = 3;

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let user = connection.setting("user")?;
    if !is_id(&user) {
        return Err("the setting user: write the account's number".to_owned());
    }
    let login = connection.setting("login").unwrap_or_default();
    if !matches!(login.as_str(), "" | "facebook" | "instagram") {
        return Err("the setting login: write facebook or instagram, or leave it empty".to_owned());
    }
    let server = connection.url_or("server", SERVER)?;
    let is_fetched = connection.public_url.as_ref().is_some_and(|own| can_fetch(own, &server));
    let is_instagrams = server.host_str() == Some("graph.instagram.com");
    let api = Api::new(connection, SERVER, VERSION)?;
    let ends = ends::token_ends(connection)?;
    Ok(Box::new(Instagram { api, user, is_fetched, is_instagrams, ends, numbers: Known::default() }))
}

struct Instagram {
    api: Api,
    user: String,
    /// Whether Meta can fetch pictures from this service.
    is_fetched: bool,
    /// Whether the access token is one of Instagram Login.
    is_instagrams: bool,
    /// When a typed token ends, as somebody wrote it down.
    ends: Option<DateTime<Utc>>,
    /// The numbers of the token's account, with Instagram Login.
    numbers: Known<Vec<String>>,
}

/// A post, as far as it is read.
#[derive(Deserialize)]
struct Post {
    id: String,
    #[serde(default)]
    caption: String,
    #[serde(default)]
    timestamp: String,
}

impl Instagram {
    /// The container of a handle, if it is this account's.
    fn container<'a>(&self, handle: &'a str) -> Option<&'a str> {
        id_of(&self.user, handle.strip_suffix(container::BLOCKED).unwrap_or(handle))
    }

    /// The receipt of a post that is out and whose number is not known.
    fn out(&self) -> Receipt {
        Receipt { remote_id: String::new(), url: None, note: None }
    }

    async fn remove(&self, job: &Job, remote_id: Option<&str>) -> Result<Retraction, String> {
        let id = remote_id.and_then(|named| id_of(&self.user, named)).ok_or(NOT_OURS)?;
        if let Some(said) = self.api.take_down(id).await {
            return Ok(said);
        }
        // The access token may not, or somebody else took it down.
        let is_there = self.api.ask_if_there(&[id], &[("fields", "id")]).await.map_err(|f| f.to_string())?;
        if is_there.is_some() || self.posts(job, "id,timestamp").await?.iter().any(|post| post.id == id) {
            return Err(HIDDEN.to_owned());
        }
        // What sees nothing of the account proves nothing about its posts.
        self.account().await?;
        Ok(Retraction::Gone)
    }

    /// The account's posts since the first attempt.
    async fn posts(&self, job: &Job, fields: &str) -> Result<Vec<Post>, String> {
        let since = job.permitted_at - SLACK;
        let (mut found, mut older) = (Vec::new(), 0);
        let each = |post: Post| {
            let made = DateTime::parse_from_str(&post.timestamp, TIME);
            if made.is_ok_and(|made| made < since) {
                older += 1;
                return (older > MOST_PINNED).then_some(());
            }
            found.push(post);
            None
        };
        self.api.look(&[&self.user, "media"], fields, since, each).await?;
        Ok(found)
    }

    /// The posts with these words since the first attempt.
    async fn with_the_words(&self, job: &Job) -> Result<Vec<Post>, String> {
        let words = plain(&job.rendition.text);
        let mut posts = self.posts(job, "id,caption,timestamp").await?;
        posts.retain(|post| plain(&post.caption) == words && is_id(&post.id));
        Ok(posts)
    }

    async fn one_with_the_words(&self, job: &Job) -> Result<String, String> {
        match self.with_the_words(job).await?.as_slice() {
            [one] => Ok(one.id.clone()),
            _ => Err(NOT_ONE.to_owned()),
        }
    }

    /// What the account calls itself, as the access token sees it.
    async fn account(&self) -> Result<String, String> {
        let told = self.api.ask(&[&self.user], &[("fields", "id,username")]).await;
        let told: Value = told.map_err(|failure| failure.to_string())?.json()?;
        // With Instagram Login the account has two numbers, and either one leads here.
        told["id"].as_str().filter(|id| is_id(id)).ok_or("Instagram does not name the account")?;
        Ok(text::shown(told["username"].as_str().unwrap_or_default()))
    }

    async fn inspect(&self) -> Result<Health, String> {
        if !self.is_instagrams {
            let name = self.account().await?;
            if self.is_of_a_page().await {
                return Ok(
                    Health::seen_on(&format!("@{name}"), Some(&self.user), self.inspect_user(&name)).await
                );
            }
            let health = self.inspect_user(&name).await?;
            let detail = format!(
                "posts as @{name} on Instagram; whose the access token is, no page says (it takes pages_show_list)"
            );
            return Ok(if health.ready { Health { detail, ..health } } else { health });
        }
        let Who { name, numbers, are_all, .. } = self.who().await?;
        let shown = format!("@{name}");
        if numbers.contains(&self.user) {
            // By the number of the settings: that is by which it was known before.
            return Ok(Health::seen_on(&shown, Some(&self.user), self.inspect_user(&name)).await);
        }
        if !are_all {
            return Err(who::NOT_BOTH.to_owned());
        }
        let id = &numbers[0];
        let why = format!(
            "the access token is of {shown}, number {id}; give that of the account, or that number in the setting user"
        );
        Ok(Health::unready(why).of(&shown).by_id(id))
    }

    /// What the access token may do on the account.
    async fn inspect_user(&self, name: &str) -> Result<Health, String> {
        let posts = self.api.posts_left(&[&self.user, "content_publishing_limit"]).await?;
        if !self.is_fetched {
            return Err(UNREACHED.to_owned());
        }
        let health = Health::ready(format!("posts as @{name} on Instagram")).takes(posts);
        // Tokens of Instagram Login have other permissions, and no page says that they can be asked about.
        if self.is_instagrams {
            let detail = format!(
                "posts as @{name} on Instagram; when its access token ends is not told: such last 60 days"
            );
            return Ok(Health { detail, ..health });
        }
        Ok(self.api.with_token(health, &["instagram_basic", "instagram_content_publish"]).await)
    }
}

/// Permissions of Instagram Login without which no post can be made.
pub(crate) const NEEDED: &[&str] = &["instagram_business_basic", "instagram_business_content_publish"];
/// Those of Facebook Login (<https://developers.facebook.com/documentation/instagram-platform/instagram-api-with-facebook-login/get-started>).
pub(crate) const NEEDED_AT_FACEBOOK: &[&str] =
    &["instagram_basic", "instagram_content_publish", "pages_show_list", "pages_read_engagement"];
/// To take a post down.
pub(crate) const BESIDES_AT_FACEBOOK: &[&str] = &["instagram_manage_contents"];
/// The server of the API that takes a token of Instagram Login.
pub(crate) const LOGIN_SERVER: &str = "https://graph.instagram.com";

const UNREACHED: &str = "Instagram fetches pictures from this service, whose address (public_url) is not \
     reached from the internet; give it an https address";
const NOT_SHOWN: &str = "Instagram does not show what has become of the post";
const HIDDEN: &str =
    "Instagram does not take the post down with this access token, and still lists it; take it down by hand";
const NOT_ONE: &str = "the post's number is not known, and not exactly one post has its words; \
     take it down by hand";

/// What can be compared, without what the network cuts off or leaves out.
fn plain(text: &str) -> String {
    text::plain(text).replace('@', "")
}

#[async_trait]
impl Channel for Instagram {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let done = match Begun::now().prepared(0, "Instagram", self.prepare(job, pass)).await {
            Ok((_, State::Out)) => Ok(self.out()),
            Ok((container, _)) => self.reveal(job, &container, pass).await,
            Err(failure) => Err(failure),
        };
        done.map_err(|failure| without_addresses(failure, &job.media_urls))
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        let Some(handle) = job.handle.as_deref().filter(|handle| !are_all(handle)) else {
            // Without a container nothing can have been published.
            return Sighting::Absent;
        };
        let Some(container) = self.container(handle) else {
            return Sighting::Unknown("the post was prepared on another account".to_owned());
        };
        match self.state(container).await {
            Ok(State::Out) => Sighting::Found(self.out()),
            Ok(State::Ready | State::Dead(_)) => Sighting::Absent,
            Ok(State::Preparing) => Sighting::Unknown("Instagram is still preparing the post".to_owned()),
            Ok(State::Hidden) => Sighting::Unknown(NOT_SHOWN.to_owned()),
            Err(failure) => Sighting::Unknown(failure.to_string()),
        }
    }

    async fn by_words(&self, job: &Job, remote_id: Option<&str>) -> Option<Sighting> {
        if remote_id.is_some() {
            return None;
        }
        // It is ours when its container says so.
        Some(match self.read_back(job).await {
            Sighting::Found(_) => self.one_with_the_words(job).await.map_or_else(Sighting::Unknown, |id| {
                Sighting::Found(Receipt { remote_id: of(&self.user, &id), url: None, note: None })
            }),
            other => other,
        })
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        self.remove(job, remote_id).await.unwrap_or_else(Retraction::StillLive)
    }

    async fn watch(&self, since: DateTime<Utc>) -> Result<Option<watch::Account>, String> {
        self.newest(since).await.map(Some)
    }

    async fn check(&self) -> Health {
        ends::told_or(self.inspect().await.into(), self.ends)
    }
}

#[cfg(test)]
#[path = "instagram_doubt_tests.rs"]
mod doubt_tests;
#[cfg(test)]
#[path = "instagram_server.rs"]
mod server;
#[cfg(test)]
#[path = "instagram_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "instagram_watch_tests.rs"]
mod watch_tests;
#[cfg(test)]
#[path = "instagram_who_tests.rs"]
mod who_tests;
