//! How many messages a text is when it goes by SMS (3GPP TS 23.038, section 6.2.1; TS 23.040, section 9.2.3.24.1).
//! Pure.

/// The letters of the default alphabet, each one septet.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
    abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those of its extension, each two.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// A text as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Messages {
    /// How many messages each recipient is sent, which the phone puts together.
    pub count: usize,
    /// The first letter that the default alphabet lacks. It makes all of the text UCS-2, so that fewer letters fit
    /// into one message.
    pub odd: Option<char>,
}

/// How a text is sent. A letter of two units is never parted.
pub fn messages(text: &str) -> Messages {
    let odd = text.chars().find(|c| septets(*c).is_none());
    let (alone, joined) = if odd.is_some() { (70, 67) } else { (160, 153) };
    let units = |c: char| if odd.is_some() { c.len_utf16() } else { septets(c).unwrap_or(1) };
    if text.chars().map(units).sum::<usize>() <= alone {
        return Messages { count: 1, odd };
    }
    let (mut count, mut taken) = (1, 0);
    for size in text.chars().map(units) {
        if taken + size > joined {
            (count, taken) = (count + 1, 0);
        }
        taken += size;
    }
    Messages { count, odd }
}

fn septets(c: char) -> Option<usize> {
    if ALPHABET.contains(c) {
        return Some(1);
    }
    EXTENSION.contains(c).then_some(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_alphabet_is_whole() {
        // 128 places, one of which is the way to the extension.
        assert_eq!((ALPHABET.chars().count(), EXTENSION.chars().count()), (127, 10));
    }

    #[test]
    fn a_text_is_counted_as_phones_get_it() {
        let count = |text: &str| messages(text).count;
        assert_eq!([0, 1, 160, 161, 306, 307].map(|n| count(&"a".repeat(n))), [1, 1, 1, 2, 2, 3]);
        assert_eq!([80, 81].map(|n| count(&"€".repeat(n))), [1, 2], "two septets each");
        // 153 is odd: the last place of each message stays empty.
        assert_eq!([152, 153].map(|n| count(&"€".repeat(n))), [2, 3]);
        assert_eq!([70, 71, 134, 135].map(|n| count(&"ż".repeat(n))), [1, 2, 2, 3]);
        assert_eq!(
            [35, 36, 66, 67].map(|n| count(&"😀".repeat(n))),
            [1, 2, 2, 3],
            "two units each, never parted"
        );
    }

    #[test]
    fn one_odd_letter_makes_the_whole_text_longer() {
        let text = format!("{}’", "a".repeat(99));
        assert_eq!(messages(&text), Messages { count: 2, odd: Some('’') });
        assert_eq!(messages(&text.replace('’', "'")), Messages { count: 1, odd: None });
        assert_eq!(messages("Paiements perturbés à Zürich: 5 € {1}").odd, None);
        assert_eq!(messages("ça").odd, Some('ç'), "only the capital one is in it");
    }

    /// What a phone is sent, letter by letter: the parts of a text, each as full as it can be.
    fn parts(text: &str, odd: bool) -> Vec<Vec<char>> {
        // A letter of the extension has the way to it before itself; others are what UTF-16 makes of them.
        let units = |c: &char| match odd {
            true => c.encode_utf16(&mut [0; 2]).len(),
            false => 1 + usize::from("\u{c}^{}\\[~]|€".contains(*c)),
        };
        let size = |part: &[char]| part.iter().map(units).sum::<usize>();
        let all: Vec<char> = text.chars().collect();
        let (alone, joined) = if odd { (140 / 2, 134 / 2) } else { (140 * 8 / 7, 134 * 8 / 7) };
        if size(&all) <= alone {
            return vec![all];
        }
        let mut parts: Vec<Vec<char>> = Vec::new();
        let mut rest = &all[..];
        while !rest.is_empty() {
            let fits = (1..=rest.len()).rev().find(|n| size(&rest[..*n]) <= joined).unwrap();
            parts.push(rest[..fits].to_vec());
            rest = &rest[fits..];
        }
        parts
    }

    proptest! {
        #[test]
        fn each_message_is_as_full_as_it_can_be(
            letters in proptest::collection::vec("[a-zA-Z0-9 @£€\\[\\]{}~|^ÄÖÜàß\n]{0,30}", 0..20),
            odd in proptest::option::of("[ç’ż😀字]"),
            at in 0..20_usize,
        ) {
            let mut words = letters;
            if let Some(odd) = &odd {
                words.insert(at.min(words.len()), odd.clone());
            }
            let text = words.concat();
            let told = messages(&text);
            assert_eq!(told.odd, odd.and_then(|odd| odd.chars().next()));
            let parts = parts(&text, told.odd.is_some());
            assert_eq!(told.count, parts.len().max(1), "{text:?}");
            assert_eq!(parts.concat().into_iter().collect::<String>(), text, "nothing is lost");
        }

        #[test]
        fn more_words_are_never_fewer_messages(text in ".{0,200}", more in ".{0,200}") {
            let both = messages(&format!("{text}{more}"));
            assert!(both.count >= messages(&text).count.max(messages(&more).count));
            assert_eq!(both.odd, messages(&text).odd.or(messages(&more).odd));
        }
    }
}
