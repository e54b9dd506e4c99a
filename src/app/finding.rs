//! Writing down what is on a network's schedule, before anything of it is touched: all that is needed to put it
//! back. What a network keeps as a draft stays there with its content.

use std::collections::HashMap;

use ::channels::dated::{held_until, is_moved_on};
use ::channels::scheduler::{GONE, Listing, Scheduled};
use serde_json::json;

use super::channels::Channel;
use super::looks::STALE;
use super::prolonging;
use super::sweeping::{NO_EFFECT, Swept, UNSEEN, finish, in_force, is_parked};
use super::{App, Result};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::sweep::Stand;
use crate::store::sweeps::Sweep;
use crate::store::{Tx, Unaudited};

const ANEW: &str = "somebody scheduled it anew in the network";
const AGAIN: &str = "a freeze covers it again, so the request to hold it is made once more";
/// Most posts that one change writes down: others want to write, too.
const PORTION: usize = 50;
/// What lies this far after its time was moved by a request of ours.
const MOVED: Millis = 300 * 24 * 3_600_000;
/// The same, where a network moves what is held to a date that is not so far.
const LATER: Millis = 60_000;

/// What is known before something is written down.
struct Known {
    /// What can still change at that place, by its id there.
    live: HashMap<String, Swept>,
    channels: HashMap<String, Channel>,
    /// The last look at each channel.
    looks: HashMap<String, Sweep>,
}

/// Writes down what is on the schedule at that place, the most urgent first.
///
/// # Errors
/// The database's own.
pub(crate) async fn found(app: &App, channel: &str, here: &str, listing: &Listing) -> Result<()> {
    let Some(c) = app.store().channel(channel).await? else { return Ok(()) };
    let live = app.store().swept_live().await?.into_iter().filter(|r| r.place == here);
    let known = Known {
        live: live.map(|r| (r.remote_id.clone(), r)).collect(),
        channels: app.store().channels().await?.into_iter().map(|c| (c.id.clone(), c)).collect(),
        looks: app.store().sweeps().await?.into_iter().map(|s| (s.channel_id.clone(), s)).collect(),
    };
    let is_news =
        |post: &&Scheduled| known.live.get(&post.remote_id).is_none_or(|row| !is_older(listing, row));
    let mut posts: Vec<_> = listing.items.iter().filter(is_news).collect();
    posts.sort_by_key(|post| post.due);
    for portion in posts.chunks(PORTION) {
        if !write(app, &c, here, portion, &known).await? {
            break;
        }
    }
    Ok(())
}

/// Whether a list was read before a post was held: what it shows of that was so before.
fn is_older(listing: &Listing, row: &Swept) -> bool {
    let held = row.state == Stand::Held.word();
    held && listing.read_at.is_some_and(|at| at.timestamp_millis() < row.changed_at)
}

/// Writes some of them down; whether a freeze still covers them.
async fn write(app: &App, c: &Channel, here: &str, posts: &[&Scheduled], all: &Known) -> Result<bool> {
    let mut tx = app.store().begin_guarded().await?;
    let Some(freeze) = in_force(&mut tx, c).await? else {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(false);
    };
    let mut entries = Vec::new();
    for post in posts {
        let new = row(app, c, &freeze.id, here, post);
        let Some(row) = all.live.get(&post.remote_id) else {
            if tx.insert_swept(&new).await? {
                entries.push(entry(&new, "sweep.found"));
            }
            continue;
        };
        let takes = row.channel_id != c.id && takes_over(app, &mut tx, row, all).await?;
        let Some(changed) = seen_again(row, &new, takes) else { continue };
        // Two channels that cannot hold it take it in turns: the log has that once.
        let told = changed.state != Stand::CouldNot.word() || changed.reason != row.reason;
        if tx.update_swept(row, &changed).await? && told {
            let held = changed.state == Stand::Held.word();
            let seen = if held { "sweep.held" } else { "sweep.could_not" };
            entries.push(entry(&changed, if row.channel_id == c.id { seen } else { "sweep.passed" }));
        }
    }
    finish(app, tx, entries).await?;
    Ok(true)
}

