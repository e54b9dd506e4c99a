//! Whose a post is that was seen on an account of ours.
//!
//! Posts are told apart by their ids; those that were there at the first look are known, and nothing of them is ever
//! judged. What is new, the order of the list tells, or the network's clock. A post whose words are those of a
//! delivery that is under way, in doubt, or called published without an id stays open, and is judged again at each
//! look; each part of a delivery excuses one post.

use std::collections::HashSet;

use ::channels::watch::{Account, List, Seen, Told, part_said};
use ::channels::{Rendition, place};
use serde_json::Value;

use super::Result;
use super::restored::Restored;
use crate::clock::Millis;
use crate::store::Tx;
use crate::store::channels::Channel;
use crate::store::watches::{Candidate, Received, SeenPost};

/// How long whatever is under way keeps a new post open, whatever that says. An attempt ends sooner.
const UNDER_WAY: Millis = 3 * 60_000;
/// A post that is new was made by no attempt before this.
const LONG_AGO: Millis = 30 * 24 * 60 * 60_000;

/// What a post is judged by besides its words.
pub(super) struct Times {
    /// Nobody has looked at the account before.
    pub first: bool,
    /// What came since the last look may be ours, or somebody's who was asked to: the database was confirmed
    /// since, or the channel was disabled.
    pub unwatched: bool,
    /// The look before this one saw all that was there.
    pub was_whole: bool,
    /// Posts of before are new only where a list's order says so.
    pub from: Millis,
    pub at: Millis,
}

/// The posts that are new, and those of which more is known now.
pub(super) async fn judge(
    tx: &mut Tx,
    channel: &Channel,
    seen: &Account,
    times: &Times,
) -> Result<Vec<SeenPost>> {
    let all = seen.posts();
    let ids: Vec<&str> = all.iter().map(|p| p.id.as_str()).collect();
    let known = tx.seen_posts(&seen.id, &ids).await?;
    let known_ids: HashSet<&str> = known.iter().map(|p| p.remote_id.as_str()).collect();
    let new = all.iter().filter(|p| !known_ids.contains(p.id.as_str()));
    // A receipt can come later for these.
    let is_asked = |p: &&SeenPost| ["open", "unsure"].contains(&p.state.as_str());
    let mut judged: Vec<SeenPost> = known.iter().filter(is_asked).cloned().collect();
    judged.sort_by_key(|p| p.seen_at);
    judged.extend(new.map(|p| row(channel, seen, p, times.at)));
    if judged.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = judged.iter().flat_map(|p| seen.names(&p.remote_id)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let from = times.from.max(times.at - LONG_AGO);
    // In this order: what is settled meanwhile is no candidate any more, but has its receipt.
    let candidates = tx.candidates(&channel.adapter, from).await?;
    let parts = tx.parts_out(&channel.adapter, from).await?;
    let mut receipts = tx.receipts(&channel.adapter, &ids).await?;
    receipts.extend(tx.put_back(&channel.adapter, times.at - LONG_AGO).await?.into_iter().map(without_kind));
    let mut ours = Ours::new(channel, seen, times, receipts, parts, candidates);
    let mut restored = Restored::read(tx, channel, &ours, times).await?;
    // What is open was new when it was seen.
    let before = known.iter().filter(|p| p.state != "open").map(|p| p.remote_id.as_str()).collect();
    let is_new = |id: &str| seen.lists.iter().any(|list| is_new(list, id, &before, times));
    let old = |p: &SeenPost| p.posted_at.is_some_and(|at| at < times.from);
    let mut state = |p: &SeenPost| match p.state.as_str() {
        _ if ours.made(&p.remote_id) => "ours",
        _ if times.first => "known",
        _ if restored.takes(p) => "ours",
        "unsure" => "unsure",
        // Not open: once it could be judged, it would be called foreign.
        "" if times.unwatched => "unsure",
        _ if ours.may_have_made(p) => "open",
        _ if times.unwatched || old(p) && !is_new(&p.remote_id) => "unsure",
        _ => "foreign",
    };
    let judged = judged.into_iter().filter_map(|p| {
        let state = state(&p);
        (p.state != state).then(|| SeenPost { state: state.to_owned(), ..p })
    });
    Ok(judged.collect())
}

/// Whether the list's order says that the post is new.
fn is_new(list: &List, id: &str, known: &HashSet<&str>, times: &Times) -> bool {
    let is_known = |p: &&Seen| known.contains(p.id.as_str());
    let is_since = |p: &Seen| p.at.is_some_and(|at| at.timestamp_millis() >= times.from);
    let Some(at) = list.posts.iter().position(|p| p.id == id) else { return false };
    match list.told {
        Told::ByTime => false,
        Told::Loosely => list.posts.iter().skip(at + 1).any(|p| is_known(&p) && is_since(p)),
        Told::ByOrder { whole } => {
            let last_known = list.posts.iter().rposition(|p| is_known(&p));
            (whole && times.was_whole) || last_known.is_none_or(|last| at < last)
        }
    }
}

/// A schedule can name a kind before the id (`posts/7`), which a post that is out does not bear.
fn without_kind(mut r: Received) -> Received {
    if let Some((_, id)) = r.remote_id.split_once('/') {
        r.remote_id = id.to_owned();
    }
    r
}

/// A new post, of which nothing is known yet.
fn row(channel: &Channel, seen: &Account, p: &Seen, at: Millis) -> SeenPost {
    SeenPost {
        account: seen.id.clone(),
        remote_id: p.id.clone(),
        channel_id: channel.id.clone(),
        state: String::new(),
        seen_at: at,
        posted_at: p.at.map(|at| at.timestamp_millis()),
        url: p.url.clone(),
        words: p.words.clone(),
        signal_id: None,
    }
}

/// How settings can lead to an account: as these do, or, where it has several numbers, with any of them, whichever server
/// takes that one.
fn ways(settings: &Value, seen: &Account) -> Vec<Value> {
    let by_number = seen.numbers().into_iter().map(|number| serde_json::json!({ "user": number }));
    std::iter::once(settings.clone()).chain(by_number).collect()
}

/// What our deliveries say of posts.
pub(super) struct Ours<'a> {
    account: &'a Account,
    at: Millis,
    /// The settings of a channel to it, once more with each of its other numbers.
    settings: Vec<Value>,
    receipts: Vec<Received>,
    /// What attempts have written down of posts that are out, or about to be.
    parts: Vec<Received>,
    candidates: Vec<(Candidate, Option<Rendition>)>,
    /// Which parts of which candidates have excused a post.
    used: HashSet<(usize, usize)>,
}

