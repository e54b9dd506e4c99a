//! What X's counter takes for a link. Pure.
//!
//! It follows twitter-text 3.1.0, with whose answers it is compared. That works on units of UTF-16 and
//! not on characters, and so does this: half of an emoji can stand before a domain, or begin one.

use crate::{x_names, x_punycode};

/// A link: where it begins, and how many units the counter takes for it.
pub(crate) type Found = (usize, usize);

/// Longest link, longest name behind `t.co/`.
const LONGEST: usize = 4_096;
const LONGEST_SLUG: usize = 40;

/// All links, in their order.
pub(crate) fn links(text: &[u16]) -> Vec<Found> {
    let mut out = Vec::new();
    if !text.contains(&DOT) {
        return out;
    }
    let domains = Domains::of(text);
    let mut at = 0;
    while at < text.len() {
        // A link stands behind a character that may stand there, or at the very beginning.
        let whole = precedes(text[at]).then(|| Match::at(text, at + 1, &domains)).flatten();
        let whole = whole.or_else(|| Match::at(text, 0, &domains).filter(|_| at == 0));
        match whole {
            Some(found) => {
                at = found.end;
                keep(text, &found, &mut out);
            }
            None => at += 1,
        }
    }
    out
}

const DOT: u16 = b'.' as u16;

/// A match before it is judged, by its positions.
struct Match {
    start: usize,
    scheme: bool,
    /// The domain begins and ends here.
    domain: (usize, usize),
    path: bool,
    end: usize,
}

impl Match {
    fn at(text: &[u16], start: usize, domains: &Domains) -> Option<Self> {
        let scheme = scheme_length(&text[start.min(text.len())..]);
        let host = start + scheme;
        let domain = (host, domains.end_at(text, host)?);
        let port = domain.1 + port_length(&text[domain.1..]);
        let path = port + path_length(&text[port..]);
        let end = path + query_length(&text[path..]);
        Some(Self { start, scheme: scheme > 0, domain, path: path > port, end })
    }
}

/// Judges a match, and keeps what is a link of it.
fn keep(text: &[u16], found: &Match, out: &mut Vec<Found>) {
    let (start, end) = (found.start, found.end);
    let domain = &text[found.domain.0..found.domain.1];
    let scheme = if found.scheme { found.domain.0 - start } else { "https://".len() };
    if !is_host(domain) || scheme + (end - start) > LONGEST {
        return;
    }
    if found.scheme {
        match short_link(&text[start..end]) {
            Some((_, slug)) if slug > LONGEST_SLUG => {}
            Some((length, _)) => out.push((start, length)),
            None => out.push((start, end - start)),
        }
        return;
    }
    if start > 0 && [u16::from(b'-'), u16::from(b'_'), DOT, u16::from(b'/')].contains(&text[start - 1]) {
        return;
    }
    // Without a scheme only what has Latin letters is one. Path and query belong to the last one.
    let parts = latin_domains(domain);
    let count = parts.len();
    for (nth, (at, length)) in parts.into_iter().enumerate() {
        let rest = if found.path && nth + 1 == count { end - start - domain.len() } else { 0 };
        out.push((start + at, length + rest));
    }
}

/// Where domains end, looked up from where their parts begin.
struct Domains {
    /// Of each place the first one, from there on, that is in no part of a domain.
    stop: Vec<usize>,
    /// The same for what is in no part but the first ones.
    bar: Vec<usize>,
    /// Behind each dot: where the domain ends of which the next part begins there.
    end: Vec<Option<usize>>,
}

impl Domains {
    fn of(text: &[u16]) -> Self {
        let n = text.len();
        let mut all = Self { stop: vec![n; n + 1], bar: vec![n; n + 1], end: vec![None; n + 1] };
        for at in (0..n).rev() {
            let c = text[at];
            let bar = c == u16::from(b'_');
            let part = bar || c == u16::from(b'-') || is_part(c);
            all.stop[at] = if part { all.stop[at + 1] } else { at };
            all.bar[at] = if bar { at } else { all.bar[at + 1] };
            if c == DOT {
                all.end[at + 1] = all.end_at(text, at + 1);
            }
        }
        all
    }

    /// The end of the domain that begins there: with as many parts as there can be.
    fn end_at(&self, text: &[u16], start: usize) -> Option<usize> {
        let dot = *self.stop.get(start)?;
        let is_dotted = dot > start && text.get(dot) == Some(&DOT);
        if !is_dotted || !is_part(text[start]) || !is_part(text[dot - 1]) {
            return None;
        }
        let last = || (self.bar[start] >= dot).then(|| top_length(&text[dot + 1..])).flatten();
        self.end[dot + 1].or_else(|| Some(dot + 1 + last()?))
    }
}

