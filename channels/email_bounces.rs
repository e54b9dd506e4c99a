//! What mail servers say later of a mail that they took: reports about deliveries (RFC 3464). Pure.
//!
//! A report is a mail of several parts (RFC 6522): words for people, which are not read; what became of each recipient; and the
//! mail that came back, or its headers. The mail is known by its `Message-ID`, which is that of the delivery, and each
//! recipient by the address that we wrote to.
//!
//! Anybody can send such a mail. So it counts only against recipients whom the ledger has as served, it never makes better
//! what is known, and nobody but its recipients knows the id of a mail. It is taken apart one level deep: what is packed into
//! each other however often is not opened. `mail-parser` reads the fields.

use lettre::Address;
use mail_parser::{HeaderName, Message, MessageParser};
use serde::Serialize;
use uuid::Uuid;

use super::list;
use crate::ledger::{Ledger, Mark, Recipient};
use crate::smtp_answers::Bounce;

/// Most bytes of a report. What a server sends back of the mail comes last in it, and only its headers count.
pub const MOST_BYTES: usize = 1 << 20;
/// More parts, and more recipients, are not read: a mail goes to 100 at most.
const MOST_PARTS: usize = 10;
const MOST_RECIPIENTS: usize = 200;
/// Most characters of a server's words that are kept.
const MOST_WORDS: usize = 200;

const NO_REPORT: &str =
    "this mail is no report of a mail server about a delivery (RFC 3464); nothing was changed";
const NO_MAIL: &str =
    "the report does not say which mail came back, or not one that was sent from here; nothing was changed";

/// What a report says of a mail of ours.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// The delivery whose mail it is about.
    pub delivery: Uuid,
    told: Vec<Told>,
}

/// What a report says of one recipient.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    /// As we wrote to them, as far as the server knows it; then as it tried to deliver it.
    addresses: Vec<Address>,
    fate: Fate,
}

#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It will not arrive: for good (5.x.x), or because servers put it off for too long (4.x.x); and why.
    Bounced(Class, String),
    /// Servers go on trying.
    Delayed,
    /// It arrived, or went on to where nobody reports.
    Arrived,
}

/// How a mail came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Hard,
    Soft,
}

/// What became of the word about one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Noted {
    /// It is written down that it came back for good.
    Hard,
    /// It is written down that it came back because it was put off for too long.
    Soft,
    /// It was known before that they do not have it.
    Known,
    /// Servers go on trying: nothing is written down.
    Delayed,
    /// It arrived: nothing is written down.
    Arrived,
    /// The mail did not go to such an address.
    Stranger,
}

/// What a report comes to.
#[derive(Debug)]
pub struct Applied {
    /// The ledger as it is now; nothing: it is as before.
    pub handle: Option<String>,
    /// For each recipient: as much of the address as may be read, and what became of the word.
    pub noted: Vec<(String, Noted)>,
}

/// Reads a mail that came back.
///
/// # Errors
/// In a sentence, why it counts for nothing.
pub fn read(mail: &[u8]) -> Result<Report, &'static str> {
    let whole = headers(mail).ok_or(NO_REPORT)?;
    let kind = whole.header(HeaderName::ContentType).and_then(|value| value.as_content_type());
    let boundary = kind.filter(|kind| kind.ctype().eq_ignore_ascii_case("multipart"));
    let boundary = boundary.and_then(|kind| kind.attribute("boundary")).ok_or(NO_REPORT)?;
    let (mut told, mut id) = (None, None);
    for part in parts(body(mail), boundary) {
        match kind_of(part).as_str() {
            "message/delivery-status" | "message/global-delivery-status" => told = told.or(content(part)),
            "message/rfc822" | "message/global" => id = id.or(delivery(body(part))),
            "text/rfc822-headers" | "message/global-headers" => {
                id = id.or_else(|| delivery(&content(part)?));
            }
            _ => {}
        }
    }
    let told = recipients(&told.ok_or(NO_REPORT)?);
    if told.is_empty() {
        return Err(NO_REPORT);
    }
    Ok(Report { delivery: id.ok_or(NO_MAIL)?, told })
}

/// The headers of a mail, or of a part, without what comes after them.
fn headers(mail: &[u8]) -> Option<Message<'_>> {
    MessageParser::new().parse_headers(&mail[..mail.len() - body(mail).len()])
}

