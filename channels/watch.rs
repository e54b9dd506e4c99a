//! What is on an account, whoever posted it.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::html::unescape;
use crate::{Adapter, Rendition, Setting};

/// Most characters of a post that are kept.
const WORDS: usize = 500;

/// The setting of each adapter whose accounts are looked at unasked.
pub(crate) const OFF: Setting = Setting {
    name: "watch",
    help: "Write off, and nobody looks for posts that Holdline did not send: where others post by hand all day",
    required: false,
    private: false,
};

/// How many minutes lie between two looks at an account, at least; nothing: nobody is to look, or the network takes money
/// for each look, and nobody has asked for any (the setting `watch`).
///
/// Meta grants the account of a single reader 4,800 calls a day
/// (<https://developers.facebook.com/docs/graph-api/overview/rate-limiting>), which posts need too: a look every five
/// minutes takes 288 of them. LinkedIn tells nobody its limits of a day
/// (<https://learn.microsoft.com/linkedin/shared/api-guide/concepts/rate-limits>), so that a look is rare there: 48 a day.
pub fn every(adapter: &Adapter, settings: &Value) -> Option<i64> {
    match adapter.ways.looks_every {
        None => wished(settings).ok().flatten(),
        Some(minutes) => (!is_off(settings)).then_some(minutes),
    }
}

/// Whether the setting of the watch can be read.
///
/// # Errors
/// A sentence that says what to write.
pub fn check(adapter: &Adapter, settings: &Value) -> Result<(), String> {
    let is_empty = match settings.get("watch") {
        None | Some(Value::Null) => true,
        Some(told) => told.as_str().is_some_and(|text| text.trim().is_empty()),
    };
    if adapter.ways.looks_every.is_none() || is_empty || is_off(settings) {
        return Ok(());
    }
    Err("write off, or leave it empty".to_owned())
}

fn is_off(settings: &Value) -> bool {
    settings.get("watch").and_then(Value::as_str).is_some_and(|text| text.trim() == "off")
}

/// The minutes that the settings ask for.
///
/// # Errors
/// A sentence that names the setting.
pub(crate) fn wished(settings: &Value) -> Result<Option<i64>, String> {
    let told = match settings.get("watch") {
        None | Some(Value::Null) => return Ok(None),
        _ if is_off(settings) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(other) => other.as_i64(),
    };
    let told = told.filter(|minutes| (5..=1_440).contains(minutes));
    told.map(Some).ok_or_else(|| "the setting watch: write a number of minutes from 5 to 1440".to_owned())
}

/// Said in place of the words of a post that only followers see.
pub const FOLLOWERS_ONLY: &str = "(for followers only)";

/// An account, and its newest posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The network's own name for it, with its server: two channels with the same one post on one account.
    pub id: String,
    /// Its other ids: those that channels with another number of the same account have.
    pub also: Vec<String>,
    /// What people call it.
    pub shown: String,
    pub lists: Vec<List>,
    /// There is more that is new than could be read.
    pub more: bool,
}

impl Account {
    /// Whether an id is this account's.
    pub fn is(&self, id: &str) -> bool {
        self.id == id || self.also.iter().any(|also| also == id)
    }

    /// The same account by these numbers, too.
    pub fn also_by(&mut self, numbers: &[String]) {
        let Some((network, _)) = self.id.rsplit_once(' ') else { return };
        let ids: Vec<String> = numbers.iter().map(|number| format!("{network} {number}")).collect();
        self.also.extend(ids.into_iter().filter(|id| !self.is(id)).collect::<Vec<_>>());
    }

    /// Its numbers, the one that posts are named by here first; of an account with one id there are none.
    pub fn numbers(&self) -> Vec<&str> {
        let ids = std::iter::once(&self.id).chain(&self.also).filter(|_| !self.also.is_empty());
        ids.filter_map(|id| id.rsplit_once(' ')).map(|(_, number)| number).collect()
    }

