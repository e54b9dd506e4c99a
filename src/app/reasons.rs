//! Why somebody does something, in their own words: the team and the log need it.

use ::channels::text::{hidden, turns};

use super::{AppError, Result};

/// Most characters of a reason, a comment or a note beside a decision.
pub const LONGEST: usize = 2_000;

/// A reason as it is kept: not too long, and without what steers a reader's screen. It may be empty.
///
/// # Errors
/// A sentence at that field.
pub(super) fn check(field: &str, text: &str) -> Result<()> {
    if text.chars().count() > LONGEST {
        return Err(AppError::field(field, format!("write at most {LONGEST} characters")));
    }
    match hidden(&text.replace("\r\n", "\n"), true) {
        Some(c) => {
            let words = format!("take out the hidden character {}", c.escape_unicode());
            Err(AppError::field(field, words))
        }
        None => Ok(()),
    }
}

/// A reason as it is kept where nothing may be refused for its words: cut, and without what steers a
/// reader's screen. With it, whether it is another one than was said.
pub(super) fn mended(said: &str) -> (String, bool) {
    let said = said.replace("\r\n", "\n");
    let kept = clean(&said, LONGEST, true);
    let is_other = kept != said.trim();
    (kept, is_other)
}

/// A text in one form: without what steers a reader's screen, and not longer than that.
pub(super) fn clean(text: &str, most: usize, lines: bool) -> String {
    let is_break = |c: char| lines && matches!(c, '\n' | '\t');
    let plain = text.chars().filter(|c| !turns(*c));
    let plain: String = plain.map(|c| if c.is_control() && !is_break(c) { ' ' } else { c }).collect();
    let plain = plain.trim();
    if plain.chars().count() <= most {
        return plain.to_owned();
    }
    let mut cut: String = plain.chars().take(most - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, clean, mended};

    #[test]
    fn texts_are_shortened_and_steer_no_screen() {
        assert_eq!(clean(" a\u{1b}[2J\nb\u{202e}c ", 99, false), "a [2J bc");
        assert_eq!(clean("a\nb\r\nc", 99, true), "a\nb \nc");
        assert_eq!(clean("éééé", 4, false), "éééé");
        assert_eq!(clean("ééééé", 4, false), "ééé…");
    }

    #[test]
    fn a_mended_reason_says_so() {
        assert_eq!(mended(" down\r\nagain "), ("down\nagain".into(), false));
        assert_eq!(mended("a\u{202e}b\rc"), ("ab c".into(), true));
        let (cut, is_other) = mended(&"é".repeat(LONGEST + 1));
        assert!(is_other && cut.chars().count() == LONGEST && cut.ends_with("é…"));
    }
}
