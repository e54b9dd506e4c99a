//! What is different in the words of a post, for its approver.

use std::collections::HashMap;

use similar::{ChangeTag, TextDiff};

use crate::app::posts::{self, PostView};
use crate::app::{Actor, App, revisions};
use crate::domain::playbook;
use crate::domain::post::{Kind, PostState};

/// What is different from an earlier text.
pub(super) struct Against {
    /// The key of what it is compared with.
    pub key: &'static str,
    /// Where it is so; empty: everywhere.
    pub channels: Vec<String>,
    /// Empty when neither has a title.
    pub title: Pieces,
    pub text: Pieces,
}

/// `same`, `new` or `old`, and the words.
pub(super) type Pieces = Vec<(&'static str, String)>;

/// Title and text beside those that they replace; otherwise beside the last approved ones of the same incident and language, and beside the
/// playbook's first words.
pub(super) async fn against(app: &App, by: &Actor, post: &PostView) -> crate::app::Result<Vec<Against>> {
    let mut out = Vec::new();
    let beside = |key, title: &str, text: &str| Against {
        key,
        channels: Vec::new(),
        title: compare(title, post.source.title.as_deref().unwrap_or_default()),
        text: compare(text, &post.source.text),
    };
    if let Some(first) = &post.revises {
        let before = revisions::replaced(app, by, first, &post.id).await?;
        return Ok(per_channel(post, &before));
    }
    let Some(incident) = &post.incident else { return Ok(out) };
    let before = posts::of_incident(app, by, incident, 500).await?;
    let alike = |p: &&PostView| {
        p.id != post.id
            && p.state == PostState::Approved
            && p.kind == post.kind
            && p.source.language == post.source.language
    };
    let last = before.iter().filter(alike).max_by(|a, b| a.id.cmp(&b.id));
    if let Some(last) = last {
        let title = last.source.title.as_deref().unwrap_or_default();
        out.push(beside("against-last", title, &last.source.text));
    }
    let incident = crate::app::incidents::get(app, by, incident).await?;
    let plan = incident.playbook.as_deref().and_then(playbook::find);
    let words = plan.filter(|_| post.kind == Kind::Update).and_then(|p| p.holding(&post.source.language));
    out.extend(words.map(|w| beside("against-playbook", &w.title, &w.text)));
    Ok(out)
}

/// What each channel has beside what it is to get; channels where both are the same share one.
fn per_channel(post: &PostView, before: &HashMap<String, ::channels::Rendition>) -> Vec<Against> {
    let mut pairs: Vec<(&::channels::Rendition, ::channels::Rendition, Vec<String>)> = Vec::new();
    for d in &post.deliveries {
        let after = serde_json::from_value::<::channels::Rendition>(d.rendition.clone());
        let (Some(old), Ok(new)) = (before.get(&d.channel), after) else { continue };
        match pairs.iter_mut().find(|(o, n, _)| *o == old && *n == new) {
            Some((.., names)) => names.push(d.channel_name.clone()),
            None => pairs.push((old, new, vec![d.channel_name.clone()])),
        }
    }
    let title = |r: &::channels::Rendition| r.title.clone().unwrap_or_default();
    let beside =
        |(old, new, channels): (&::channels::Rendition, ::channels::Rendition, Vec<String>)| Against {
            key: "against-out",
            title: compare(&title(old), &title(&new)),
            text: compare(&old.text, &new.text),
            channels,
        };
    pairs.into_iter().map(beside).collect()
}

fn compare(old: &str, new: &str) -> Pieces {
    let diff = TextDiff::from_words(old, new);
    let mut pieces = Pieces::new();
    for change in diff.iter_all_changes() {
        let tag = match change.tag() {
            ChangeTag::Equal => "same",
            ChangeTag::Insert => "new",
            ChangeTag::Delete => "old",
        };
        match pieces.last_mut() {
            Some((last, text)) if *last == tag => text.push_str(change.value()),
            _ => pieces.push((tag, change.value().to_owned())),
        }
    }
    phrases(pieces)
}

/// Most words between two changes that are read as one.
const BETWEEN: usize = 2;

/// Joins changes that only a word or two part: people read phrases, not islands of words.
fn phrases(pieces: Pieces) -> Pieces {
    let (mut out, mut old, mut new) = (Vec::new(), String::new(), String::new());
    let last = pieces.len().saturating_sub(1);
    let flush = |out: &mut Vec<_>, old: &mut String, new: &mut String| {
        for (tag, text) in [("old", std::mem::take(old)), ("new", std::mem::take(new))] {
            if !text.is_empty() {
                out.push((tag, text));
            }
        }
    };
    for (n, (tag, text)) in pieces.into_iter().enumerate() {
        let inside = n < last && !(old.is_empty() && new.is_empty());
        match tag {
            "old" => old.push_str(&text),
            "new" => new.push_str(&text),
            _ if inside && text.split_whitespace().count() <= BETWEEN => {
                old.push_str(&text);
                new.push_str(&text);
            }
            _ => {
                flush(&mut out, &mut old, &mut new);
                out.push((tag, text));
            }
        }
    }
    flush(&mut out, &mut old, &mut new);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_keeps_every_word() {
        let pieces = compare("On [day] it failed.", "On Monday it failed.");
        let join = |tags: [&str; 2]| -> String {
            pieces.iter().filter(|(t, _)| tags.contains(t)).map(|(_, s)| s.as_str()).collect()
        };
        assert_eq!(join(["same", "new"]), "On Monday it failed.");
        assert_eq!(join(["same", "old"]), "On [day] it failed.");
    }

    #[test]
    fn changes_that_a_word_parts_are_read_as_one() {
        let pieces = compare(
            "We know of the fault and will tell you more at noon.",
            "We have found the fault and will tell you more at one.",
        );
        let shown: Vec<_> = pieces.iter().map(|(tag, text)| (*tag, text.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("same", "We "),
                ("old", "know of"),
                ("new", "have found"),
                ("same", " the fault and will tell you more at "),
                ("old", "noon."),
                ("new", "one."),
            ]
        );
    }
}
