//! Where an author parts a text, for networks that show a long one as a thread. Pure.

/// A line of its own that parts a text.
pub const MARK: &str = "---";

/// The parts of a text, in order and none of them empty. A text without a mark is one part, as it is.
pub fn parts(text: &str) -> Vec<String> {
    if !text.lines().any(is_mark) {
        return vec![text.to_owned()];
    }
    let lines: Vec<&str> = text.lines().collect();
    let parts = lines.split(|line| is_mark(line)).map(|part| part.join("\n").trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// The text for a network that shows it in one piece: each part is a paragraph.
pub fn whole(text: &str) -> String {
    parts(text).join("\n\n")
}

/// Begins what is written down of a part that is prepared, of which nobody knows yet whether it is out.
pub(crate) const PREPARED: char = '~';

/// Begins what is written down of the pictures of a post that is still being prepared: nothing of it is out.
pub(crate) const PICTURES: char = '+';

/// Ends what is written down of a thread that a person wanted taken down.
const WITHDRAWN: &str = " !";

/// The parts of a thread that its handle says are out, by what the network calls each.
pub fn out(handle: &str) -> impl Iterator<Item = &str> {
    let handle = handle.strip_suffix(WITHDRAWN).unwrap_or(handle);
    handle.split(' ').filter(|part| !part.is_empty() && !part.starts_with([PREPARED, PICTURES]))
}

/// The handle of a thread after a person wanted it taken down: no part is sent after those that are gone.
pub fn withdrawn(handle: &str) -> String {
    if is_withdrawn(handle) { handle.to_owned() } else { [handle, WITHDRAWN].concat() }
}

/// Whether a handle is that of a thread which a person wanted taken down.
pub fn is_withdrawn(handle: &str) -> bool {
    handle.ends_with(WITHDRAWN)
}

fn is_mark(line: &str) -> bool {
    line.trim() == MARK
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_line_of_its_own_parts_a_text() {
        assert_eq!(
            parts("One.\r\n---\r\nTwo\nlines.\n --- \n\n---\nThree."),
            ["One.", "Two\nlines.", "Three."]
        );
        for text in ["", " One. \n", "One --- two", "----", "a\n- - -\nb"] {
            assert_eq!(parts(text), [text], "{text:?}");
            assert_eq!(whole(text), text);
        }
        assert_eq!(whole("One.\n---\nTwo."), "One.\n\nTwo.");
        assert_eq!(whole("---\n---"), "", "nothing is left, and an empty text is refused");
    }

    #[test]
    fn what_is_prepared_is_not_out() {
        let of = |handle: &'static str| out(handle).collect::<Vec<_>>();
        assert_eq!(of("7:1 7:2 ~7:3"), ["7:1", "7:2"]);
        assert!(of("").is_empty() && of("~7:3").is_empty() && of("+7:1,2").is_empty());
    }

    #[test]
    fn what_a_person_wanted_taken_down_stays_known_and_says_so() {
        let handle = withdrawn("7:1 7:2 ~7:3");
        assert!(is_withdrawn(&handle) && !is_withdrawn("7:1 7:2 ~7:3"));
        assert_eq!(out(&handle).collect::<Vec<_>>(), ["7:1", "7:2"]);
        assert_eq!(withdrawn(&handle), handle);
    }

    proptest! {
        #[test]
        fn nothing_but_marks_and_blanks_is_lost(text in "([a-c ]{0,3}(\n|\n---\n|\n ---\n)){0,12}") {
            let bare = |t: &str| t.replace(MARK, "").split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(bare(&whole(&text)), bare(&text));
            prop_assert!(!whole(&text).lines().any(is_mark));
        }
    }
}
