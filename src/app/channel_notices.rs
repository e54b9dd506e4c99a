//! Mails about channels on which a post would fail, and that are well again: to everybody who may test channels.

use std::collections::BTreeMap;

use super::super::hub::Topic;
use super::super::letters;
use super::super::{App, Result};
use super::{Envelope, GATHER, MOST_TRIES, Notice, close, give_up};
use crate::domain::Word;
use crate::domain::red::Red;
use crate::domain::role::{self, Right};
use crate::store::Tx;
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

/// Writes a notice about each of these channels to everybody who may test them; those of one change are one mail. A node
/// without a mail server writes none. Returns who has to be woken.
pub(in crate::app) async fn write(
    app: &App,
    tx: &mut Tx,
    about: About,
    channels: &[String],
) -> Result<&'static [Topic]> {
    if !app.has_mails() || channels.is_empty() {
        return Ok(&[]);
    }
    let now = app.now();
    let people = tx.everybody().await?.into_iter().filter(may_test);
    let rows: Vec<Notice> = people
        .flat_map(|p| channels.iter().map(move |channel| (p.id.clone(), channel)))
        .map(|(person_id, channel)| Notice {
            id: app.id(),
            person_id,
            kind: about.word().into(),
            subject: channel.clone(),
            created_at: now,
            tries: 0,
            next_try_at: Some(now + GATHER),
            sent_at: None,
            error: None,
        })
        .collect();
    tx.insert_notices(&rows).await?;
    Ok(if rows.is_empty() { &[] } else { &[Topic::Notices] })
}

fn may_test(p: &Person) -> bool {
    p.disabled_at.is_none() && role::parse_list(&p.roles).iter().any(|r| r.may(Right::Test))
}

/// Mails of what was taken in hand: what one person hears of at once is one.
pub(super) async fn envelopes(app: &App, taken: Vec<Notice>) -> Result<Vec<Envelope>> {
    let known = app.store().red_channels().await?;
    let is_told =
        |channel: &str| known.iter().any(|r| r.channel_id == channel && r.state != Red::Seen.word());
    let mut together = BTreeMap::<(String, About), Vec<(Notice, String)>>::new();
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
                together.entry((notice.person_id.clone(), about)).or_default().push((notice, c.name));
            }
            _ => close(app, &notice, "it is not so any more").await?,
        }
    }
    let enabled = app.store().channels().await?.iter().filter(|c| c.disabled_at.is_none()).count();
    let mut out = Vec::new();
    for ((person, about), pairs) in together {
        match app.store().person(&person).await?.filter(may_test) {
            Some(person) => out.push(envelope(app, &person, about, pairs, enabled).await?),
            None => {
                for (notice, _) in pairs {
                    close(app, &notice, "this person does not test channels any more").await?;
                }
            }
        }
    }
    Ok(out)
}

async fn envelope(
    app: &App,
    person: &Person,
    about: About,
    mut pairs: Vec<(Notice, String)>,
    enabled: usize,
) -> Result<Envelope> {
    pairs.sort_by(|(_, a), (_, b)| a.cmp(b));
    let language = app.store().preferences(&person.id).await?.map_or("en".into(), |p| p.language);
    let (notices, names): (Vec<Notice>, Vec<String>) = pairs.into_iter().unzip();
    let letter = letters::Channels {
        are_ready: about == About::WellAgain,
        are_all: names.len() > 1 && names.len() == enabled,
        names: &names,
        link: format!("{}/console/settings/readiness", app.public_url()),
    };
    let (subject, text) = letters::channels(&language, &letter);
    Ok(Envelope { id: notices[0].id.clone(), to: person.email.clone(), language, subject, text, notices })
}
