//! One adapter per network. This crate imports nothing else of Holdline.
//!
//! Reading order: [`gate`] (what every content byte passes), this page (the words that adapters
//! speak), [`http`] (the only HTTP client) over [`address`]
//! (what it may reach), [`text`] (counting), [`scheduler`] (what a network publishes by itself), then one
//! file per adapter.
//! Adding a channel is one file and one line in [`ALL`].

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!(
    "`failpoints` plants faults and kill points: a release build must not have it; build without the feature, or in the profile of the tests"
);

pub mod address;
mod capabilities;
pub mod dated;
mod each;
mod ear;
mod ends;
pub mod gate;
pub mod health;
pub mod hootsuite;
#[cfg(test)]
mod hootsuite_server;
mod html;
mod html_words;
pub mod http;
mod job;
mod keeper;
mod leads;
pub mod ledger;
mod message;
pub mod money;
mod moved_away;
pub mod oauth;
mod oauth_answers;
mod oauth_ends;
pub mod oauth_networks;
#[cfg(test)]
mod oauth_server;
#[cfg(test)]
mod oauth_server_answers;
mod outcome;
pub mod parts;
mod picture_limits;
pub mod place;
mod planner;
mod planner_quota;
#[cfg(test)]
mod planner_trials;
pub mod planted;
pub mod quota;
mod remade;
mod rendition;
pub mod revise;
#[cfg(test)]
mod schedule_trials;
pub mod scheduler;
pub mod shares;
pub mod text;
mod ticks;
pub mod watch;
mod ways;
pub mod wire;

pub mod bluesky;
pub mod buffer;
#[cfg(test)]
mod buffer_server;
pub mod discord;
mod discord_answers;
pub mod discord_bot;
mod discord_post;
mod discord_rights;
#[cfg(test)]
mod discord_server;
mod discord_text;
pub mod email;
pub mod facebook;
pub mod fit;
mod form;
mod frame;
pub mod ghost;
mod graph;
mod graph_api;
#[cfg(test)]
mod graph_server;
pub mod instagram;
mod instagram_text;
mod known;
mod limits;
pub mod linkedin;
mod linkedin_text;
pub mod mailer;
pub mod mastodon;
mod mastodon_count;
mod mastodon_names;
pub mod matrix;
pub mod mixpost;
#[cfg(test)]
mod mixpost_server;
#[cfg(test)]
mod pin_tests;
pub mod postiz;
#[cfg(test)]
mod revise_more_tests;
#[cfg(test)]
mod revise_tests;
pub mod sandbox;
pub mod slack;
mod slack_text;
pub mod sms;
pub mod sms_text;
mod smtp_answers;
mod smtp_stream;
#[cfg(test)]
mod strict;
#[cfg(test)]
mod suite;
pub mod teams;
pub mod telegram;
pub mod threads;
mod threads_count;
pub mod webhook;
pub mod website;
pub mod whatsapp;
pub mod wordpress;
pub mod x;
pub mod x_ads;
mod x_count;
mod x_emoji;
mod x_names;
mod x_punycode;
mod x_urls;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

pub use capabilities::{Capabilities, Pins, ReadBack, Replay};
pub use ear::{Ear, Heard};
pub use frame::{Frame, Framing};
pub use gate::{Closed, Gate, InFlight, Pass};
pub use graph::fetched::{UNREACHED, is_unreached};
pub use health::{Facts, Health};
pub use job::{Job, Other};
pub use keeper::Keeper;
pub(crate) use leads::leads;
pub use limits::Limits;
pub use outcome::{Failure, NO_PINS, NOT_OURS, Pinned, Receipt, Retraction, Retry, Sighting};
pub use picture_limits::PictureLimits;
pub use rendition::{MediaRef, Rendition, hash};
pub use revise::{Pictures, Revised, Revising};
pub use scheduler::Scheduler;
pub use ways::{Fetched, Ways};

