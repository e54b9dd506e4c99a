//! What a post would be on each channel, by the code that will send it; nothing is written.

use ::channels::sms_text::{self, Messages};
use ::channels::text::{self, Unit};
use ::channels::{Limits, Rendition, fit};

use super::compose::{Directory, check, left_out};
use super::error::Problems;
use super::posts::NewPost;
use super::{Actor, App, Problem, Result, channels, renditions};
use crate::domain::role::Right;

/// A post that is being written.
#[derive(Debug, Clone)]
pub struct Preview {
    pub channels: Vec<PreviewChannel>,
    /// The names of the brand's channels that a post for every channel leaves out, for want of a picture.
    pub left_out: Vec<String>,
    /// What is wrong with the post itself.
    pub problems: Vec<Problem>,
}

/// The exact content for one channel, and how it fits there.
#[derive(Debug, Clone)]
pub struct PreviewChannel {
    pub id: String,
    pub name: String,
    pub adapter: String,
    pub rendition: Rendition,
    pub text: Measure,
    /// Of the title, where one is shown.
    pub title: Option<Measure>,
    /// In how many messages a text goes by SMS.
    pub messages: Option<Messages>,
    /// What the limits of the channel do not allow: field and sentence.
    pub problems: Vec<Problem>,
}

/// How long something is, and how long it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    pub count: usize,
    pub limit: Option<usize>,
    pub unit: Unit,
}

impl Measure {
    /// Whether it is too long.
    pub fn is_over(&self) -> bool {
        self.limit.is_some_and(|l| self.count > l)
    }
}

/// Builds a post as `create` does, and writes nothing.
///
/// # Errors
/// When the actor may not write. What is wrong with the post is in the answer.
pub async fn preview(app: &App, by: &Actor, new: &NewPost) -> Result<Preview> {
    by.need(Right::Write)?;
    let mut dir = Directory::read(app).await?;
    dir.look_up(app, new).await?;
    let mut problems = Problems::default();
    let checked = check(app.now(), new, &dir, &mut problems);
    let mut out = Vec::with_capacity(checked.targets.len());
    for channel in &checked.targets {
        let (rendition, misfits) = renditions::fit(&new.source, channel, checked.drill, app.public_url());
        let limits = channels::limits(channel);
        let misfits = misfits.into_iter().map(|p| Problem { field: p.field.into(), message: p.message });
        out.push(PreviewChannel {
            id: channel.id.clone(),
            name: channel.name.clone(),
            adapter: channel.adapter.clone(),
            text: measure_text(&rendition, limits.as_ref()),
            title: rendition.title.as_deref().map(|t| measure_title(t, limits.as_ref())),
            messages: limits.filter(|l| l.unit == Unit::Sms).map(|_| sms_text::messages(&rendition.text)),
            rendition,
            problems: misfits.collect(),
        });
    }
    Ok(Preview { channels: out, left_out: left_out(new, &dir), problems: problems.list() })
}

/// By the limit that is nearest to being broken.
fn measure_text(r: &Rendition, limits: Option<&Limits>) -> Measure {
    let by = |unit, limit| Measure { count: text::size(r, unit), limit, unit };
    let Some(limits) = limits else { return by(Unit::Characters, None) };
    let most = fit::most(r, limits);
    let units = by(limits.unit, most);
    match (most, limits.text_bytes) {
        (None, Some(most)) => by(Unit::Bytes, Some(most)),
        (Some(_), Some(most)) if !units.is_over() && by(Unit::Bytes, None).count > most => {
            by(Unit::Bytes, Some(most))
        }
        _ => units,
    }
}

fn measure_title(words: &str, limits: Option<&Limits>) -> Measure {
    let unit = limits.map_or(Unit::Characters, |l| l.unit);
    Measure { count: text::title_size(words, unit), limit: limits.and_then(|l| l.title), unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_measured_by_the_limit_that_it_breaks() {
        let limits = ::channels::bluesky::ADAPTER.limits;
        let post = |words: &str| Rendition {
            title: None,
            text: words.into(),
            more: Vec::new(),
            language: "en".into(),
            media: Vec::new(),
        };
        let of = |words: &str| measure_text(&post(words), Some(&limits));
        assert_eq!(of("four"), Measure { count: 4, limit: Some(300), unit: Unit::Graphemes });
        let heavy = "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}".repeat(200);
        assert_eq!(of(&heavy), Measure { count: 3_600, limit: Some(3_000), unit: Unit::Bytes });
        let hook = ::channels::webhook::ADAPTER.limits;
        assert_eq!(measure_text(&post("é"), Some(&hook)).count, 2);
    }
}
