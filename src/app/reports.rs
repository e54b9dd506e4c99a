//! A network's later word on messages: what it calls with by itself goes into the ledger of the delivery.
//!
//! Anybody can call. So nothing is read of a call before its signature is right, and whoever's is not learns nothing, also not
//! which channels there are. A word changes nothing but the ledger: who has it, and who never will. Nothing is sent because of
//! it. A doubt of which it leaves nothing open is read back at once, and is settled as by any other look.

use std::collections::BTreeMap;

use ::channels::ledger::{self, Named, Word};
use ::channels::sms::reports as sms;
use ::channels::whatsapp::reports as whatsapp;
use secrecy::SecretString;
use serde_json::Value;

use super::channels::Channel;
use super::hub::Topic;
use super::{Actor, App, AppError, Result, credentials, handles, lacking};
use crate::domain::Word as _;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::store::deliveries::Delivery;
use crate::store::{Tx, Unaudited};

const UNSIGNED: &str = "this is signed by no network that reports to this channel; nothing was read of it";
/// Deliveries of one look at what waits.
const TOGETHER: i64 = 100;

fn unsigned() -> AppError {
    AppError::Forbidden(UNSIGNED.into())
}

/// The channel of that adapter, if it is one.
async fn of(app: &App, channel: &str, adapter: &str) -> Result<Channel> {
    let row = app.store().channel(channel).await?.filter(|row| row.adapter == adapter);
    row.ok_or_else(unsigned)
}

/// What Meta proves itself with on a channel; nothing: nobody has typed it, or it cannot be opened here.
fn meta_keys(app: &App, row: &Channel) -> Option<whatsapp::Keys> {
    whatsapp::keys(&opened(app, row)?)
}

/// Whether whoever asks has the verify token of that channel for WhatsApp: Meta asks before its first call.
///
/// # Errors
/// When it does not.
pub async fn confirm_whatsapp(app: &App, channel: &str, token: &str) -> Result<()> {
    let row = of(app, channel, "whatsapp").await?;
    meta_keys(app, &row).filter(|keys| keys.confirms(token)).map(drop).ok_or_else(unsigned)
}