impl<'a> Ours<'a> {
    fn new(
        channel: &Channel,
        seen: &'a Account,
        times: &Times,
        receipts: Vec<Received>,
        parts: Vec<Received>,
        candidates: Vec<Candidate>,
    ) -> Self {
        let with_words = candidates.into_iter().map(|c| {
            let words = serde_json::from_str(&c.body).ok();
            (c, words)
        });
        Self {
            account: seen,
            at: times.at,
            settings: ways(&serde_json::from_str(&channel.settings).unwrap_or_default(), seen),
            receipts,
            parts,
            candidates: with_words.collect(),
            used: HashSet::new(),
        }
    }

    pub(super) fn account(&self) -> &str {
        &self.account.id
    }

    /// Whether a channel leads to the account, or may: nobody has looked at it yet.
    pub(super) fn leads_here(&self, account: Option<&str>, settings: &str) -> bool {
        match account.filter(|account| !account.is_empty()) {
            Some(account) => self.account.is(account),
            None => {
                let settings = serde_json::from_str(settings).unwrap_or_default();
                self.settings.iter().any(|own| place::same(own, &settings))
            }
        }
    }

    /// Whether an attempt has written it down: a part of a thread, or a post before its public step.
    fn is_part(&self, id: &str) -> bool {
        let names =
            |handle: &str| handle.split(' ').any(|part| part == id || part.split('@').next() == Some(id));
        let here = |r: &Received| self.leads_here(r.account.as_deref(), &r.settings);
        self.parts.iter().any(|r| names(&r.remote_id) && here(r))
    }

    /// Whether a delivery made it. An id that a receipt names is no other post's where the receipt's channel leads
    /// to the same place, whether or not anybody has looked at that channel.
    pub(super) fn made(&self, id: &str) -> bool {
        let here = |r: &Received| self.leads_here(r.account.as_deref(), &r.settings);
        let names = self.account.names(id);
        self.receipts.iter().any(|r| names.contains(&r.remote_id) && here(r)) || self.is_part(id)
    }

    /// Whether a delivery may have made it whose post nobody knows. Its words excuse no other.
    fn may_have_made(&mut self, p: &SeenPost) -> bool {
        let is_fresh = self.at - p.seen_at < UNDER_WAY;
        let here = |c: &Candidate| self.leads_here(c.account.as_deref(), &c.settings);
        let mut said = self.candidates.iter().enumerate().filter_map(|(n, (c, words))| {
            let part = words.as_ref().and_then(|words| part_said(&p.words, words))?;
            (here(c) && !self.used.contains(&(n, part))).then_some((n, part))
        });
        if let Some(first) = said.next() {
            drop(said);
            self.used.insert(first);
            return true;
        }
        drop(said);
        self.candidates.iter().any(|(c, _)| c.under_way && is_fresh && here(c))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn received(remote_id: &str, account: Option<&str>, settings: &Value) -> Received {
        let account = account.map(str::to_owned);
        Received { remote_id: remote_id.into(), account, settings: settings.to_string() }
    }

    #[test]
    fn a_post_of_a_channel_with_another_number_of_the_account_is_ours() {
        let login = |user: &str| json!({ "user": user, "server": "https://graph.instagram.com" });
        let times = Times { first: false, unwatched: false, was_whole: true, from: 0, at: 1 };
        let seen = |also: &[&str]| Account {
            id: "instagram 1784".into(),
            also: also.iter().map(|id| (*id).to_owned()).collect(),
            shown: "@bank".into(),
            lists: Vec::new(),
            more: false,
        };
        let ours = |also: &[&str], receipt: Received| {
            let (channel, seen) = (Channel::for_tests("instagram", &login("1784")), seen(also));
            Ours::new(&channel, &seen, &times, vec![receipt], Vec::new(), Vec::new()).made("1784:7")
        };
        let also: &[&str] = &["instagram 26"];
        // Looked at or not, on the server of either login.
        for account in [Some("instagram 26"), Some("instagram 1784"), None] {
            assert!(ours(also, received("26:7", account, &login("26"))), "{account:?}");
        }
        assert!(ours(
            also,
            received("1784:7", None, &json!({ "user": "1784", "server": "https://graph.facebook.com" }))
        ));
        assert!(!ours(also, received("26:8", Some("instagram 26"), &login("26"))), "another post");
        assert!(!ours(also, received("26:7", Some("instagram 99"), &login("26"))), "another account");
        assert!(!ours(also, received("99:7", None, &login("99"))));
        assert!(
            !ours(&[], received("26:7", Some("instagram 26"), &login("26"))),
            "nobody said that they are one"
        );
        assert!(ours(&[], received("1784:7", Some("instagram 1784"), &login("1784"))));
    }
}
