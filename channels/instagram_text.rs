//! What Instagram takes of a post, besides the length of its text. Pure.
//!
//! Facts: <https://developers.facebook.com/docs/instagram-platform/content-publishing> (JPEG only) and
//! `reference/ig-user/media` there (30 hashtags and 20 mentions in a caption).

use crate::Rendition;
use crate::text::Problem;

const MOST_TAGS: usize = 30;
const MOST_MENTIONS: usize = 20;

/// What Instagram does not take of it, all of it at once.
pub(crate) fn problems(r: &Rendition) -> Vec<Problem> {
    let mut out = Vec::new();
    let mut add = |field, message: String| out.push(Problem { field, message });
    if r.media.is_empty() {
        add("media", "is missing: Instagram takes no post without a picture".to_owned());
    }
    if r.media.iter().any(|m| m.mime != "image/jpeg") {
        add(
            "media",
            "has another format than JPEG, which is all that Instagram takes; save it as JPEG".into(),
        );
    }
    let tags = marked(&r.text, &['#', '\u{ff03}']);
    if tags > MOST_TAGS {
        add("text", format!("has {tags} hashtags; Instagram takes {MOST_TAGS}"));
    }
    let mentions = marked(&r.text, &['@', '\u{ff20}']);
    if mentions > MOST_MENTIONS {
        add("text", format!("has {mentions} mentions; Instagram takes {MOST_MENTIONS}"));
    }
    out
}

/// How often such a mark begins a word. What Instagram counts is not said: this rather counts one too many.
fn marked(text: &str, marks: &[char]) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    let mut count = 0;
    while let Some(c) = chars.next() {
        let begins =
            marks.contains(&c) && !is_word(before) && chars.peek().is_some_and(|next| is_word(*next));
        count += usize::from(begins);
        before = c;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MediaRef;

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
    fn a_post_needs_a_picture_and_every_picture_is_jpeg() {
        assert!(problems(&post("a", &["image/jpeg", "image/jpeg"])).is_empty());
        let said = |mimes: &[&str]| problems(&post("a", mimes)).pop().unwrap().message;
        assert_eq!(said(&[]), "is missing: Instagram takes no post without a picture");
        for mime in ["image/png", "image/gif", "image/webp"] {
            assert!(said(&["image/jpeg", mime]).contains("save it as JPEG"), "{mime}");
        }
    }

    #[test]
    fn tags_and_mentions_are_counted_where_they_begin() {
        assert_eq!(marked("#a #b\n(#c) #_ ##d # e#f #1", &['#']), 6);
        assert_eq!(marked("@bank, mail a@b.example or @a.b @ c", &['@']), 2);
        let tags = |n: usize| problems(&post(&"#a ".repeat(n), &["image/jpeg"]));
        assert!(tags(30).is_empty());
        assert_eq!(tags(31)[0].message, "has 31 hashtags; Instagram takes 30");
        let mentions = |n: usize| problems(&post(&"@a ".repeat(n), &["image/jpeg"]));
        assert!(mentions(20).is_empty());
        assert_eq!(mentions(21)[0].message, "has 21 mentions; Instagram takes 20");
    }
}
