//! How long a text is for X. Pure.
//!
//! The counter of twitter-text 3.1.0, its configuration 3: the text in its composed form (NFC), most
//! letters of the alphabets 1, all else 2, an emoji 2, a link 23 whatever its length, also without a
//! scheme (<https://docs.x.com/fundamentals/counting-characters>). The lists of names and of emoji are
//! those of that version: what came later counts more, never less. A test compares with the package.

use unicode_normalization::UnicodeNormalization;

use crate::{x_emoji, x_urls};

const LINK: usize = 23;

/// The length of a text.
pub(crate) fn size(text: &str) -> usize {
    let text: String = text.nfc().collect();
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut links = x_urls::links(&units).into_iter().peekable();
    let emoji = emoji(&text);
    let mut emoji = emoji.iter().peekable();
    let (mut at, mut size) = (0, 0);
    while at < units.len() {
        while links.next_if(|(start, _)| *start < at).is_some() {}
        while emoji.next_if(|(start, _)| *start < at).is_some() {}
        if let Some((_, length)) = links.next_if(|(start, _)| *start == at) {
            size += LINK;
            at += length;
        } else if let Some((_, length)) = emoji.next_if(|(start, _)| *start == at) {
            size += 2;
            at += length;
        } else {
            let pair = is_pair(&units[at..]);
            size += if pair { 2 } else { weight(units[at]) };
            at += 1 + usize::from(pair);
        }
    }
    size
}

/// A character that X takes in no post.
pub(crate) fn refused(text: &str) -> Option<char> {
    text.chars().find(|c| u16::try_from(u32::from(*c)).is_ok_and(x_urls::is_invalid))
}

/// The emoji of several characters: where each begins, and its length.
fn emoji(text: &str) -> Vec<(usize, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at, mut start) = (Vec::new(), 0, 0);
    while at < chars.len() {
        let count = x_emoji::sequence(&chars[at..]);
        let length = chars[at..at + count].iter().map(|c| c.len_utf16()).sum();
        if count > 1 {
            out.push((start, length));
        }
        at += count;
        start += length;
    }
    out
}

fn is_pair(units: &[u16]) -> bool {
    matches!(units, [0xd800..=0xdbff, 0xdc00..=0xdfff, ..])
}

fn weight(unit: u16) -> usize {
    match unit {
        0..=4_351 | 8_192..=8_205 | 8_208..=8_223 | 8_242..=8_247 => 1,
        _ => 2,
    }
}

#[cfg(test)]
#[path = "x_count_tests.rs"]
mod tests;