/// Every adapter, one line each.
pub static ALL: &[Adapter] = &[
    bluesky::ADAPTER,
    buffer::ADAPTER,
    discord::ADAPTER,
    discord_bot::ADAPTER,
    email::ADAPTER,
    ghost::ADAPTER,
    linkedin::ADAPTER,
    facebook::ADAPTER,
    instagram::ADAPTER,
    mastodon::ADAPTER,
    hootsuite::ADAPTER,
    matrix::ADAPTER,
    mixpost::ADAPTER,
    postiz::ADAPTER,
    sandbox::ADAPTER,
    slack::ADAPTER,
    sms::ADAPTER,
    teams::ADAPTER,
    telegram::ADAPTER,
    threads::ADAPTER,
    webhook::ADAPTER,
    website::ADAPTER,
    whatsapp::ADAPTER,
    wordpress::ADAPTER,
    x::ADAPTER,
    x_ads::ADAPTER,
];

/// The adapter of that name, as stored with a channel.
pub fn adapter(name: &str) -> Option<&'static Adapter> {
    ALL.iter().find(|a| a.name == name)
}

/// What the core knows of a network without talking to it.
pub struct Adapter {
    /// The stored name, for example `bluesky`.
    pub name: &'static str,
    /// The name people read.
    pub title: &'static str,
    pub capabilities: Capabilities,
    pub limits: Limits,
    /// The settings a channel of this adapter needs, for forms and checks.
    pub settings: &'static [Setting],
    /// The fixed words around those of a post. Nothing: a post has no words but its own there.
    pub frame: Option<Framing>,
    /// What it does otherwise than most.
    pub ways: Ways,
    /// Builds the channel from its settings and opened credential.
    ///
    /// Errors are sentences that name the setting and the remedy.
    pub connect: fn(&Connection) -> Result<Box<dyn Channel>, String>,
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adapter").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One setting of a channel.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Setting {
    pub name: &'static str,
    pub help: &'static str,
    pub required: bool,
    /// May hold a secret or addresses of people: only administrators see it, and no log keeps it.
    pub private: bool,
}

impl Adapter {
    /// The settings as everybody may see them. Of a private one there is only where it leads, or how
    /// many addresses it has, and a digest that tells two values apart.
    pub fn shown(&self, settings: &serde_json::Value) -> serde_json::Value {
        let mut shown = settings.clone();
        for setting in self.settings.iter().filter(|s| s.private) {
            if let Some(value) = shown.get_mut(setting.name).filter(|v| !v.is_null()) {
                *value = covered(value).into();
            }
        }
        shown
    }
}

fn covered(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => leads(text),
        other => leads(&other.to_string()),
    }
}

/// What is needed to talk to one account.
#[derive(Clone)]
pub struct Connection {
    /// Plain settings, as the adapter's [`Setting`] list names them.
    pub settings: serde_json::Value,
    /// The opened credential (app password, signing secret, SMTP password), if any.
    pub credential: Option<SecretString>,
    /// The shared HTTP client, with its filter of private addresses.
    pub http: Arc<http::Http>,
    /// Reads the time, for signatures and dates.
    pub clock: Clock,
    /// Where this service is seen from outside, for networks that fetch pictures from it.
    pub public_url: Option<url::Url>,
}

/// Tells the time. The service owns it, so that a simulation can move it.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

impl Connection {
    /// A setting that must be there, as text: a number is written out, a list gets commas.
    ///
    /// # Errors
    /// A sentence that names it.
    pub fn setting(&self, name: &str) -> Result<String, String> {
        let text = match self.settings.get(name) {
            Some(serde_json::Value::String(text)) => text.trim().to_owned(),
            Some(serde_json::Value::Number(number)) => number.to_string(),
            Some(serde_json::Value::Array(list)) => {
                list.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(",")
            }
            _ => String::new(),
        };
        if text.is_empty() { Err(format!("the setting {name} is missing")) } else { Ok(text) }
    }

    /// A setting that must be a web address that the client may ask.
    ///
    /// # Errors
    /// A sentence that names it and does not repeat the value.
    pub fn url(&self, name: &str) -> Result<url::Url, String> {
        self.http.check(&self.setting(name)?).map_err(|why| format!("the setting {name}: {why}"))
    }