/// What comes after the first empty line.
fn body(mail: &[u8]) -> &[u8] {
    let mut at = 0;
    for line in mail.split_inclusive(|b| *b == b'\n') {
        at += line.len();
        if line.trim_ascii_end().is_empty() {
            break;
        }
    }
    &mail[at..]
}

/// The parts between lines of the boundary (RFC 2046, section 5.1.1); the last may have been cut off.
fn parts<'m>(body: &'m [u8], boundary: &str) -> Vec<&'m [u8]> {
    let mark = format!("--{boundary}");
    let (mut parts, mut begins, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|b| *b == b'\n') {
        let after = line.trim_ascii_end().strip_prefix(mark.as_bytes());
        if let Some(end @ (b"" | b"--")) = after {
            parts.extend(begins.map(|begins| &body[begins..at]));
            begins = end.is_empty().then_some(at + line.len());
            if begins.is_none() || parts.len() == MOST_PARTS {
                return parts;
            }
        }
        at += line.len();
    }
    parts.extend(begins.map(|begins| &body[begins..]));
    parts
}

fn kind_of(part: &[u8]) -> String {
    let Some(part) = headers(part) else { return String::new() };
    let kind = part.header(HeaderName::ContentType).and_then(|value| value.as_content_type());
    let name = kind.map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
    name.unwrap_or_default().to_ascii_lowercase()
}

/// What is in a part, decoded, and nothing of it opened: it is called plain bytes, whatever it calls itself.
fn content(part: &[u8]) -> Option<Vec<u8>> {
    let head = headers(part)?;
    let encoding = head.header(HeaderName::ContentTransferEncoding).and_then(|value| value.as_text());
    let encoding = ["base64", "quoted-printable"]
        .into_iter()
        .find(|known| encoding.is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case(known)));
    let begins = format!(
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: {}\r\n\r\n",
        encoding.unwrap_or("8bit")
    );
    let plain = [begins.as_bytes(), body(part)].concat();
    Some(MessageParser::new().parse(&plain)?.root_part().contents().to_vec())
}

/// The delivery whose mail these headers are of: our ids are its own, at the sender's domain.
fn delivery(mail: &[u8]) -> Option<Uuid> {
    let mail = [&mail[..mail.len() - body(mail).len()], b"\r\n\r\n"].concat();
    let id = MessageParser::new().parse_headers(&mail)?.message_id()?.split_once('@')?.0.to_owned();
    // As we write it, and in no other of the forms of such an id.
    id.parse::<Uuid>().ok().filter(|delivery| delivery.to_string() == id)
}

/// The groups of fields after the first one, which is about the mail as a whole (RFC 3464, section 2.1).
fn recipients(status: &[u8]) -> Vec<Told> {
    let (mut groups, mut group) = (Vec::new(), Vec::new());
    for line in status.split(|b| *b == b'\n').chain([b"".as_slice()]) {
        let line = line.trim_ascii_end();
        if !line.is_empty() {
            group.extend_from_slice(line);
            group.extend_from_slice(b"\r\n");
        } else if !group.is_empty() {
            groups.push(std::mem::take(&mut group));
        }
        if groups.len() > MOST_RECIPIENTS {
            break;
        }
    }
    groups.iter().filter_map(|group| told(group)).collect()
}

fn told(group: &[u8]) -> Option<Told> {
    let fields = [group, b"\r\n"].concat();
    let fields = MessageParser::new().parse_headers(&fields)?;
    let action = field(&fields, "Action")?.to_ascii_lowercase();
    let addresses = ["Original-Recipient", "Final-Recipient"];
    let addresses: Vec<Address> =
        addresses.into_iter().filter_map(|name| field(&fields, name)).flat_map(|f| address(&f)).collect();
    let status = field(&fields, "Status").as_deref().and_then(status);
    let fate = match action.split(' ').next()? {
        "failed" => {
            let users: Vec<&str> = addresses.iter().map(Address::user).collect();
            bounced(status, field(&fields, "Diagnostic-Code").as_deref().unwrap_or_default(), &users)
        }
        "delayed" => Fate::Delayed,
        "delivered" | "relayed" | "expanded" => Fate::Arrived,
        _ => return None,
    };
    Some(Told { addresses, fate })
}

