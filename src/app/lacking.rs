//! A crisis post that most recipients do not have, because mails came back or messages did not arrive: an alarm says so, once
//! above half of them, and once more when nobody has it.

use ::channels::ledger;

use super::alarms::{self, WATCH};
use super::{App, Result, heard};
use crate::domain::audit::Entry;
use crate::domain::incident::Severity;
use crate::domain::post::Lane;
use crate::domain::signal::Heard;
use crate::store::Tx;
use crate::store::deliveries::Delivery;

/// Says it, if it is so by that ledger of the delivery, on the channel of that name.
///
/// # Errors
/// The database's own.
pub(super) async fn say(
    app: &App,
    tx: &mut Tx,
    (channel, d, handle): (&str, &Delivery, &str),
    entries: &mut Vec<Entry>,
) -> Result<()> {
    if let Some(heard) = alarm(app, channel, d, handle) {
        alarms::say_once(app, tx, &heard, entries).await?;
    }
    Ok(())
}

fn alarm(app: &App, channel: &str, d: &Delivery, handle: &str) -> Option<Heard> {
    let (lost, of) = ledger::without_it(handle).filter(|(lost, of)| lost * 2 > *of)?;
    let title = match of - lost {
        _ if Lane::from_number(d.lane) != Lane::Crisis => return None,
        0 => format!("nobody on {channel} has got a post: nothing that was sent arrived"),
        _ => format!("most people on {channel} have not got a post: what was sent to them did not arrive"),
    };
    let key = heard::key(&["lacking:", &d.id].concat());
    Some(Heard {
        source: WATCH.to_owned(),
        thing: key.clone(),
        key,
        title: heard::short(&title),
        detail: Some(heard::short_detail(REACH_THEM)),
        url: Some(format!("{}/console/posts/{}", app.public_url(), d.post_id)),
        severity: Some(Severity::Major),
        ..Heard::default()
    })
}

const REACH_THEM: &str =
    "Reach them another way now: the page of the post says who has it not, and why. Correct the list then.";
