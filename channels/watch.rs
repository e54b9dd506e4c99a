//! What is on an account, whoever posted it.

use chrono::{DateTime, Utc};

/// Most characters of a post that are kept.
const WORDS: usize = 500;

/// An account, and its newest posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The network's own name for it, with its server: two channels with the same one post on one account.
    pub id: String,
    /// What people call it.
    pub shown: String,
    pub posts: Vec<Seen>,
    /// How many of these come first, in the order in which the network made them, the newest first: what
    /// stands before one that is known is new, whatever time it bears.
    pub ordered: usize,
}

/// A post that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// As a receipt names it.
    pub id: String,
    /// When the network says that it was made, or shown again.
    pub at: Option<DateTime<Utc>>,
    pub url: Option<String>,
    /// Plain words, of at most 500 characters. They are anybody's.
    pub words: String,
}

/// A network's words as they can be kept: on one line, and without what nobody sees.
pub(crate) fn words(text: &str) -> String {
    let shown = |c: char| if c.is_whitespace() { ' ' } else { c };
    let hidden = |c: &char| !c.is_control() && !crate::text::turns(*c);
    let line: String = text.chars().map(shown).filter(hidden).collect();
    line.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ").chars().take(WORDS).collect()
}

/// The words of a page.
pub(crate) fn words_of_html(html: &str) -> String {
    let (mut text, mut inside) = (String::with_capacity(html.len()), false);
    for c in html.chars() {
        match c {
            '<' => {
                inside = true;
                text.push(' ');
            }
            '>' if inside => inside = false,
            other if !inside => text.push(other),
            _ => {}
        }
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    words(&entities.iter().fold(text, |text, (name, c)| text.replace(name, c)))
}

/// Whether the words of a post may be those of a text that was sent: letters and digits are compared, as far
/// as both are kept, because networks change marks, links and line breaks.
pub fn may_say(seen: &str, sent: &str) -> bool {
    let bare = |text: &str| -> String {
        let text = text.replace("https://", "").replace("http://", "");
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(80).collect()
    };
    let sent = bare(sent);
    let seen: String = seen.replace("https://", "").replace("http://", "");
    let seen: String = seen.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    !sent.is_empty() && seen.contains(&sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_plain_and_short() {
        assert_eq!(words(" a\n\tb\u{202e}c\0 "), "a bc");
        assert_eq!(words(&"é".repeat(900)).chars().count(), 500);
        let html =
            "<p>Caf&eacute; &amp; bar<br>see <a href=\"https://b.example/?a=1&amp;b\">b</a> &lt;b&gt;</p>";
        assert_eq!(words_of_html(html), "Caf&eacute; & bar see b <b>");
        assert_eq!(words_of_html("a > b <script"), "a > b");
        assert_eq!(words_of_html("&amp;lt;"), "&lt;", "each mark is read once");
    }

    #[test]
    fn what_may_be_ours_is_compared_by_its_letters() {
        assert!(may_say("Title Cards fail: see bank.example/a", "Cards fail;\nsee https://bank.example/a"));
        assert!(!may_say("Cards work", "Cards fail"));
        assert!(!may_say("anything", "…"), "nothing to compare");
        let long = "word ".repeat(200);
        assert!(may_say(&words(&long), &long), "as far as both are kept");
    }
}