/// Takes a call of Meta's. What it says of messages of other numbers, and of none of ours, changes nothing and is told to nobody.
///
/// # Errors
/// When it is not signed by the app secret of that channel for WhatsApp.
pub async fn receive_whatsapp(app: &App, channel: &str, signature: &str, body: &[u8]) -> Result<()> {
    let row = of(app, channel, "whatsapp").await?;
    let keys = meta_keys(app, &row).filter(|keys| keys.signed(signature, body)).ok_or_else(unsigned)?;
    let mut told = BTreeMap::<String, Vec<whatsapp::Told>>::new();
    for one in whatsapp::read(body) {
        told.entry(one.word.of.delivery.to_string()).or_default().push(one);
    }
    for (delivery, told) in told {
        let Some(d) = app.store().delivery(&delivery).await? else { continue };
        // Meta calls one address for all numbers of an app.
        let own = if d.channel_id == row.id {
            Some(row.clone())
        } else {
            app.store().channel(&d.channel_id).await?
        };
        let is_of_app =
            |own: &Channel| own.id == row.id || meta_keys(app, own).is_some_and(|others| keys.is_of(&others));
        let Some(own) = own.filter(|own| own.adapter == "whatsapp" && is_of_app(own)) else { continue };
        let number = setting(&own, "number");
        let words = told.into_iter().filter(|told| told.number == number).map(|told| told.word);
        note(app, &delivery, &words.collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// Takes a call of Twilio's about the message of that name.
///
/// # Errors
/// When it is not signed by the token of the account whose message that is.
pub async fn receive_sms(app: &App, message: &str, signature: &str, body: &[u8]) -> Result<()> {
    let named = Named::read(message).ok_or_else(unsigned)?;
    let delivery = named.delivery.to_string();
    let d = app.store().delivery(&delivery).await?.ok_or_else(unsigned)?;
    let row = of(app, &d.channel_id, "sms").await?;
    let account = setting(&row, "account");
    let key =
        opened(app, &row).and_then(|credential| sms::key(&account, &credential)).ok_or_else(unsigned)?;
    let form = sms::form(body);
    if !sms::signed(&key, signature, &sms::address(app.public_url(), &named), &form) {
        return Err(unsigned());
    }
    match sms::read(&account, named, &form) {
        Some(word) => note(app, &delivery, &[word]).await,
        None => Ok(()),
    }
}

/// The credential of a channel; nothing: it has none, or it cannot be opened here.
fn opened(app: &App, row: &Channel) -> Option<SecretString> {
    credentials::open(app, &row.id, row.credential.as_deref()?).ok()
}

/// A setting as text.
fn setting(row: &Channel, name: &str) -> String {
    let settings: Value = serde_json::from_str(&row.settings).unwrap_or_default();
    match &settings[name] {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// What came before its attempt had ended goes into the ledgers now.
///
/// # Errors
/// The database's own.
pub async fn apply_waiting(app: &App) -> Result<()> {
    for delivery in app.store().reported(TOGETHER).await? {
        // One that cannot be written down keeps no other back.
        if let Err(e) = note(app, &delivery, &[]).await {
            tracing::error!(delivery, error = %e, "what a network reported cannot be written down; trying again");
        }
    }
    Ok(())
}

/// The same for one delivery, before a person judges it.
///
/// # Errors
/// The database's own.
pub(super) async fn apply_to(app: &App, delivery: &str) -> Result<()> {
    note(app, delivery, &[]).await
}

/// Writes words into the ledger of their delivery, after those that waited. An attempt that is under way has the ledger in its
/// hands, and writes it down as it knows it: until it has ended they are put aside.
async fn note(app: &App, delivery: &str, words: &[Word]) -> Result<()> {
    let mut tx = app.store().begin().await?;
    let last = tx.last_attempt(delivery).await?;
    let d = tx.delivery(delivery).await?;
    // One that has begun before the delivery was locked is another.
    let newest = tx.last_attempt(delivery).await?;
    let (Some(d), Some(newest)) = (d, newest) else {
        return Ok(tx.commit_unaudited(Unaudited::Look).await?);
    };
    if d.state == State::Sending.word() || last.is_none_or(|last| last.id != newest.id) {
        return put_aside(app, tx, (delivery, &newest.id), words).await;
    }
    let waiting = tx.take_reports(delivery).await?;
    let waiting: std::result::Result<Vec<Word>, _> =
        waiting.iter().map(|w| serde_json::from_str(w)).collect();
    let mut all = waiting.map_err(|e| AppError::Internal(format!("a report that waits is damaged: {e}")))?;
    let is_aside = !all.is_empty();
    all.extend_from_slice(words);
    let entries = write(app, &mut tx, &d, &newest.id, &all).await?;
    if entries.is_empty() {
        let why = if is_aside { Unaudited::Report } else { Unaudited::Look };
        return Ok(tx.commit_unaudited(why).await?);
    }
    app.commit(tx, &Actor::service(app.node()), &entries, &[Topic::Queue]).await
}

/// Keeps words about recipients whom the ledger has until the attempt has ended.
async fn put_aside(app: &App, mut tx: Tx, (delivery, attempt): (&str, &str), words: &[Word]) -> Result<()> {
    let kept = handles::known_in(&mut tx, attempt).await?;
    let is_named = |of: &Named| kept.as_ref().is_some_and(|kept| ledger::names(&kept.handle, of.who()));
    for word in words.iter().filter(|word| is_named(&word.of)) {
        let whole = serde_json::to_string(word).map_err(|e| AppError::Internal(e.to_string()))?;
        let key = (word.of.attempt, word.of.who(), word.fate.word());
        tx.put_report_aside(delivery, key, &whole, app.now()).await?;
    }
    Ok(tx.commit_unaudited(Unaudited::Report).await?)
}

/// Writes words into the ledgers of the attempts that they name. The entries of the log.
async fn write(app: &App, tx: &mut Tx, d: &Delivery, newest: &str, words: &[Word]) -> Result<Vec<Entry>> {
    let all = tx.attempts(&d.id).await?;
    let Some(newest) = all.iter().find(|a| a.id == newest) else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    for attempt in &all {
        let of: Vec<Word> = words.iter().filter(|word| word.of.attempt == attempt.number).cloned().collect();
        let Some((handle, entry)) = handles::hear(tx, (&d.id, &attempt.id), &of).await? else { continue };
        entries.push(entry);
        // Of other words than the newest it is written down, and no more.
        if attempt.content_hash != newest.content_hash {
            continue;
        }
        if let Some(state) =
            [State::Accepted, State::InDoubt].into_iter().find(|state| d.state == state.word())
        {
            tx.change_deliveries(&[handles::told(d, state, &handle)]).await?;
        }
        let channel = tx.channel_name(&d.channel_id).await?.unwrap_or_default();
        lacking::say(app, tx, (&channel, d, &handle), &mut entries).await?;
        if ledger::is_over(&handle) {
            tx.read_now(&newest.id, app.now()).await?;
        }
    }
    Ok(entries)
}