/// The length of a top-level domain that is known and ends there.
fn top_length(text: &[u16]) -> Option<usize> {
    let goes_on = |c: &u16| is_plain(*c) || [b'@', b'+', b'-'].map(u16::from).contains(c);
    let run = text.iter().take_while(|c| goes_on(c)).take(80).count();
    let word = String::from_utf16_lossy(&text[..run]);
    if x_names::is_known(&word) {
        return Some(run);
    }
    let first = upper(*text.first()?);
    let begins = |name: &Vec<u16>| {
        let same = upper(name[0]) == first
            && text.len() >= name.len()
            && text.iter().zip(name).all(|(c, unit)| upper(*c) == upper(*unit));
        (same && !text.get(name.len()).is_some_and(goes_on)).then_some(name.len())
    };
    x_names::foreign().iter().find_map(begins).or_else(|| {
        let prefix = word.get(..4)?.eq_ignore_ascii_case("xn--");
        let letters = text.iter().skip(4).take_while(|c| is_plain(**c) || **c == u16::from(b'-')).count();
        (prefix && letters > 0).then_some(4 + letters)
    })
}

/// Whether each part can be a name, written in plain letters (RFC 3492).
fn is_host(domain: &[u16]) -> bool {
    let text = String::from_utf16_lossy(domain);
    if text.starts_with("xn--") && latin_domains(domain).is_empty() {
        return false;
    }
    domain.split(|c| *c == DOT).all(|part| (1..=x_punycode::LONGEST).contains(&x_punycode::length(part)))
}

/// The domains of plain and Latin letters in a domain: where each begins, and its length.
fn latin_domains(domain: &[u16]) -> Vec<Found> {
    let is_letter = |c: u16| is_plain(c) || c == u16::from(b'-') || is_latin(c);
    let run_end = |from: usize| from + domain[from..].iter().take_while(|c| is_letter(**c)).count();
    let (mut out, mut at, mut after): (Vec<Found>, _, _) = (Vec::new(), 0, 0);
    while at < domain.len() {
        let (mut end, mut part) = (None, at);
        // Part after part; the last dot with a known name behind it counts.
        loop {
            let dot = run_end(part);
            if dot == part || domain.get(dot) != Some(&DOT) {
                break;
            }
            end = top_length(&domain[dot + 1..]).map(|top| dot + 1 + top).or(end);
            part = dot + 1;
        }
        let Some(end) = end else {
            at = run_end(at) + 1;
            continue;
        };
        // The counter looks for the words and not for the place.
        let words = &domain[at..end];
        let place = (after..=at).find(|p| domain[*p..].starts_with(words)).unwrap_or(at);
        out.push((place, words.len()));
        after = place + words.len();
        at = end;
    }
    out
}

fn scheme_length(text: &[u16]) -> usize {
    let begins = |word: &str| {
        text.len() >= word.len()
            && text
                .iter()
                .zip(word.bytes())
                .all(|(c, w)| u8::try_from(*c).is_ok_and(|c| c.eq_ignore_ascii_case(&w)))
    };
    ["https://", "http://"].into_iter().find(|word| begins(word)).map_or(0, str::len)
}

fn port_length(text: &[u16]) -> usize {
    let digits = text.iter().skip(1).take_while(|c| (u16::from(b'0')..=u16::from(b'9')).contains(c)).count();
    if text.first() == Some(&u16::from(b':')) && digits > 0 { 1 + digits } else { 0 }
}

/// A path ends with a letter, a digit, one of a few signs, or a pair of brackets.
fn path_length(text: &[u16]) -> usize {
    if text.first() != Some(&u16::from(b'/')) {
        return 0;
    }
    let (mut at, mut end) = (1, 1);
    while let Some(c) = text.get(at) {
        if is_in_path(*c) {
            at += 1;
            end = if ends_path(*c) { at } else { end };
        } else if let Some(length) = brackets_length(&text[at..]) {
            at += length;
            end = at;
        } else {
            break;
        }
    }
    end
}

/// A pair of brackets with something in it, at most with another pair.
fn brackets_length(text: &[u16]) -> Option<usize> {
    let (open, close) = (u16::from(b'('), u16::from(b')'));
    let run = |from: usize| text.iter().skip(from).take_while(|c| is_in_path(**c)).count();
    (text.first() == Some(&open)).then_some(())?;
    let mut at = 1 + run(1);
    match text.get(at) {
        Some(c) if *c == close => (at > 1).then_some(at + 1),
        Some(c) if *c == open => {
            let inner = run(at + 1);
            at += 1 + inner;
            (inner > 0 && text.get(at) == Some(&close)).then_some(())?;
            at += 1;
            at += run(at);
            (text.get(at) == Some(&close)).then_some(at + 1)
        }
        _ => None,
    }
}

