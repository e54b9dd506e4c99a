//! Posts that people had planned inside a network, and that Holdline put back there after a freeze, once they are out.
//!
//! Most networks keep the id of a post that they publish by themselves. On Mastodon what comes of a scheduled post has
//! another one, which nobody is told (<https://docs.joinmastodon.org/methods/scheduled_statuses/>). So it is known by its
//! words and by its time, and each that was put back excuses one post.

use std::collections::HashSet;

use ::channels::Rendition;
use ::channels::watch::{FOLLOWERS_ONLY, part_said};
use serde_json::Value;

use super::Result;
use super::foreign::{Ours, Times};
use crate::clock::Millis;
use crate::store::Tx;
use crate::store::channels::Channel;
use crate::store::watches::SeenPost;

/// How much earlier and later than its time such a post can come out: clocks differ, and a busy server is late.
const EARLY: Millis = 10 * 60_000;
const LATE: Millis = 60 * 60_000;

/// One that was put back.
struct Planned {
    at: Millis,
    words: Rendition,
    /// Only followers see it.
    is_private: bool,
}

/// Those that may have come out on an account.
#[derive(Default)]
pub(super) struct Restored {
    planned: Vec<Planned>,
    /// Which of them have come out.
    used: HashSet<usize>,
}

impl Restored {
    pub async fn read(tx: &mut Tx, channel: &Channel, ours: &Ours<'_>, times: &Times) -> Result<Self> {
        if channel.adapter != "mastodon" {
            return Ok(Self::default());
        }
        let rows = tx.restored(&channel.adapter, times.from - LATE, times.at + EARLY).await?;
        let here = rows.iter().filter(|row| ours.leads_here(row.account.as_deref(), &row.settings));
        let planned: Vec<Planned> = here.map(|row| planned(row.restore_at, &row.snapshot)).collect();
        let mut this = Self { planned, used: HashSet::new() };
        let Some(first) = this.planned.first().map(|planned| planned.at - EARLY) else { return Ok(this) };
        // Each has excused what was seen of it before.
        for post in tx.seen_ours(ours.account(), first).await? {
            if !ours.made(&post.remote_id) {
                this.takes(&post);
            }
        }
        Ok(this)
    }

    /// Whether the post is one of them. That one excuses no other.
    pub fn takes(&mut self, post: &SeenPost) -> bool {
        let at = post.posted_at.unwrap_or(post.seen_at);
        let is_it = |(n, planned): &(usize, &Planned)| {
            let is_then = (planned.at - EARLY..=planned.at + LATE).contains(&at);
            let says = part_said(&post.words, &planned.words).is_some()
                || planned.is_private && post.words == FOLLOWERS_ONLY;
            is_then && says && !self.used.contains(n)
        };
        let found = self.planned.iter().enumerate().find(is_it).map(|(n, _)| n);
        found.is_some_and(|n| self.used.insert(n))
    }
}

fn planned(at: Millis, snapshot: &str) -> Planned {
    let post = serde_json::from_str::<Value>(snapshot).unwrap_or_default()["post"].take();
    let text = |name: &str| post[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let words = Rendition {
        title: text("spoiler_text"),
        text: text("text").unwrap_or_default(),
        more: Vec::new(),
        language: String::new(),
        media: Vec::new(),
    };
    Planned { at, words, is_private: post["visibility"] == "private" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(words: &str, at: Option<Millis>) -> SeenPost {
        SeenPost {
            account: "a".into(),
            remote_id: "1".into(),
            channel_id: "c".into(),
            state: String::new(),
            seen_at: 9 * LATE,
            posted_at: at,
            url: None,
            words: words.into(),
            signal_id: None,
        }
    }

    #[test]
    fn what_was_put_back_excuses_one_post_with_its_words_at_its_time() {
        let due = 8 * LATE;
        let snapshot = r#"{"post":{"text":"Sale & more: https://bank.example/a","spoiler_text":"Offer","visibility":"public"}}"#;
        let new = || Restored { planned: vec![planned(due, snapshot)], used: HashSet::new() };
        let words = "Offer Sale & more: bank.example/a";
        for (words, at, is_it) in [
            (words, Some(due), true),
            (words, None, true),
            (words, Some(due - EARLY), true),
            (words, Some(due + LATE), true),
            (words, Some(due - EARLY - 1), false),
            (words, Some(due + LATE + 1), false),
            ("Offer Sale & more: bank.example/b", Some(due), false),
            (FOLLOWERS_ONLY, Some(due), false),
            ("", Some(due), false),
        ] {
            assert_eq!(new().takes(&seen(words, at)), is_it, "{words} {at:?}");
        }
        let mut once = new();
        assert!(once.takes(&seen(words, Some(due))) && !once.takes(&seen(words, Some(due))));
        let private = planned(due, r#"{"post":{"text":"For you","visibility":"private"}}"#);
        let mut private = Restored { planned: vec![private], used: HashSet::new() };
        assert!(private.takes(&seen(FOLLOWERS_ONLY, Some(due))));
        // Without words nothing is known.
        let mut empty = Restored { planned: vec![planned(due, "{}")], used: HashSet::new() };
        assert!(!empty.takes(&seen("Send your coins to us", Some(due))));
    }
}
