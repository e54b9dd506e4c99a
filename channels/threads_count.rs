//! The length of a text as Threads counts it. Pure.
//!
//! Threads counts characters, and emoji by their bytes in UTF-8
//! (<https://developers.facebook.com/docs/threads/posts>). What it takes for an emoji is not said: here it is
//! whatever people see as one character and holds an emoji, and the older symbols that are shown as one.

use unicode_segmentation::UnicodeSegmentation;

/// How long the text is for Threads.
pub(crate) fn count(text: &str) -> usize {
    text.graphemes(true).map(|g| if g.chars().any(is_emoji) { g.len() } else { g.chars().count() }).sum()
}

/// Whether the character is shown as an emoji, or makes one of what is before it.
fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{20e3}' | '\u{2122}' | '\u{2139}'
        | '\u{2194}'..='\u{2199}' | '\u{21a9}' | '\u{21aa}' | '\u{231a}' | '\u{231b}' | '\u{2328}'
        | '\u{23cf}' | '\u{23e9}'..='\u{23fa}' | '\u{24c2}' | '\u{25aa}' | '\u{25ab}' | '\u{25b6}'
        | '\u{25c0}' | '\u{25fb}'..='\u{25fe}' | '\u{2600}'..='\u{27bf}' | '\u{2934}' | '\u{2935}'
        | '\u{2b05}'..='\u{2b07}' | '\u{2b1b}' | '\u{2b1c}' | '\u{2b50}' | '\u{2b55}' | '\u{3030}'
        | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}'
        | '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_lies_between_characters_and_bytes(text in "(\\PC|👩‍👩‍👧|🇫🇷|1️⃣|é| ){0,40}") {
            let (characters, counted) = (text.chars().count(), count(&text));
            prop_assert!(characters <= counted && counted <= text.len(), "{}: {}", text, counted);
        }

        #[test]
        fn words_count_as_characters(text in "[a-zA-ZäöüßéèçñœΑ-Ωα-ωа-яא-ת一-龥 .,;:!?'\"0-9-]{0,60}") {
            prop_assert_eq!(count(&text), text.chars().count());
        }
    }

    #[test]
    fn emoji_count_by_their_bytes() {
        for (text, length) in
            [("Störung", 7), ("⚠️", 6), ("🚨", 4), ("👩‍👩‍👧", 18), ("🇫🇷", 8), ("1️⃣", 7), ("→", 1), ("a🚨b", 6)]
        {
            assert_eq!(count(text), length, "{text}");
        }
    }
}
