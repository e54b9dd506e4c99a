//! The event that a post becomes, and how one is known again. Pure.

use std::fmt::Write;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::html::{escape, paragraphs};
use crate::{Job, Rendition};

/// Our field in an event's content: the delivery's id.
pub(super) const KEY: &str = "holdline.delivery";
/// Most bytes of a picture's address.
const LONGEST_ADDRESS: usize = 300;

/// The transaction id that all attempts at one delivery share.
pub(super) fn transaction(job: &Job) -> String {
    format!("holdline-{}", job.delivery.simple())
}

/// The content of the event, with the addresses of its pictures.
pub(super) fn content(post: &Rendition, delivery: Uuid, pictures: &[String]) -> Value {
    let mut content = json!({
        "msgtype": "m.text",
        "body": post.text,
        "m.mentions": {},
        KEY: delivery.to_string(),
    });
    if !pictures.is_empty() {
        let mut html = paragraphs(&post.text, "<br>");
        for (picture, uri) in post.media.iter().zip(pictures) {
            let (uri, alt) = (escape(uri), escape(&picture.alt));
            let _ = write!(html, "<p><img src=\"{uri}\" alt=\"{alt}\" title=\"{alt}\"></p>");
        }
        content["format"] = "org.matrix.custom.html".into();
        content["formatted_body"] = html.into();
    }
    content
}

/// How many bytes the event's content has at most, before the addresses of its pictures are known.
pub(crate) fn size(post: &Rendition) -> usize {
    let pictures = vec!["m".repeat(LONGEST_ADDRESS); post.media.len()];
    content(post, Uuid::nil(), &pictures).to_string().len()
}

/// The same of an event that replaces another one: the text stands there once more, for apps that know nothing of
/// that, with the other event's id.
pub(crate) fn size_of_change(post: &Rendition) -> usize {
    const AROUND: usize = 600;
    size(post) + json!(post.text).to_string().len() + AROUND
}

/// The content of a redaction. It says whose event is gone, which the event itself does not any more.
pub(super) fn removal(job: &Job) -> Value {
    json!({ KEY: job.delivery.to_string() })
}

/// An event, as the server shows it. Whatever is not as expected is somebody's fault, and proves nothing.
pub(super) struct Event<'a>(pub &'a Value);

/// What a look for the event of a delivery saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is there, under this id.
    There(String),
    /// It was there, and somebody took it down.
    TakenDown,
    /// It is there, from another account.
    Other,
    /// There is a message that may be it, without what would tell whose it is.
    Unclear,
    Nothing,
    /// There were too many messages to look through.
    TooMuch,
    /// The room does not show any more what was there before it.
    Cut,
}

impl<'a> Event<'a> {
    pub fn id(&self) -> Option<&'a str> {
        self.0["event_id"].as_str().filter(|id| is_event(id))
    }

    pub fn is_of(&self, account: &str) -> bool {
        self.0["sender"] == account
    }

    /// Whether the server says that it was taken down.
    pub fn is_redacted(&self) -> bool {
        !self.0["unsigned"]["redacted_because"].is_null()
    }

    /// Whether it shows any words.
    pub fn has_words(&self) -> bool {
        self.0["content"]["body"].is_string()
    }

    /// What it says about the delivery. The server tells the transaction to the device that sent it, also
    /// once the content is gone.
    pub fn seen(&self, job: &Job, account: &str) -> Seen {
        let (content, unsigned) = (&self.0["content"], &self.0["unsigned"]);
        let is_down = self.is_redacted() || !self.has_words();
        let key = job.delivery.to_string();
        if !self.is_of(account) {
            let known = self.0["sender"].is_string();
            return match (content[KEY] == key, known) {
                (true, true) => Seen::Other,
                (_, false) => Seen::Unclear,
                (false, true) => Seen::Nothing,
            };
        }
        let told = unsigned["transaction_id"].as_str();
        let taken_down = &unsigned["redacted_because"];
        let down_for = taken_down["content"][KEY].as_str().filter(|_| taken_down["sender"] == account);
        if content[KEY] == key || told.is_some_and(|t| t == transaction(job)) || down_for == Some(&key) {
            return match self.id() {
                _ if is_down => Seen::TakenDown,
                Some(id) => Seen::There(id.to_owned()),
                None => Seen::Unclear,
            };
        }
        let is_another = content[KEY].is_string() || told.is_some() || down_for.is_some();
        // Some servers show what an edit made of it, without our field.
        let is_edited = !unsigned["m.relations"]["m.replace"].is_null();
        if !is_another && (is_down || is_edited) { Seen::Unclear } else { Seen::Nothing }
    }
}

