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
}