    /// How receipts name a post: by this id, or by one with another number of the account before the colon.
    pub fn names(&self, post: &str) -> Vec<String> {
        let numbers = self.numbers();
        let bare = post.split_once(':').filter(|(whose, _)| numbers.first() == Some(whose));
        let others = bare.iter().flat_map(|(_, id)| numbers.iter().skip(1).map(move |n| format!("{n}:{id}")));
        std::iter::once(post.to_owned()).chain(others).collect()
    }

    /// Every post once.
    pub fn posts(&self) -> Vec<&Seen> {
        let mut ids = std::collections::HashSet::new();
        self.lists.iter().flat_map(|list| &list.posts).filter(|post| ids.insert(post.id.as_str())).collect()
    }
}

/// Posts, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub posts: Vec<Seen>,
    pub told: Told,
}

/// What tells the new posts of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// An order that stays, such as that in which the network made them: what stands before a known one is new,
    /// whatever time it bears. `whole`: nothing is behind the last one, so when the look before saw all, too, everything that is
    /// not known is new.
    ByOrder { whole: bool },
    /// An order that no document promises, and dates that people can give: what stands before a known one that came
    /// since the watch began is new; elsewhere the date counts.
    Loosely,
    /// The network's own clock.
    ByTime,
}

/// A post that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// As a receipt names it.
    pub id: String,
    /// When the network, or whoever posted it, says that it was made or shown again.
    pub at: Option<DateTime<Utc>>,
    pub url: Option<String>,
    /// Plain words, of at most 500 characters; `…` at the end: there are more. They are anybody's.
    pub words: String,
}

/// A network's words as they can be kept: on one line, and without what nobody sees.
pub(crate) fn words(text: &str) -> String {
    let shown = |c: char| if c.is_whitespace() { ' ' } else { c };
    let hidden = |c: &char| !c.is_control() && !crate::text::turns(*c);
    let line: String = text.chars().map(shown).filter(hidden).collect();
    let line = line.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= WORDS {
        return line;
    }
    line.chars().take(WORDS - 1).chain(['…']).collect()
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
    words(&unescape(&text, &NAMES))
}

/// The names that systems write in their pages.
const NAMES: [(&str, char); 8] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("hellip", '…'),
    ("shy", '\u{ad}'),
];

/// Fewer letters of a beginning than this tell nothing of the rest.
const BEGINNING: usize = 40;

/// The part of a text that was sent whose words these may be, 0 for the first. Letters and digits are compared, because
/// networks change marks, links, line breaks, and the servers of mentions.
pub fn part_said(seen: &str, sent: &Rendition) -> Option<usize> {
    let beginning = seen.strip_suffix('…').map(bare).filter(|b| b.chars().count() >= BEGINNING);
    let seen = bare(seen);
    let says = |text: &str| {
        let sent = bare(text);
        sent == seen || beginning.as_ref().is_some_and(|b| sent.starts_with(b.as_str()))
    };
    let title = sent.title.as_deref().unwrap_or_default();
    let is_part = |(n, text): &(usize, &str)| says(text) || (*n == 0 && says(&format!("{title} {text}")));
    sent.texts().enumerate().find(is_part).map(|(n, _)| n)
}

