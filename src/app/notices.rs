//! Mails to people of the team: approvers hear of crisis posts that wait for them, and who may test channels hears of
//! those that fail.
//!
//! A notice is written in the change that causes it, and sent afterwards: at least once. Whoever sends
//! takes it in hand for a while; after a crash in between it is tried again, so that the same mail may
//! come twice. Its id is the same then. A node that has no mail server writes notices for those that have one.

use std::collections::BTreeMap;

use super::hub::Topic;
use super::letters::{self, About};
use super::{Actor, App, Result, nodes};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::post::{Kind, Lane, PostState};
use crate::domain::role::{self, Right};
use crate::store::notices::Notice;
use crate::store::people::Person;
use crate::store::posts::Post;
use crate::store::{Tx, Unaudited};

#[path = "channel_notices.rs"]
pub(super) mod channels;

/// The kind of a notice that asks for approval.
const APPROVAL: &str = "approval";
/// The first try comes a moment later, so that what is submitted in one go is one mail.
const GATHER: Millis = 2_000;
/// How long one who sends has a mail in hand. Longer than all tries of a batch take.
const IN_HAND: Millis = 5 * 60_000;
/// Most notices that are taken in hand at once.
const BATCH: i64 = 16;
/// What a node that sends mails is called among the jobs that nodes take.
const MAILS: &str = "mails to the team";
const DAY: Millis = 24 * 60 * 60_000;
/// After so many tries it is given up.
const MOST_TRIES: i64 = 10;

/// One mail, ready to be sent.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The notices that it stands for.
    notices: Vec<Notice>,
    /// The same in every try.
    pub id: String,
    pub to: String,
    pub language: String,
    pub subject: String,
    pub text: String,
}

/// Whether somebody sends mails: this node, or one that was there within a day.
async fn are_sent(app: &App, tx: &mut Tx) -> Result<bool> {
    Ok(app.has_mails() || tx.turn_taken(MAILS).await?.is_some_and(|at| at + DAY > app.now()))
}

/// This node sends mails: others write down what there is to send.
///
/// # Errors
/// The database's own.
pub async fn announce(app: &App) -> Result<()> {
    const EVERY: Millis = 5 * 60_000;
    nodes::take_turn(app, MAILS, EVERY).await.map(drop)
}

/// Writes a notice to every approver who may decide about this post. Routine posts cause none, and
/// neither does one where nobody sends mails. Returns who has to be woken.
pub(super) async fn ask(app: &App, tx: &mut Tx, post: &Post) -> Result<&'static [Topic]> {
    let crisis = Kind::parse(&post.kind).is_ok_and(|k| k.lane() == Lane::Crisis);
    if !crisis || !are_sent(app, tx).await? {
        return Ok(&[]);
    }
    let writers = post.writers()?;
    let people = tx.everybody().await?.into_iter().filter(|p| may_approve(p) && !writers.contains(&p.id));
    note(app, tx, APPROVAL, people.map(|p| (p.id, post.id.clone())).collect()).await
}

/// Writes notices of that kind, each of a person and of what it is about. They leave a little later, so that what comes
/// at once is one mail. Returns who has to be woken.
async fn note(app: &App, tx: &mut Tx, kind: &str, told: Vec<(String, String)>) -> Result<&'static [Topic]> {
    let now = app.now();
    let row = |(person_id, subject)| Notice {
        id: app.id(),
        person_id,
        kind: kind.to_owned(),
        subject,
        created_at: now,
        tries: 0,
        next_try_at: Some(now + GATHER),
        sent_at: None,
        error: None,
    };
    let rows: Vec<Notice> = told.into_iter().map(row).collect();
    tx.insert_notices(&rows).await?;
    Ok(if rows.is_empty() { &[] } else { &[Topic::Notices] })
}

fn may_approve(p: &Person) -> bool {
    may(p, Right::Approve)
}

fn may(p: &Person, right: Right) -> bool {
    p.disabled_at.is_none() && role::parse_list(&p.roles).iter().any(|r| r.may(right))
}

/// Whether approvers were told of these posts by mail, or are about to be.
///
/// # Errors
/// The database's own.
pub async fn told(app: &App, by: &Actor, posts: &[&str]) -> Result<bool> {
    by.need(Right::Read)?;
    Ok(!posts.is_empty() && app.store().count_notices(posts).await? > 0)
}

/// When the next mail is to be tried.
///
/// # Errors
/// The database's own.
pub async fn next_try(app: &App) -> Result<Option<Millis>> {
    Ok(app.store().next_notice().await?)
}

