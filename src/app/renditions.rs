//! From what was typed to exactly what each channel receives.

use channels::{Frame, Limits, MediaRef, Rendition, fit, text};

use super::channels::limits;
use super::error::Problems;
use super::{App, Problem, Result};
use crate::domain::post::{Kind, Source};
use crate::store::channels::Channel;
use crate::store::deliveries::Delivery;
use crate::store::posts::Post;

/// What every text of a drill begins with.
pub const EXERCISE: &str = "EXERCISE EXERCISE EXERCISE";

/// The rendition for one channel of these limits. In a drill it carries the word EXERCISE, and so does each
/// part of a thread. A channel that shows no title gets none; where cards alone show it, it needs a link.
pub fn render(source: &Source, channel: &str, limits: Option<&Limits>, drill: bool) -> Rendition {
    let titled = limits.is_none_or(|l| l.title.is_some());
    let title = source.title.as_ref().filter(|_| titled);
    let post = Rendition {
        title: title.map(|t| if drill { format!("EXERCISE: {t}") } else { t.clone() }),
        text: source.text_for(channel).to_owned(),
        more: Vec::new(),
        language: source.language.clone(),
        media: source
            .media
            .iter()
            .map(|m| MediaRef { sha256: m.sha256.clone(), mime: m.mime.clone(), alt: m.alt.clone() })
            .collect(),
    };
    let word = |part: &str| if drill { format!("{EXERCISE}\n{part}") } else { part.to_owned() };
    let fitted = fit::fitted(post, limits, word);
    let shown = limits.is_none_or(|l| !l.cards) || fitted.card().is_some();
    Rendition { title: fitted.title.clone().filter(|_| shown), ..fitted }
}

/// The rendition for a connected channel, with the fixed words that its network puts around those of the post, and
/// what the channel does not take of it. `own` is the address of this service.
pub(super) fn fit(
    source: &Source,
    channel: &Channel,
    drill: bool,
    own: &str,
) -> (Rendition, Vec<text::Problem>) {
    let rendition = framed(source, channel, drill);
    let problems = problems(&rendition, channel, own);
    (rendition, problems)
}

/// The same without what the channel does not take.
pub(super) fn framed(source: &Source, channel: &Channel, drill: bool) -> Rendition {
    let mut rendition = render(source, &channel.name, limits(channel).as_ref(), drill);
    if let Some(Ok(frame)) = frame(&rendition, channel) {
        rendition.text = frame.around(&rendition.text);
    }
    rendition
}

/// The fixed words around those of a post. Nothing: there are none. An error: there are, and not in its language.
fn frame(rendition: &Rendition, channel: &Channel) -> Option<std::result::Result<Frame, String>> {
    let frame = ::channels::adapter(&channel.adapter)?.frame?;
    let settings = serde_json::from_str(&channel.settings).unwrap_or_default();
    Some(frame(&settings, &rendition.language, !rendition.media.is_empty()))
}

/// Whether pictures cannot go there, because the network would fetch them from our own address.
pub(super) fn is_unreached(channel: &Channel, own: &str) -> bool {
    let settings = serde_json::from_str(&channel.settings).unwrap_or_default();
    ::channels::is_unreached(&channel.adapter, &settings, own)
}

/// What a channel does not take of a rendition by now.
fn problems(rendition: &Rendition, channel: &Channel, own: &str) -> Vec<text::Problem> {
    let mut problems = limits(channel).map(|l| text::check(rendition, &l)).unwrap_or_default();
    if !rendition.media.is_empty() && is_unreached(channel, own) {
        problems.push(text::Problem { field: "media", message: ::channels::UNREACHED.into() });
    }
    match frame(rendition, channel) {
        None => {}
        Some(Ok(frame)) => problems.extend(frame.problems(&rendition.text)),
        Some(Err(message)) => problems.push(text::Problem { field: "language", message }),
    }
    problems
}

/// What enabled channels do not take of these deliveries, by now: an account may take less than it did when the
/// post was written, and have other fixed words. A disabled channel gets nothing.
pub(super) fn misfits<'a>(
    rows: impl Iterator<Item = &'a Delivery>,
    channels: &[Channel],
    own: &str,
) -> Problems {
    let mut found = Problems::default();
    let enabled = |d: &Delivery| channels.iter().find(|c| c.id == d.channel_id && c.disabled_at.is_none());
    for (d, channel) in rows.filter_map(|d| Some((d, enabled(d)?))) {
        let rendition = serde_json::from_str::<Rendition>(&d.rendition).ok();
        for p in rendition.map(|r| problems(&r, channel, own)).unwrap_or_default() {
            found.add(&format!("source.{}", p.field), format!("{}: {}", channel.name, p.message));
        }
    }
    found
}

/// What approvers are to know of these deliveries: what channels leave out of them, and what cannot be changed later.
pub(super) fn unsaid<'a>(rows: impl Iterator<Item = &'a Delivery>, channels: &[Channel]) -> Vec<Problem> {
    let told = |d: &Delivery| -> Option<Vec<Problem>> {
        let channel = channels.iter().find(|c| c.id == d.channel_id)?;
        let rendition = serde_json::from_str::<Rendition>(&d.rendition).ok()?;
        let limits = limits(channel)?;
        let notes = fit::notes(&rendition, &limits);
        let problem = |(field, words)| Problem {
            field: format!("source.{field}"),
            message: format!("{}: {words}", channel.name),
        };
        Some(notes.map(problem).collect())
    };
    rows.filter_map(told).flatten().collect()
}

/// The deliveries of a post, one for each channel, as drafts.
///
/// # Errors
/// Names the channel and what it does not take.
pub fn deliveries(
    post: &Post,
    kind: Kind,
    source: &Source,
    channels: &[&Channel],
    drill: bool,
    app: &App,
) -> Result<Vec<Delivery>> {
    let mut problems = Problems::default();
    let mut out = Vec::with_capacity(channels.len());
    for channel in channels {
        let (rendition, misfits) = fit(source, channel, drill, app.public_url());
        for p in misfits {
            problems.add(&format!("source.{}", p.field), format!("{}: {}", channel.name, p.message));
        }
        let body = rendition.canonical();
        out.push(Delivery {
            id: app.id(),
            post_id: post.id.clone(),
            channel_id: channel.id.clone(),
            lane: kind.lane().number(),
            state: "draft".into(),
            ready_at: post.due_at,
            due_at: post.due_at,
            valid_until: post.valid_until,
            content_hash: ::channels::hash(&body),
            rendition: String::from_utf8_lossy(&body).into_owned(),
            approved_hash: None,
            approved_until: None,
            attempts: 0,
            permits: 0,
            replaced: 0,
            claimed_by: None,
            freeze_id: None,
            reason: None,
            remote_id: None,
            remote_url: None,
            settled_at: None,
            created_at: post.created_at,
            started: 0,
        });
    }
    problems.check()?;
    Ok(out)
}