/// What is compared of a text: its letters and digits, or all its marks where there are none.
fn bare(text: &str) -> String {
    let word = |word: &str| {
        let word = word.trim_start_matches("https://").trim_start_matches("http://");
        // A mention is shown without its server.
        let mention = word.find('@').and_then(|at| word[at + 1..].find('@').map(|server| at + 1 + server));
        word[..mention.unwrap_or(word.len())].to_lowercase()
    };
    let words: String = text.split_whitespace().map(word).collect();
    let letters: String = words.chars().filter(|c| c.is_alphanumeric()).collect();
    if letters.is_empty() { words } else { letters }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facebook, mastodon, x};

    #[test]
    fn words_are_plain_and_short() {
        assert_eq!(words(" a\n\tb\u{202e}c\0 "), "a bc");
        let cut = words(&"é".repeat(900));
        assert_eq!((cut.chars().count(), cut.chars().last()), (500, Some('…')));
        assert_eq!(words(&"é".repeat(500)), "é".repeat(500));
        let html =
            "<p>Caf&eacute; &amp; bar<br>see <a href=\"https://b.example/?a=1&amp;b\">b</a> &lt;b&gt;</p>";
        assert_eq!(words_of_html(html), "Caf&eacute; & bar see b <b>");
        assert_eq!(words_of_html("a > b <script"), "a > b");
        assert_eq!(
            words_of_html("&amp;lt; &#91;Up&#x5D; &#0; &#99999999999; &"),
            "&lt; [Up] &#99999999999; &"
        );
    }

    #[test]
    fn where_a_look_costs_money_nobody_looks_unasked() {
        use serde_json::json;
        let x = |told: Value| every(&x::ADAPTER, &json!({ "watch": told }));
        assert_eq!((every(&x::ADAPTER, &json!({})), x(json!("")), x(json!(null))), (None, None, None));
        assert_eq!((x(json!(" 15 ")), x(json!(5)), x(json!(1_440))), (Some(15), Some(5), Some(1_440)));
        for odd in [json!(4), json!("1441"), json!("often"), json!(-5), json!(7.5), json!([5])] {
            assert!(wished(&json!({ "watch": odd })).unwrap_err().contains("setting watch"), "{odd}");
            assert_eq!(x(odd), None);
        }
        assert_eq!(
            (every(&facebook::ADAPTER, &json!({})), every(&mastodon::ADAPTER, &json!({}))),
            (Some(5), Some(1))
        );
    }

    #[test]
    fn nobody_looks_where_that_is_turned_off() {
        use serde_json::json;
        let off = json!({ "watch": " off " });
        for adapter in crate::ALL.iter().filter(|a| a.capabilities.watches) {
            assert!(adapter.settings.iter().any(|s| s.name == "watch"), "{}", adapter.name);
            assert_eq!((every(adapter, &off), check(adapter, &off)), (None, Ok(())), "{}", adapter.name);
        }
        let ghost = crate::adapter("ghost").unwrap();
        assert_eq!(check(ghost, &json!({ "watch": "" })), Ok(()));
        assert!(
            check(ghost, &json!({ "watch": "5" })).is_err() && check(ghost, &json!({ "watch": 0 })).is_err()
        );
    }

    fn said(seen: &str, title: &str, text: &str) -> Option<usize> {
        let mut sent = crate::suite::job().rendition;
        sent.title = Some(title.to_owned()).filter(|t| !t.is_empty());
        let mut parts = text.split("|").map(str::to_owned);
        sent.text = parts.next().unwrap();
        sent.more = parts.collect();
        part_said(seen, &sent)
    }

    #[test]
    fn what_may_be_ours_is_compared_by_all_its_letters() {
        let text = "Cards fail;\nsee https://bank.example/a";
        assert_eq!(said("Cards fail; see bank.example/a", "", text), Some(0));
        assert_eq!(said("Title: Cards fail: see bank.example/a", "Title", text), Some(0));
        for other in ["Cards work", "Cards fail; see bank.example/a and pay at evil.example", "Cards", ""] {
            assert_eq!(said(other, "", text), None, "{other}");
        }
        assert_eq!(said("Second", "Title", "First|Second"), Some(1));
        assert_eq!(said("Ask @help", "", "Ask @help@social.example"), Some(0));
        assert_eq!(
            (said("👍 👍", "", "👍👍"), said("👎", "", "👍👍"), said("…", "", "👍")),
            (Some(0), None, None)
        );
        let long = "word ".repeat(200);
        assert_eq!(said(&words(&long), "", &long), Some(0), "as far as they are kept");
        assert_eq!(said("Cards…", "", text), None, "a short beginning tells nothing");
    }
}
