//! The alarm about posts that nobody here sent: a signal that a person decides about. While one waits, the
//! next posts on the same account change its words; once it was decided, they are another one.

use ::channels::watch::Account;

use super::{App, Result, heard, signals};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::incident::Severity;
use crate::domain::signal::{Heard, SignalState};
use crate::store::Tx;
use crate::store::watches::SeenPost;

/// Who says it, and in whose name.
pub const WATCH: &str = "watch";
/// The plan for an account that others have taken.
const PLAN: &str = "account_taken";
/// Most posts that an alarm quotes.
const QUOTED: usize = 8;

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
    if let Some(s) = &waiting {
        posts.extend(tx.posts_of_signal(&s.id).await?);
    }
    let heard = words(account, key, &posts);
    let (verb, signal) = match waiting {
        Some(known) => {
            let (times, now) = (known.times + 1, app.now());
            let said = heard::worded(known, &heard, times);
            let said = crate::store::signals::Signal { times, last_seen_at: now, logged_at: now, ..said };
            tx.set_signal(&said).await?;
            ("signal.repeated", said)
        }
        None => ("signal.received", tx.insert_signal(&heard::row(app, WATCH, &heard)).await?),
    };
    let id = signal.id.clone();
    entries.push(Entry::new(verb, &format!("signal:{id}")).after(&signals::view(signal)?));
    Ok(id)
}

fn words(account: &Account, key: String, posts: &[SeenPost]) -> Heard {
    let shown = &account.shown;
    let title = match posts.len() {
        1 => format!("a post on {shown} that Holdline did not send"),
        n => format!("{n} posts on {shown} that Holdline did not send"),
    };
    let quote = |p: &SeenPost| {
        let words: String = p.words.chars().take(160).collect();
        format!("“{words}” {}", p.url.as_deref().unwrap_or(&p.remote_id))
    };
    let detail: Vec<String> = posts.iter().take(QUOTED).map(quote).collect();
    Heard {
        source: WATCH.to_owned(),
        thing: key.clone(),
        key,
        title: heard::short(&title),
        detail: Some(heard::short_detail(&detail.join("\n"))),
        url: posts.iter().find_map(|p| p.url.clone()),
        severity: Some(Severity::Critical),
        playbook: Some(PLAN.to_owned()),
        ..Heard::default()
    }
}