/// Takes due notices in hand, as mails: what one person is asked about one incident is one mail. A node
/// whose gate waits for a person sends none: its database may be a copy.
///
/// # Errors
/// The database's own.
pub async fn take(app: &App) -> Result<Vec<Envelope>> {
    let now = app.now();
    if next_try(app).await?.is_none_or(|at| at > now) || nodes::ready(app).await?.is_err() {
        return Ok(Vec::new());
    }
    let mut tx = app.store().begin().await?;
    // What was written while the first one waited goes along: one mail, not one for each.
    let taken = tx.take_notices(now + GATHER, now + IN_HAND, BATCH).await?;
    tx.commit_unaudited(Unaudited::Notice).await?;
    let (taken, of_channels): (Vec<_>, Vec<_>) = taken.into_iter().partition(|n| n.kind == APPROVAL);
    // One mail for each person and incident.
    let mut together = BTreeMap::<_, Vec<(Notice, Post)>>::new();
    for notice in taken {
        match app.store().post(&notice.subject).await? {
            Some(_) if notice.tries > MOST_TRIES => {
                // Every try began and none was settled: whoever sent was stopped each time.
                give_up(app, &notice, "every try was broken off").await?;
            }
            Some(post) if post.state == PostState::Submitted.word() => {
                let key = (notice.person_id.clone(), post.incident_id.clone());
                together.entry(key).or_default().push((notice, post));
            }
            _ => close(app, &notice, "nobody waits for it any more").await?,
        }
    }
    let mut out = channels::envelopes(app, of_channels).await?;
    for ((person, _), pairs) in together {
        match app.store().person(&person).await?.filter(may_approve) {
            Some(person) => out.push(envelope(app, &person, pairs).await?),
            None => {
                for (notice, _) in pairs {
                    close(app, &notice, "this person does not approve any more").await?;
                }
            }
        }
    }
    Ok(out)
}

async fn give_up(app: &App, notice: &Notice, why: &str) -> Result<()> {
    let mut tx = app.store().begin().await?;
    tx.settle_notice(&notice.id, None, None, Some(why)).await?;
    app.commit(tx, &Actor::service(app.node()), &[entry("notice.failed", notice).note(why)], &[]).await
}

/// What the log says of a notice.
fn entry(verb: &str, n: &Notice) -> Entry {
    let what = if n.kind == APPROVAL { "post" } else { "channel" };
    Entry::new(verb, &format!("{what}:{}", n.subject))
        .after(&serde_json::json!({"person": n.person_id, "kind": n.kind, "tries": n.tries}))
}

async fn close(app: &App, notice: &Notice, why: &str) -> Result<()> {
    let mut tx = app.store().begin().await?;
    tx.settle_notice(&notice.id, None, None, Some(why)).await?;
    tx.commit_unaudited(Unaudited::Notice).await?;
    Ok(())
}

async fn envelope(
    app: &App,
    person: &crate::store::people::Person,
    mut pairs: Vec<(Notice, Post)>,
) -> Result<Envelope> {
    pairs.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
    let preferred = app.store().preferences(&person.id).await?;
    let (language, zone) = preferred.map_or(("en".into(), "UTC".into()), |p| (p.language, p.zone));
    let first = &pairs[0].1;
    let incident = match &first.incident_id {
        Some(id) => app.store().incident(id).await?,
        None => None,
    };
    let author = app.store().person(&first.author_id).await?.map(|p| p.name);
    let with: Vec<String> = pairs[1..].iter().map(|(_, p)| format!("with={}", p.id)).collect();
    let query = if with.is_empty() { String::new() } else { format!("?{}", with.join("&")) };
    let about = About {
        kinds: pairs.iter().map(|(_, p)| p.kind.as_str()).collect(),
        title: incident.as_ref().map_or("", |i| &i.title),
        drill: incident.as_ref().is_some_and(|i| i.drill),
        author: author.as_deref().unwrap_or_default(),
        due: pairs.iter().map(|(_, p)| p.due_at).min().filter(|due| *due > app.now() + 60_000),
        zone: &zone,
        link: format!("{}/console/approvals/{}{query}", app.public_url(), first.id),
    };
    let (subject, text) = letters::approval(&language, &about);
    let notices: Vec<Notice> = pairs.into_iter().map(|(n, _)| n).collect();
    Ok(Envelope { id: notices[0].id.clone(), to: person.email.clone(), language, subject, text, notices })
}

/// Writes down what became of a try. What failed is tried again, ever later, and given up in the end;
/// the log says who was told, and who was not.
///
/// # Errors
/// The database's own.
pub async fn settle(app: &App, mail: &Envelope, outcome: std::result::Result<(), String>) -> Result<()> {
    let now = app.now();
    let mut tx = app.store().begin().await?;
    let mut entries = Vec::new();
    for n in &mail.notices {
        match &outcome {
            Ok(()) => {
                tx.settle_notice(&n.id, Some(now), None, None).await?;
                entries.push(entry("notice.sent", n));
            }
            Err(why) if n.tries >= MOST_TRIES => {
                tx.settle_notice(&n.id, None, None, Some(why)).await?;
                entries.push(entry("notice.failed", n).note(why));
            }
            Err(why) => {
                tx.settle_notice(&n.id, None, Some(now + backoff(n.tries)), Some(why)).await?;
            }
        }
    }
    if entries.is_empty() {
        tx.commit_unaudited(Unaudited::Notice).await?;
        return Ok(());
    }
    app.commit(tx, &Actor::service(app.node()), &entries, &[]).await
}

/// Half a minute, doubled with each try, half an hour at most.
fn backoff(tries: i64) -> Millis {
    (30_000_i64 << tries.clamp(1, 7).saturating_sub(1)).min(30 * 60_000)
}

#[cfg(test)]
mod tests {
    use super::backoff;

    #[test]
    fn tries_come_ever_later() {
        let all: Vec<i64> = (1..=9).map(|n| backoff(n) / 1_000).collect();
        assert_eq!(all, [30, 60, 120, 240, 480, 960, 1_800, 1_800, 1_800]);
    }
}
