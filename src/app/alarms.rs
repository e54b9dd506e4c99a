//! The alarm about posts that nobody here sent: a signal that a person decides about. While one waits, the
//! next posts on the same account change its words; once it was decided, they are another one.

use ::channels::watch::Account;

use super::watch_turns::MORE;
use super::{App, Result, heard, signals};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::incident::Severity;
use crate::domain::signal::{Heard, SignalState};
use crate::store::Tx;
use crate::store::channels::Channel;
use crate::store::signals::Signal;
use crate::store::watches::{SeenPost, Watch};

/// Who says it, and in whose name.
pub const WATCH: &str = "watch";
/// The plan for an account that others have taken.
const PLAN: &str = "account_taken";
/// How often at most it is said that a look did not see all: others, who have no rights here, write much.
const SELDOM: Millis = 60 * 60_000;
/// Most posts that an alarm quotes.
const QUOTED: i64 = 8;

/// Raises the alarm, or adds the posts to the one that waits; its id. No place is kept from it: what nobody
/// sent is never left because others have said much.
///
/// # Errors
/// The database's own.
pub(super) async fn raise(
    app: &App,
    tx: &mut Tx,
    account: &Account,
    new: &[&SeenPost],
    entries: &mut Vec<Entry>,
) -> Result<String> {
    let key = heard::key(&account.id);
    let known = tx.newest_signal(WATCH, WATCH, &key).await?;
    let waiting = known.filter(|s| s.state == SignalState::Waiting.word());
    let mut posts: Vec<SeenPost> = new.iter().map(|p| (*p).clone()).collect();
    let mut count = new.len();
    if let Some(s) = &waiting {
        let (before, of) = tx.posts_of_signal(&s.id, QUOTED).await?;
        posts.extend(before);
        count += usize::try_from(of).unwrap_or_default();
    }
    let heard = words(account, key, &posts, count);
    say(app, tx, waiting, &heard, entries).await
}

/// Says it once more in the signal that waits, or in a new one; its id.
async fn say(
    app: &App,
    tx: &mut Tx,
    waiting: Option<Signal>,
    heard: &Heard,
    entries: &mut Vec<Entry>,
) -> Result<String> {
    let (verb, signal) = match waiting {
        Some(known) => {
            let (times, now) = (known.times + 1, app.now());
            let said = heard::worded(known, heard, times);
            let said = Signal { times, last_seen_at: now, logged_at: now, ..said };
            tx.set_signal(&said).await?;
            ("signal.repeated", said)
        }
        None => ("signal.received", tx.insert_signal(&heard::row(app, WATCH, heard)).await?),
    };
    let id = signal.id.clone();
    entries.push(Entry::new(verb, &format!("signal:{id}")).after(&signals::view(signal)?));
    Ok(id)
}

/// Says that a look did not see all that is new, at most once an hour. The next look does not go back so far, so what it
/// missed waits for a person.
///
/// # Errors
/// The database's own.
pub(super) async fn raise_missed(
    app: &App,
    tx: &mut Tx,
    channel: &Channel,
    seen: &Account,
    entries: &mut Vec<Entry>,
) -> Result<()> {
    let key = heard::key(&["missed:", &channel.id].concat());
    let known = tx.newest_signal(WATCH, WATCH, &key).await?;
    if known.as_ref().is_some_and(|s| app.now() - s.last_seen_at < SELDOM) {
        return Ok(());
    }
    entries.push(Entry::new("watch.misses", &format!("channel:{}", channel.id)).note(MORE));
    let title = format!("not all that was written on {} could be looked through", channel.name);
    let detail = format!(
        "Look there yourself for what Holdline did not send: more was written between two looks at {} than one \
         can read, last at {}",
        seen.shown,
        rfc3339(app.now())
    );
    let heard = Heard { severity: Some(Severity::Minor), ..said_of(key, &title, &detail) };
    let waiting = known.filter(|s| s.state == SignalState::Waiting.word());
    say(app, tx, waiting, &heard, entries).await.map(drop)
}

/// What the watch says of the thing of that key.
fn said_of(key: String, title: &str, detail: &str) -> Heard {
    Heard {
        source: WATCH.to_owned(),
        thing: key.clone(),
        key,
        title: heard::short(title),
        detail: Some(heard::short_detail(detail)),
        ..Heard::default()
    }
}

/// Says a thing once in these words: while it waits, a worse word takes the place of the one before.
///
/// # Errors
/// The database's own.
pub(super) async fn say_once(app: &App, tx: &mut Tx, heard: &Heard, entries: &mut Vec<Entry>) -> Result<()> {
    let known = tx.newest_signal(WATCH, WATCH, &heard.key).await?;
    if known.as_ref().is_some_and(|s| s.title == heard.title) {
        return Ok(());
    }
    let waiting = known.filter(|s| s.state == SignalState::Waiting.word());
    say(app, tx, waiting, heard, entries).await.map(drop)
}