/// An entry about what was seen: `verb`, unless it is found anew.
fn entry(row: &Swept, verb: &str) -> Entry {
    let verb = if row.state == Stand::Found.word() { "sweep.found" } else { verb };
    let snapshot = ::channels::hash(row.snapshot.as_bytes());
    let entry = Entry::new(verb, &format!("swept:{}", row.id)).after(&json!({
        "state": row.state, "channel": row.channel_id, "freeze": row.freeze_id, "remote_id": row.remote_id,
        "due": rfc3339(row.due_at), "words": row.words, "snapshot_sha256": snapshot,
    }));
    row.reason.iter().fold(entry, |entry, why| entry.note(why))
}

fn row(app: &App, c: &Channel, freeze: &str, here: &str, post: &Scheduled) -> Swept {
    let now = app.now();
    Swept {
        id: app.id(),
        channel_id: c.id.clone(),
        freeze_id: freeze.to_owned(),
        place: here.to_owned(),
        remote_id: post.remote_id.clone(),
        due_at: post.due.timestamp_millis(),
        words: post.words.replace('\0', ""),
        snapshot: post.snapshot.to_string(),
        mark: post.mark.clone(),
        kept_mark: None,
        state: Stand::Found.word().to_owned(),
        reason: None,
        in_hand_until: 0,
        tries: 0,
        asked_at: None,
        restore_at: None,
        new_id: None,
        found_at: now,
        changed_at: now,
    }
}

/// Whether a post passes from the channel that has it to another one of the same account: its own can do
/// nothing for it, could not, or fails, or no freeze covers it there; and it is in nobody's hand.
async fn takes_over(app: &App, tx: &mut Tx, row: &Swept, all: &Known) -> Result<bool> {
    let Some(own) = all.channels.get(&row.channel_id) else { return Ok(false) };
    let waits = ["found", "could_not"].contains(&row.state.as_str());
    let rests = row.in_hand_until > app.now();
    if own.disabled_at.is_some() || (waits && in_force(tx, own).await?.is_none()) {
        return Ok(waits || !rests);
    }
    let unknown = row.state == Stand::Held.word() && row.kept_mark.as_deref() == Some(GONE);
    let failed = waits || unknown || row.state == Stand::Holding.word();
    let fails = row.state == Stand::CouldNot.word()
        || all.looks.get(&own.id).is_none_or(|look| is_broken(look, app.now()));
    Ok(failed && fails && !rests)
}

/// Whether a channel does nothing for what is scheduled: its last look failed, or was some time ago.
fn is_broken(look: &Sweep, now: Millis) -> bool {
    look.error.is_some() || look.seen_at.max(Some(look.begun_at)) < Some(now - STALE)
}