/// Whether it has the form of an account's id.
pub(super) fn is_account(text: &str) -> bool {
    is_id(text, '@') && text.contains(':')
}

/// Whether it has the form of a picture's address.
pub(super) fn is_picture(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:.-_~[]".contains(c);
    text.starts_with("mxc://") && text.len() <= LONGEST_ADDRESS && text.chars().all(plain)
}

/// Whether it has the form of a room's id.
pub(super) fn is_room(text: &str) -> bool {
    is_id(text, '!')
}

/// Whether it has the form of an event's id.
pub(super) fn is_event(text: &str) -> bool {
    is_id(text, '$')
}

fn is_id(text: &str, sigil: char) -> bool {
    let rest = text.strip_prefix(sigil).unwrap_or_default();
    (1..=254).contains(&rest.len()) && rest.chars().all(|c| c.is_ascii_graphic())
}

/// The message's address, with the server that a reader's own can ask for it.
pub(super) fn link(room: &str, event: &str, account: Option<&str>) -> String {
    let escaped = |part: &str| url::form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
    let via = account.and_then(|a| a.split_once(':')).map(|(_, server)| format!("?via={}", escaped(server)));
    format!("https://matrix.to/#/{}/{}{}", escaped(room), escaped(event), via.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::MediaRef;

    /// How many bytes a text takes as JSON (RFC 8259, section 7), with its quotes.
    fn written(text: &str) -> usize {
        let one = |c: char| match c {
            '"' | '\\' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t' => 2,
            '\0'..='\u{1f}' => 6,
            _ => c.len_utf8(),
        };
        text.chars().map(one).sum::<usize>() + 2
    }

    fn post(text: &str, alts: &[String]) -> Rendition {
        let picture =
            |alt: &String| MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: alt.clone() };
        let (text, language) = (text.to_owned(), "en".to_owned());
        Rendition { title: None, text, more: Vec::new(), language, media: alts.iter().map(picture).collect() }
    }

    proptest! {
        #[test]
        fn an_event_has_the_bytes_of_its_words_and_of_what_is_around_them(text in any::<String>()) {
            const AROUND: &str = r#"{"body":,"holdline.delivery":"00000000-0000-0000-0000-000000000000","m.mentions":{},"msgtype":"m.text"}"#;
            assert_eq!(size(&post(&text, &[])), AROUND.len() + written(&text));
            let change = size_of_change(&post(&text, &[]));
            assert!(change >= AROUND.len() + 2 * written(&text), "the words stand there twice");
        }

        #[test]
        fn no_event_with_pictures_is_longer_than_was_counted(
            text in any::<String>(), alts in proptest::collection::vec(any::<String>(), 1..5),
            address in "mxc://bank\\.example/[a-zA-Z0-9_-]{1,280}", delivery in any::<u128>(),
        ) {
            assert!(is_picture(&address));
            let post = post(&text, &alts);
            let sent = content(&post, Uuid::from_u128(delivery), &vec![address.clone(); alts.len()]).to_string().len();
            let counted = size(&post);
            assert!(sent <= counted, "{sent} bytes, and {counted} were counted");
            // Nor much shorter: what is not known is how long the addresses are.
            assert_eq!(counted - sent, alts.len() * (LONGEST_ADDRESS - address.len()));
        }
    }
}