/// The last field of that name, in one line.
fn field(fields: &Message<'_>, name: &'static str) -> Option<String> {
    let text = fields.header(name)?.as_text()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// `rfc822; ana@bank.example`: as it is, and with the name in small letters, which some servers make of it.
fn address(field: &str) -> Vec<Address> {
    let Some((kind, address)) = field.split_once(';') else { return Vec::new() };
    if !["rfc822", "utf-8"].iter().any(|known| kind.trim().eq_ignore_ascii_case(known)) {
        return Vec::new();
    }
    let address = address.trim().trim_start_matches('<').trim_end_matches('>');
    [address.to_owned(), address.to_lowercase()].iter().filter_map(|a| a.parse().ok()).collect()
}

/// Class, subject and detail (RFC 3463, section 2); some servers add words.
fn status(field: &str) -> Option<(u16, u16, u16)> {
    let mut numbers = field.split(' ').next()?.split('.').map(|number| number.parse().ok());
    let status = (numbers.next()??, numbers.next()??, numbers.next()??);
    (numbers.next().is_none() && [2, 4, 5].contains(&status.0)).then_some(status)
}

/// A mail that will not arrive. Without a status that says more, it is for good.
fn bounced(status: Option<(u16, u16, u16)>, diagnostic: &str, users: &[&str]) -> Fate {
    let (class, why) = match status {
        Some((4, 2, 2)) => (Class::Soft, Bounce::Full),
        Some((4, ..)) => (Class::Soft, Bounce::Late),
        // Some servers write 5.0.0 for each refusal, and leave it to the words to say which.
        Some((5, 0, _)) => (Class::Hard, Bounce::of(false, diagnostic)),
        Some((5, subject, detail)) => (Class::Hard, Bounce::by_status(subject, detail)),
        _ => (Class::Hard, Bounce::Final),
    };
    let said = words(diagnostic.split_once(';').map_or(diagnostic, |(_, said)| said.trim()), users);
    let code =
        status.map(|(class, subject, detail)| format!("{class}.{subject}.{detail}")).unwrap_or_default();
    let said = if said.contains(&code) { said } else { format!("{code} {said}").trim().to_owned() };
    let said = if said.is_empty() { String::new() } else { format!(" ({said})") };
    Fate::Bounced(class, format!("{}{said}", why.says()))
}

/// The words of a server, without control characters and without addresses, or what stands before their `@`: of whom they are,
/// the ledger says.
fn words(said: &str, users: &[&str]) -> String {
    let plain: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_WORDS).collect();
    let ends = |c: char| c.is_whitespace() || "<>()[]\"',;:=".contains(c);
    let cover = |word: &str| {
        let (bare, end) = word.split_at(word.trim_end_matches(ends).len());
        // The last sentence ends with a stop.
        let names = users.iter().any(|user| user.eq_ignore_ascii_case(bare.trim_end_matches('.')));
        if bare.contains('@') || names { format!("…{end}") } else { word.to_owned() }
    };
    plain.split_inclusive(ends).map(cover).collect::<String>().trim().to_owned()
}

impl Report {
    /// Writes it into the ledger of its delivery. A recipient is marked once: whoever is known not to have it stays so, and so
    /// does whoever was sent nothing.
    ///
    /// # Errors
    /// When the handle is no ledger.
    pub fn apply(&self, handle: &str) -> Result<Applied, String> {
        let mut ledger = Ledger::read(Some(handle))?;
        let (mut noted, mut is_changed) = (Vec::new(), false);
        for told in &self.told {
            let named = told.addresses.iter().find_map(|address| {
                let who = Recipient::new(self.delivery, &list::key(address), list::shown(address));
                ledger.mark(&who).cloned().map(|mark| (address, who, mark))
            });
            let Some((address, who, mark)) = named else {
                noted.push(("…".to_owned(), Noted::Stranger));
                continue;
            };
            let becomes = match (&told.fate, &mark) {
                // Nothing was sent to them that could come back.
                (_, Mark::Waits | Mark::Skipped) => Noted::Stranger,
                (_, Mark::Refused(_) | Mark::Failed(_)) => Noted::Known,
                (Fate::Delayed, _) => Noted::Delayed,
                (Fate::Arrived, _) => Noted::Arrived,
                (Fate::Bounced(class, why), Mark::Has(_) | Mark::Open(_)) => {
                    ledger.set(&who, Mark::Failed(why.clone()));
                    is_changed = true;
                    if *class == Class::Hard { Noted::Hard } else { Noted::Soft }
                }
            };
            noted.push((list::shown(address), becomes));
        }
        Ok(Applied { handle: is_changed.then(|| ledger.written()), noted })
    }
}

#[cfg(test)]
#[path = "email_bounces_tests.rs"]
mod tests;