    /// As [`Connection::url`], or `other` where the setting is not given.
    ///
    /// # Errors
    /// A sentence that names it and does not repeat the value.
    pub(crate) fn url_or(&self, name: &str, other: &str) -> Result<url::Url, String> {
        if self.setting(name).is_ok() { self.url(name) } else { self.http.check(other) }
    }

    /// The credential of a network whose address is the secret.
    ///
    /// # Errors
    /// `hint`, which names the credential and says what to copy; never a part of the value.
    pub(crate) fn address(&self, hint: &str) -> Result<url::Url, String> {
        let address = self.secret().map_err(|_| hint)?.expose_secret().trim();
        self.http.check(address).map_err(|why| format!("{hint}: {why}"))
    }

    /// The credential that must be there.
    ///
    /// # Errors
    /// A sentence.
    pub fn secret(&self) -> Result<&SecretString, String> {
        self.credential.as_ref().ok_or_else(|| "the credential is missing; add it to the channel".into())
    }
}

/// One connected account.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Publishes. Every request that carries content passes `pass`; the adapter never retries.
    ///
    /// # Errors
    /// [`Failure`] says whether anything can have happened.
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure>;

    /// Looks for the post of `job` on the network.
    async fn read_back(&self, job: &Job) -> Sighting;

    /// Gives the post `of` the words of `job` in its place, and never makes another one. Every request that
    /// carries content passes `pass`. Made twice, it changes nothing. Only where [`Capabilities::revises`] says so.
    ///
    /// # Errors
    /// As [`Channel::publish`]; a post that is gone is a rejection for good ([`revise::GONE`]).
    async fn revise(&self, _job: &Job, _of: &Revised, _pass: &Pass) -> Result<Receipt, Failure> {
        Err(Failure::never(revise::NO_CHANGES))
    }

    /// Whether the post `of` has the words of `job`, by its id.
    async fn read_revised(&self, _job: &Job, _of: &Revised) -> Sighting {
        Sighting::Unknown(revise::NO_CHANGES.to_owned())
    }

    /// Looks for the post of `job` by its words, where a receipt with this `remote_id` (or none) does not say
    /// which one it is, although reading back does not go by words. What is found can be another delivery's:
    /// whoever knows all deliveries looks before it is taken down.
    async fn by_words(&self, _job: &Job, _remote_id: Option<&str>) -> Option<Sighting> {
        None
    }

    /// The account and its newest posts, whoever made them: at least those of `since` or later, by the
    /// network's own clock. Nothing: this network cannot be asked. Only where [`Capabilities::watches`] says so.
    ///
    /// # Errors
    /// A sentence, when it could not be read, or holds too many to look through.
    async fn watch(&self, _since: DateTime<Utc>) -> Result<Option<watch::Account>, String> {
        Ok(None)
    }

    /// Takes the post of `job` down. `remote_id` is that of its receipt; there is none when a person
    /// saw the post. It says [`Retraction::Gone`] only of what it took down, or knows to be gone.
    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction;

    /// The same, and what the network says meanwhile of the recipients of a post that went to each by itself, for its ledger.
    async fn take_down(&self, job: &Job, remote_id: Option<&str>) -> (Retraction, Vec<ledger::Word>) {
        (self.retract(job, remote_id).await, Vec::new())
    }

    /// Keeps the post with that receipt at the top of the account, page or room, or lets it go again. Of a
    /// thread it is the first part. Asked twice, it changes nothing. Only where [`Capabilities::pins`] says so.
    async fn pin(&self, _remote_id: &str, _up: bool) -> Pinned {
        Pinned::Failed(NO_PINS.to_owned())
    }

    /// Asks the network whether a post would be accepted now, without posting.
    async fn check(&self) -> Health;

    /// The limits of this very account, where the last check learned them.
    fn limits(&self) -> Option<Limits> {
        None
    }

    /// What this network publishes by itself at times that were set there, where it does and can be held.
    fn scheduler(&self) -> Option<&dyn Scheduler> {
        None
    }
}