fn words(account: &Account, key: String, posts: &[SeenPost], count: usize) -> Heard {
    let shown = &account.shown;
    let title = match count {
        1 => format!("a post on {shown} that Holdline did not send"),
        n => format!("{n} posts on {shown} that Holdline did not send"),
    };
    let quote = |p: &SeenPost| {
        let words: String = p.words.chars().take(160).collect();
        format!("“{words}” {}", p.url.as_deref().unwrap_or(&p.remote_id))
    };
    let quoted = posts.iter().map(quote).take(usize::try_from(QUOTED).unwrap_or_default());
    let more = account.more.then(|| "There are more than could be looked through.".to_owned());
    let detail: Vec<String> = more.into_iter().chain(quoted).collect();
    Heard {
        url: posts.iter().find_map(|p| p.url.clone()),
        severity: Some(Severity::Critical),
        playbook: Some(PLAN.to_owned()),
        ..said_of(key, &title, &detail.join("\n"))
    }
}

/// Raises the alarm that a channel whose settings nobody changed leads to another account: its site or its
/// name was turned to somebody else's.
///
/// # Errors
/// The database's own.
pub(super) async fn raise_other(
    app: &App,
    tx: &mut Tx,
    before: &Watch,
    now: &Account,
    channel: &str,
    entries: &mut Vec<Entry>,
) -> Result<()> {
    let title = format!("the account behind {channel} is another one");
    let detail = format!("It was {}, and now it is {} ({}).", before.shown, now.shown, now.id);
    let key = heard::key(&["other:", &now.id].concat());
    let heard = Heard {
        severity: Some(Severity::Critical),
        playbook: Some(PLAN.to_owned()),
        ..said_of(key, &title, &detail)
    };
    receive(app, tx, &heard, entries).await
}

fn blind(channel: &str) -> String {
    ["blind:", channel].concat()
}

/// Raises the alarm that an account which was looked at cannot be any more, once for each time: whoever takes
/// an account changes its password.
///
/// # Errors
/// The database's own.
pub(super) async fn raise_blind(
    app: &App,
    tx: &mut Tx,
    watch: &Watch,
    channel: &str,
    entries: &mut Vec<Entry>,
) -> Result<()> {
    let (key, since) = (blind(&watch.channel_id), watch.troubled_at.unwrap_or_default());
    let known = tx.newest_signal(WATCH, WATCH, &key).await?;
    if known.is_some_and(|s| s.first_seen_at >= since) {
        return Ok(());
    }
    let title = format!("nobody can see what is posted on {channel} since {}", rfc3339(since));
    let detail = format!(
        "See whether you can still log in there: who takes an account shuts others out. The look at {} ended \
         with: {}",
        watch.shown,
        watch.trouble.as_deref().unwrap_or_default()
    );
    let heard = Heard {
        severity: Some(Severity::Major),
        playbook: Some(PLAN.to_owned()),
        ..said_of(key, &title, &detail)
    };
    receive(app, tx, &heard, entries).await
}

/// It can be looked at again: its alarm ends by itself.
///
/// # Errors
/// The database's own.
pub(super) async fn end_blind(app: &App, tx: &mut Tx, channel: &str, entries: &mut Vec<Entry>) -> Result<()> {
    end(app, tx, &blind(channel), entries).await
}

/// Writes down what the watch says for the first time.
pub(super) async fn receive(app: &App, tx: &mut Tx, heard: &Heard, entries: &mut Vec<Entry>) -> Result<()> {
    let signal = tx.insert_signal(&heard::row(app, WATCH, heard)).await?;
    let subject = format!("signal:{}", signal.id);
    entries.push(Entry::new("signal.received", &subject).after(&signals::view(signal)?));
    Ok(())
}

/// Ends what the watch said under that key, if it still stands.
pub(super) async fn end(app: &App, tx: &mut Tx, key: &str, entries: &mut Vec<Entry>) -> Result<()> {
    let known = tx.newest_signal(WATCH, WATCH, key).await?;
    let Some(signal) = known.filter(|s| s.ended_at.is_none()) else { return Ok(()) };
    tx.end_signal(&signal.id, app.now()).await?;
    if let Some(ended) = tx.signal(&signal.id).await? {
        let subject = format!("signal:{}", signal.id);
        entries.push(Entry::new("signal.ended", &subject).after(&signals::view(ended)?));
    }
    Ok(())
}