fn query_length(text: &[u16]) -> usize {
    if text.first() != Some(&u16::from(b'?')) {
        return 0;
    }
    let of =
        |c: u16, signs: &str| is_plain(c) || u8::try_from(c).is_ok_and(|c| signs.as_bytes().contains(&c));
    let run = text.iter().take_while(|c| of(**c, "!?*'@();:&=+$/%#[]-_.,~|")).count();
    let end = text[..run].iter().rposition(|c| of(*c, "-_&=#/"));
    end.map_or(0, |end| end + 1)
}

/// A link that X itself has shortened: its length, and that of the name in it.
fn short_link(url: &[u16]) -> Option<(usize, usize)> {
    let scheme = scheme_length(url);
    let rest = &url[scheme..];
    let is_short = rest.len() > 5
        && rest
            .iter()
            .zip("t.co/".bytes())
            .all(|(c, w)| u8::try_from(*c).is_ok_and(|c| c.eq_ignore_ascii_case(&w)));
    let slug = rest.iter().skip(5).take_while(|c| is_plain(**c)).count();
    (is_short && slug > 0).then(|| {
        let length = scheme + 5 + slug;
        (length + query_length(&url[length..]), slug)
    })
}

/// Whether a link may stand behind it.
fn precedes(c: u16) -> bool {
    !(is_plain(c) || matches!(c, 0x40 | 0xff20 | 0x24 | 0x23 | 0xff03) || is_invalid(c))
}

/// Characters that X takes in no post.
pub(crate) fn is_invalid(c: u16) -> bool {
    matches!(c, 0xfffe | 0xfeff | 0xffff)
}

/// Whether it can be in a part of a domain, besides `-` and `_`.
fn is_part(c: u16) -> bool {
    let sign = u8::try_from(c).is_ok_and(|c| b"!'#%&()*+,\\-./:;<=>?@[]^_{|}~$".contains(&c));
    let space = matches!(c, 0x09..=0x0d | 0x20 | 0x85 | 0xa0 | 0x1680 | 0x180e | 0x2000..=0x200a
        | 0x2028 | 0x2029 | 0x202f | 0x205f | 0x3000);
    let turns = matches!(c, 0x202a..=0x202e | 0x061c | 0x200e | 0x200f | 0x2066..=0x2069);
    !(sign || space || turns || is_invalid(c))
}

fn is_in_path(c: u16) -> bool {
    let sign = u8::try_from(c).is_ok_and(|c| b"!*';:=+,.$/%#[]-_~@|&".contains(&c));
    sign || c == 0x2013 || is_plain(c) || is_cyrillic(c) || is_latin(c)
}

fn ends_path(c: u16) -> bool {
    let sign = u8::try_from(c).is_ok_and(|c| b"+-=_#/".contains(&c));
    sign || is_plain(c) || is_cyrillic(c) || is_latin(c)
}

fn is_plain(c: u16) -> bool {
    u8::try_from(c).is_ok_and(|c| c.is_ascii_alphanumeric())
}

/// Latin letters with marks, the marks, and a few that are the same in the other case.
fn is_latin(c: u16) -> bool {
    matches!(c, 0xc0..=0xd6 | 0xd8..=0xf6 | 0xf8..=0x24f | 0x253 | 0x254 | 0x256 | 0x257 | 0x259 | 0x25b
        | 0x263 | 0x268 | 0x26f | 0x272 | 0x289 | 0x28b | 0x2bb | 0x300..=0x36f | 0x1e00..=0x1eff)
        || matches!(
            c,
            0x260
                | 0x269
                | 0x275
                | 0x280
                | 0x283
                | 0x288
                | 0x28a
                | 0x28c
                | 0x292
                | 0x399
                | 0x3b9
                | 0x1fbe
                | 0x2c65
                | 0x2c66
                | 0x2c7e
                | 0x2c7f
        )
}

/// Cyrillic letters, and a few that are the same in the other case.
fn is_cyrillic(c: u16) -> bool {
    matches!(c, 0x400..=0x4ff | 0x1c80..=0x1c87)
}

/// The letter in capitals, where that is one letter, and none of ASCII for another one.
fn upper(c: u16) -> u16 {
    if let Ok(plain) = u8::try_from(c).map(|c| c.to_ascii_uppercase())
        && plain.is_ascii()
    {
        return plain.into();
    }
    let Some(letter) = char::from_u32(u32::from(c)) else { return c };
    let mut all = letter.to_uppercase();
    match (all.next().map(|u| u16::try_from(u32::from(u))), all.next()) {
        (Some(Ok(one)), None) if one >= 0x80 => one,
        _ => c,
    }
}
