//! What Instagram takes of a text, besides its length. Pure.
//!
//! Facts: the page `reference/ig-user/media` of <https://developers.facebook.com/docs/instagram-platform> tells of 30
//! hashtags and 20 mentions in a caption; since December 2025 Instagram says that it takes five hashtags, and services
//! that post there tell of five and three. The lower ones are kept: a post that is refused when it is due helps nobody.

use crate::Rendition;
use crate::text::Problem;

const MOST_TAGS: usize = 5;
const MOST_MENTIONS: usize = 3;
const TAG: [char; 2] = ['#', '\u{ff03}'];
const MENTION: [char; 2] = ['@', '\u{ff20}'];

/// What Instagram does not take of it, all of it at once.
pub(crate) fn problems(r: &Rendition) -> Vec<Problem> {
    let mut out = Vec::new();
    let mut add = |field, message: String| out.push(Problem { field, message });
    let tags = tags(&r.text);
    if tags > MOST_TAGS {
        add("text", format!("has {tags} hashtags; Instagram takes {MOST_TAGS}"));
    }
    let mentions = mentions(&r.text);
    if mentions > MOST_MENTIONS {
        add("text", format!("has {mentions} mentions; Instagram takes {MOST_MENTIONS}"));
    }
    out
}

/// How many hashtags there are, also within a word. What Instagram counts is not said: this rather counts one too
/// many.
fn tags(text: &str) -> usize {
    let mut chars = text.chars().peekable();
    let mut count = 0;
    while let Some(c) = chars.next() {
        let names = |next: &char| !next.is_whitespace() && !TAG.contains(next);
        count += usize::from(TAG.contains(&c) && chars.peek().is_some_and(names));
    }
    count
}

/// How many mentions there are. After a letter it is an address of mail.
fn mentions(text: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    let mut count = 0;
    while let Some(c) = chars.next() {
        let begins = !is_word(before) && chars.peek().is_some_and(|next| is_word(*next));
        count += usize::from(MENTION.contains(&c) && begins);
        before = c;
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::MediaRef;
    use crate::text::{Unit, count};

    fn post(text: &str, mimes: &[&str]) -> Rendition {
        let picture = |mime: &&str| MediaRef { sha256: "ab".into(), mime: (*mime).into(), alt: "A".into() };
        Rendition {
            title: None,
            text: text.to_owned(),
            more: Vec::new(),
            language: "en".to_owned(),
            media: mimes.iter().map(picture).collect(),
        }
    }

    #[test]
    fn tags_and_mentions_are_counted_where_they_begin() {
        assert_eq!(tags("#a #b\n(#c) #_ ##d # e#f #1 #\u{2764}"), 8);
        assert_eq!(mentions("@bank, mail a@b.example or @a.b @ c"), 2);
        let said = |text: String| problems(&post(&text, &["image/jpeg"])).pop().map(|p| p.message);
        assert_eq!(said("#a ".repeat(5)), None);
        assert_eq!(said("#a ".repeat(6)).unwrap(), "has 6 hashtags; Instagram takes 5");
        assert_eq!(said("@a ".repeat(3)), None);
        assert_eq!(said("@a ".repeat(4)).unwrap(), "has 4 mentions; Instagram takes 3");
    }

    /// A part of a caption: how many tags and mentions it has, and how many units of UTF-16.
    fn part() -> impl Strategy<Value = (String, usize, usize, usize)> {
        let word =
            |mark: &'static str| ("[a-zé0-9_]{1,8}", Just(mark)).prop_map(|(w, mark)| format!("{mark}{w}"));
        let of = |text: String, tags, mentions| {
            // A letter beyond the first plane takes two units; none of these needs more than one otherwise.
            let units = text.chars().map(|c| if u32::from(c) > 0xffff { 2 } else { 1 }).sum();
            (text, tags, mentions, units)
        };
        prop_oneof![
            word("#").prop_map(move |text| of(text, 1, 0)),
            word("\u{ff03}").prop_map(move |text| of(text, 1, 0)),
            word("@").prop_map(move |text| of(text, 0, 1)),
            word("").prop_map(move |text| of(text, 0, 0)),
            // An address of mail, signs by themselves, and what is no letter.
            "[a-z]{1,5}@[a-z]{1,5}\\.example".prop_map(move |text| of(text, 0, 0)),
            prop_oneof!["#", "##", "@", "@ @", "😀", "👩‍👧"].prop_map(move |text| of(text, 0, 0)),
        ]
    }

    proptest! {
        #[test]
        fn a_caption_has_the_tags_mentions_and_units_of_its_parts(
            parts in proptest::collection::vec(part(), 0..12), blank in prop_oneof![" ", "\n", "\u{a0}"],
        ) {
            let texts: Vec<&str> = parts.iter().map(|p| p.0.as_str()).collect();
            let text = texts.join(&blank);
            let sum = |of: fn(&(String, usize, usize, usize)) -> usize| parts.iter().map(of).sum::<usize>();
            assert_eq!((tags(&text), mentions(&text)), (sum(|p| p.1), sum(|p| p.2)), "{text:?}");
            let units = sum(|p| p.3) + parts.len().saturating_sub(1);
            assert_eq!(count(&text, Unit::Instagram), units, "{text:?}");
            let said = problems(&post(&text, &["image/jpeg"])).len();
            assert_eq!(said, usize::from(sum(|p| p.1) > MOST_TAGS) + usize::from(sum(|p| p.2) > MOST_MENTIONS));
        }
    }
}
