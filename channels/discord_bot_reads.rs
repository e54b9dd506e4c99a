//! The bot's own messages in its channel, and which of them has the words.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Bot, Me};
use crate::discord_answers::is_id;
use crate::discord_post::{Message, are};
use crate::http::Answer;
use crate::message::SLACK;
use crate::{Job, Rendition, Sighting};

/// Messages of one page, and most pages of one look.
const PAGE: &str = "100";
const MOST_PAGES: usize = 20;
/// The first millisecond that an id can hold.
const EPOCH: i64 = 1_420_070_400_000;
/// A look does not wait longer than this for its next page; the next look goes on.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// A message that somebody wrote, and one that answers another; further ones are notes of Discord itself.
const WRITTEN: u64 = 0;
const REPLY: u64 = 19;

/// A message of the channel, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Seen {
    #[serde(flatten)]
    pub named: Message,
    author: Author,
    content: String,
    #[serde(rename = "type")]
    kind: u64,
    attachments: Vec<IgnoredAny>,
    /// It is a webhook's, whose author is no account.
    webhook_id: Option<String>,
    message_reference: Option<Reference>,
}

/// What a message answers.
#[derive(Deserialize)]
struct Reference {
    message_id: Option<String>,
}

#[derive(Deserialize)]
struct Author {
    id: String,
}

impl Seen {
    fn is_by(&self, me: &str) -> bool {
        self.webhook_id.is_none() && self.author.id == me && self.named.is_named()
    }

    /// Whether it has these words and as many pictures.
    pub fn says(&self, post: &Rendition) -> bool {
        self.attachments.len() == post.media.len() && are(&self.content, post)
    }

    /// Whether it answers the message of that id.
    pub fn answers(&self, id: &str) -> bool {
        let answered = self.message_reference.as_ref().and_then(|of| of.message_id.as_deref());
        self.kind == REPLY && answered == Some(id)
    }
}

/// The smallest id of a message of that time.
pub(super) fn id_at(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp_millis() - EPOCH).unwrap_or_default() << 22
}

/// The time that an id holds.
pub(super) fn time_of(id: u64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(id >> 22).ok()? + EPOCH)
}

/// How long nothing more is taken, if nothing is: posts go the same way, and a look must not use up their turn.
///
/// Source: Discord `topics/rate-limits`; the time is in seconds, with a fraction.
fn rest(answer: &Answer) -> Option<Duration> {
    answer.header("x-ratelimit-remaining").filter(|left| left.trim() == "0")?;
    let seconds = answer.header("x-ratelimit-reset-after")?.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Waits as long as that is.
pub(super) async fn rests(answer: &Answer) -> Result<(), String> {
    match rest(answer) {
        Some(rest) if rest > LONGEST_REST => Err("Discord asks us to wait".to_owned()),
        Some(rest) => {
            tokio::time::sleep(rest).await;
            Ok(())
        }
        None => Ok(()),
    }
}

impl Bot {
    /// Whom the token stands for.
    pub(super) async fn me(&self) -> Result<Me, String> {
        match self.me.get() {
            Some(me) => Ok(me),
            None => self.ask_me().await,
        }
    }

    pub(super) async fn ask_me(&self) -> Result<Me, String> {
        let me: Me = self.ask(&self.url(&["users", "@me"])).await?;
        if !is_id(&me.id) {
            return Err("Discord does not name the bot".to_owned());
        }
        self.me.keep(Some(me.clone()));
        Ok(me)
    }

    /// Looks for the one post with these words since the first attempt. Of a thread it is the first part.
    pub(super) async fn find(&self, job: &Job) -> Result<Sighting, String> {
        let first = job.rendition.part(0);
        let own = self.own_since(id_at(job.permitted_at - SLACK)).await?;
        let found: Vec<_> = own.iter().filter(|seen| seen.kind == WRITTEN && seen.says(&first)).collect();
        Ok(match found.as_slice() {
            [] => Sighting::Absent,
            [one] => Sighting::Found(Self::receipt(&one.named, self.server_of_channel().await)),
            _ => Sighting::Unknown("the channel has several posts with these words".to_owned()),
        })
    }

    /// The bot's own messages after that one.
    pub(super) async fn own_since(&self, mut after: u64) -> Result<Vec<Seen>, String> {
        let me = self.me().await?.id;
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let mut url = self.url(&["channels", &self.channel, "messages"]);
            url.query_pairs_mut().append_pair("after", &after.to_string()).append_pair("limit", PAGE);
            let answer = self.asked(&url).await?;
            let page: Vec<Seen> = answer.json()?;
            let newest = page.iter().filter_map(|seen| seen.named.id.parse::<u64>().ok()).max();
            found.extend(page.into_iter().filter(|seen| seen.is_by(&me)));
            let Some(newest) = newest.filter(|newest| *newest > after) else { return Ok(found) };
            after = newest;
            rests(&answer).await?;
        }
        Err("the channel has had too many messages since to look through; see there yourself what is out, and settle it by that".to_owned())
    }
}