/// What a post that is on the schedule makes of its row; nothing: it is known. Of what another channel of the
/// account has, only what passes over is changed.
fn seen_again(row: &Swept, new: &Swept, takes: bool) -> Option<Swept> {
    if row.channel_id != new.channel_id && !takes {
        return None;
    }
    let changed = |reason: Option<&str>| Swept {
        id: row.id.clone(),
        found_at: row.found_at,
        asked_at: row.asked_at,
        reason: reason.map(str::to_owned),
        ..new.clone()
    };
    let (channel_id, freeze_id) = (new.channel_id.clone(), new.freeze_id.clone());
    let passed = Swept { channel_id, freeze_id, ..row.clone() };
    let is_unknown = row.kept_mark.as_deref() == Some(GONE);
    let is_moved = new.due_at - row.due_at > MOVED
        || (held_until(&new.mark).is_some() && new.due_at - row.due_at > LATER);
    match Stand::parse(&row.state).ok()? {
        // It is being published, or is out: another look tells.
        Stand::Held if is_unknown && is_moved && new.due_at <= new.changed_at => None,
        // The request to hold it had moved it, and nobody saw that.
        Stand::Held if is_unknown && is_moved => {
            let (kept_mark, reason) = (Some(new.mark.clone()), Some(UNSEEN.to_owned()));
            Some(Swept { kept_mark, reason, ..passed })
        }
        Stand::Held if is_unknown => Some(changed(Some(NO_EFFECT))),
        Stand::Held if prolonging::is_moved_on(row, &new.mark) => {
            Some(prolonging::moved_on(&passed, &new.mark, new.changed_at))
        }
        // Moved by us, it is still on the schedule: far away.
        Stand::Held if prolonging::kept_mark(row).as_ref() != Some(&new.mark) => Some(changed(Some(ANEW))),
        // The same, and nobody has given up yet.
        Stand::CouldNot if row.asked_at.is_some() && is_moved_on(&row.mark, &new.mark) => {
            let (kept_mark, reason) = (Some(new.mark.clone()), Some(UNSEEN.to_owned()));
            let held = Swept { kept_mark, reason, in_hand_until: 0, changed_at: new.changed_at, ..passed };
            Some(Swept { state: Stand::Held.word().to_owned(), ..held })
        }
        // It was to be left; now it is held, though a request for it may still arrive.
        Stand::Holding if is_parked(row) => {
            let state = Stand::CouldNot.word().to_owned();
            Some(Swept { state, tries: row.tries, ..changed(Some(AGAIN)) })
        }
        Stand::Found | Stand::CouldNot if row.mark != new.mark => Some(changed(row.reason.as_deref())),
        // How often it was tried by then counts on.
        _ if takes => Some(Swept { in_hand_until: 0, ..passed }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::sweeping::{ARRIVES, IN_HAND};
    use crate::clock::date_time;

    fn swept(channel: &str, state: Stand) -> Swept {
        Swept {
            id: "1".into(),
            channel_id: channel.into(),
            freeze_id: "f".into(),
            place: "https://social.example 1".into(),
            remote_id: "9".into(),
            due_at: 5,
            words: "Sale".into(),
            snapshot: "{}".into(),
            mark: "m".into(),
            kept_mark: Some("k".into()),
            state: state.word().into(),
            reason: None,
            in_hand_until: 0,
            tries: 3,
            asked_at: Some(4),
            restore_at: None,
            new_id: None,
            found_at: 1,
            changed_at: 2,
        }
    }

    #[test]
    fn a_post_passes_to_another_channel_of_its_account_only_when_its_own_can_do_nothing() {
        let new = Swept { kept_mark: None, ..swept("new", Stand::Found) };
        for state in [Stand::Found, Stand::CouldNot, Stand::Held, Stand::Holding, Stand::Dropping] {
            let row = swept("old", state);
            assert!(seen_again(&row, &new, false).is_none(), "{state:?}");
            let passed = seen_again(&row, &new, true).unwrap();
            assert_eq!(
                (passed.channel_id.as_str(), passed.id.as_str(), passed.asked_at),
                ("new", "1", Some(4))
            );
        }
        let moved = Swept { mark: "k".into(), ..new.clone() };
        assert!(seen_again(&swept("new", Stand::Held), &moved, false).is_none(), "as we left it");
        let kept = seen_again(&swept("old", Stand::Held), &moved, true).unwrap();
        assert_eq!((kept.state.as_str(), kept.kept_mark.as_deref()), ("held", Some("k")));
        assert!(seen_again(&swept("new", Stand::Found), &new, false).is_none());
    }

    #[test]
    fn what_was_moved_on_by_a_request_whose_answer_is_lost_stays_held() {
        let kept = |at: i64, words: &str| Some(format!("until {at} {words}"));
        let reason = Some("it is held".to_owned());
        let row = Swept { kept_mark: kept(900, "a"), asked_at: Some(9), reason, ..swept("c", Stand::Held) };
        let listed = |at: i64, words: &str| Swept {
            mark: kept(at, words).unwrap(),
            due_at: at * 1_000,
            kept_mark: None,
            changed_at: 9,
            ..swept("c", Stand::Found)
        };
        assert!(seen_again(&row, &listed(900, "a"), false).is_none(), "as the hold left it");
        let on = seen_again(&row, &listed(960, "a"), false).unwrap();
        assert_eq!((on.state.as_str(), on.kept_mark, on.due_at), ("held", kept(960, "a"), 5));
        assert!(on.asked_at <= Some(on.changed_at), "a person can decide");
        for other in [listed(800, "a"), listed(960, "b"), listed(900, "b")] {
            assert_eq!(seen_again(&row, &other, false).unwrap().state, "found", "{}", other.mark);
        }
        // Of a request to hold it nobody saw what it did.
        let tried = Swept { mark: kept(900, "a").unwrap(), ..swept("c", Stand::CouldNot) };
        let shown = seen_again(&tried, &listed(960, "a"), false).unwrap();
        assert_eq!((shown.state.as_str(), shown.kept_mark, shown.due_at), ("held", kept(960, "a"), 5));
        let untouched = Swept { asked_at: None, ..tried };
        assert_eq!(
            seen_again(&untouched, &listed(960, "a"), false).unwrap().due_at,
            960_000,
            "moved by somebody"
        );
        let unknown = Swept { kept_mark: Some(GONE.into()), ..row };
        let moved = seen_again(&unknown, &listed(960, "a"), false).unwrap();
        assert_eq!((moved.state.as_str(), moved.kept_mark, moved.due_at), ("held", kept(960, "a"), 5));
        let over = Swept { changed_at: 960_000, ..listed(960, "a") };
        assert!(seen_again(&unknown, &over, false).is_none(), "its date is over: it is not called held");
        assert_eq!(
            seen_again(&unknown, &Swept { due_at: 5, ..listed(960, "a") }, false).unwrap().state,
            "found"
        );
    }

    #[test]
    fn a_hold_from_before_marks_told_who_sees_a_post_is_as_it_was_left() {
        let post = serde_json::json!({ "text": "Sale" });
        let of = |of: serde_json::Value| format!("until 900 {}", ::channels::hash(of.to_string().as_bytes()));
        let snapshot =
            serde_json::json!({ "post": post, "besides": { "targeting": { "countries": ["CH"] } } });
        let row = Swept {
            kept_mark: Some(of(serde_json::json!([post, []]))),
            snapshot: snapshot.to_string(),
            ..swept("c", Stand::Held)
        };
        let listed = |countries: &str| Swept {
            mark: of(serde_json::json!([post, [], [null, { "countries": [countries] }, null]])),
            due_at: 900_000,
            kept_mark: None,
            ..swept("c", Stand::Found)
        };
        assert!(seen_again(&row, &listed("CH"), false).is_none());
        assert_eq!(seen_again(&row, &listed("DE"), false).unwrap().state, "found", "others would see it");
    }

    #[test]
    fn what_was_to_be_left_and_is_on_the_schedule_is_held_when_a_freeze_covers_it_again() {
        let new = Swept { freeze_id: "g".into(), kept_mark: None, ..swept("new", Stand::Found) };
        let reason = Some(ARRIVES.to_owned());
        let parked = Swept { reason, in_hand_until: 4 + IN_HAND, ..swept("new", Stand::Holding) };
        let again = seen_again(&parked, &new, false).unwrap();
        let stands = (again.state.as_str(), again.in_hand_until, again.freeze_id.as_str());
        assert_eq!(stands, ("could_not", 0, "g"));
        assert_eq!((again.asked_at, again.tries), (Some(4), 3), "the request for it may still arrive");
        let in_hand = Swept { in_hand_until: 4 + 2 * IN_HAND, ..parked.clone() };
        assert!(seen_again(&in_hand, &new, false).is_none(), "somebody reads it");
        let asked = Swept { reason: None, ..parked };
        assert!(seen_again(&asked, &new, false).is_none(), "the request has just left");
        // A list that was read before the hold says nothing about it.
        let list = |ms| Listing { read_at: Some(date_time(ms)), ..Listing::default() };
        let held = swept("new", Stand::Held);
        assert!(
            is_older(&list(1), &held) && !is_older(&list(2), &held) && !is_older(&Listing::default(), &held)
        );
        assert!(!is_older(&list(1), &swept("new", Stand::CouldNot)));
        // What an earlier freeze had moved is shown under this one.
        let unknown = Swept { kept_mark: Some(GONE.into()), ..swept("new", Stand::Held) };
        let moved = Swept { due_at: 5 + MOVED + 1, ..new };
        assert_eq!(seen_again(&unknown, &moved, false).unwrap().freeze_id, "g");
    }
}
