//! Mails about channels on which a post would fail, and that are well again: to everybody who may test channels.

use std::collections::BTreeMap;

use super::super::channels::publishes;
use super::super::hub::Topic;
use super::super::{App, Result, letters, readiness};
use super::{Envelope, MOST_TRIES, Notice, are_sent, close, give_up, may, note};
use crate::domain::Word;
use crate::domain::red::Red;
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::channels::Channel;
use crate::store::people::Person;

/// What a mail says of its channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    NotReady,
    WellAgain,
}

impl Word for About {
    const WORDS: &'static [(&'static str, Self)] =
        &[("channel_not_ready", Self::NotReady), ("channel_well_again", Self::WellAgain)];
}

/// Writes a notice about each of these channels to everybody who may test them; those of one change are one mail. Where nobody
/// sends mails there are none. Returns who has to be woken.
pub(in crate::app) async fn write(
    app: &App,
    tx: &mut Tx,
    about: About,
    channels: &[String],
) -> Result<&'static [Topic]> {
    if channels.is_empty() || !are_sent(app, tx).await? {
        return Ok(&[]);
    }
    let people = tx.everybody().await?.into_iter().filter(may_test);
    let told = people.flat_map(|p| channels.iter().map(move |channel| (p.id.clone(), channel.clone())));
    note(app, tx, about.word(), told.collect()).await
}

fn may_test(p: &Person) -> bool {
    may(p, Right::Test)
}

/// Mails of what was taken in hand: what one person hears of at once is one.
pub(super) async fn envelopes(app: &App, taken: Vec<Notice>) -> Result<Vec<Envelope>> {
    let known = app.store().red_channels().await?;
    let is_told =
        |channel: &str| known.iter().any(|r| r.channel_id == channel && r.state != Red::Seen.word());
    let mut together = BTreeMap::<(String, About), Vec<(Notice, Channel)>>::new();
    for notice in taken {
        let Ok(about) = About::parse(&notice.kind) else {
            close(app, &notice, "nobody knows what it is about").await?;
            continue;
        };
        let channel = app.store().channel(&notice.subject).await?.filter(|c| c.disabled_at.is_none());
        match channel {
            Some(_) if notice.tries > MOST_TRIES => {
                give_up(app, &notice, "every try was broken off").await?;
            }
            Some(c) if is_told(&c.id) == (about == About::NotReady) => {
                if about == About::WellAgain && !heard_of(app, &notice).await? {
                    close(app, &notice, "this person never heard that it was not ready").await?;
                    continue;
                }
                together.entry((notice.person_id.clone(), about)).or_default().push((notice, c));
            }
            _ => close(app, &notice, "it is not so any more").await?,
        }
    }
    let rows = app.store().channels().await?.into_iter();
    let asked: Vec<String> = rows.filter(is_asked_often).map(|c| c.id).collect();
    let mut out = Vec::new();
    for ((person, about), pairs) in together {
        match app.store().person(&person).await?.filter(may_test) {
            Some(person) => out.push(envelope(app, &person, about, pairs, &asked).await?),
            None => {
                for (notice, _) in pairs {
                    close(app, &notice, "this person does not test channels any more").await?;
                }
            }
        }
    }
    Ok(out)
}

/// Whether the last that the person was told of the channel is that it is not ready.
async fn heard_of(app: &App, notice: &Notice) -> Result<bool> {
    let last = app.store().last_sent_notice(&notice.person_id, &notice.subject).await?;
    Ok(last.is_some_and(|last| last.kind == About::NotReady.word()))
}

/// Whether its check asks a network, and often: what such channels have in common is the machine that asks.
fn is_asked_often(c: &Channel) -> bool {
    let is_seldom = readiness::health(c).is_some_and(|seen| seen.facts.checked_every.is_some());
    c.disabled_at.is_none() && c.adapter != "website" && !is_seldom
}

/// The mail about these channels. After a time without the mail server there may be two notices of one.
async fn envelope(
    app: &App,
    person: &Person,
    about: About,
    pairs: Vec<(Notice, Channel)>,
    asked: &[String],
) -> Result<Envelope> {
    let language = app.store().preferences(&person.id).await?.map_or("en".into(), |p| p.language);
    let (mut notices, mut told): (Vec<Notice>, Vec<Channel>) = pairs.into_iter().unzip();
    // The mail has the same id in every try.
    notices.sort_by(|a, b| a.id.cmp(&b.id));
    told.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    told.dedup_by(|a, b| a.id == b.id);
    let has_all = asked.iter().all(|id| told.iter().any(|c| c.id == *id));
    let are_all = told.len() > 1 && !asked.is_empty() && has_all;
    let (posts, plans): (Vec<Channel>, Vec<Channel>) = told.into_iter().partition(publishes);
    let names = |channels: Vec<Channel>| channels.into_iter().map(|c| c.name).collect::<Vec<_>>();
    let letter = letters::Channels {
        names: &names(posts),
        planners: &names(plans),
        are_ready: about == About::WellAgain,
        are_all,
        link: format!("{}/console/settings/readiness", app.public_url()),
    };
    let (subject, text) = letters::channels(&language, &letter);
    Ok(Envelope { id: notices[0].id.clone(), to: person.email.clone(), language, subject, text, notices })
}
