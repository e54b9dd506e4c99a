//! Approved words as HTML, for networks that show pages. Pure.

use std::fmt::Write;

use crate::text;

/// Plain text as HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Square brackets would start a WordPress shortcode.
            '[' => out.push_str("&#91;"),
            ']' => out.push_str("&#93;"),
            other => out.push(other),
        }
    }
    out
}

/// HTML with what it writes as `&name;` or `&#number;` as it is meant; of names those that are given. Each is read once.
pub(crate) fn unescape(html: &str, names: &[(&str, char)]) -> String {
    let mut pieces = html.split('&');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once(';').and_then(|(name, rest)| Some((meant(name, names)?, rest))) {
            Some((c, rest)) => {
                out.push(c);
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(piece);
            }
        }
    }
    out
}

/// The character of a mark in HTML.
fn meant(name: &str, names: &[(&str, char)]) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    names.iter().find(|(known, _)| *known == name).map(|(_, c)| *c)
}

/// The text as paragraphs with links. Inside a paragraph a line ends with `line_end`.
pub(crate) fn paragraphs(text: &str, line_end: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let lines = |text: &str| escape(text).replace('\n', line_end);
    let mut html = String::with_capacity(text.len() + 16);
    for paragraph in text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
        let mut at = 0;
        html.push_str("<p>");
        for link in text::links(paragraph) {
            let url = escape(&link.url);
            html.push_str(&lines(&paragraph[at..link.start]));
            let _ = write!(html, "<a href=\"{url}\">{url}</a>");
            at = link.end;
        }
        html.push_str(&lines(&paragraph[at..]));
        html.push_str("</p>\n");
    }
    html
}

/// The text as a page of its own, for mails, with pictures at these addresses below it and their words.
pub(crate) fn page(language: &str, text: &str, pictures: &[(String, &str)]) -> String {
    let language = escape(language);
    let mut body = paragraphs(text, "<br>");
    for (address, words) in pictures {
        let (address, words) = (escape(address), escape(words));
        let _ = writeln!(
            body,
            "<p><img src=\"{address}\" alt=\"{words}\" style=\"max-width:100%;height:auto\"></p>"
        );
    }
    format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head><meta charset=\"utf-8\"></head>\n\
         <body dir=\"auto\">\n{body}</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_end_as_the_network_needs_it() {
        assert_eq!(paragraphs("a\r\nb\r\n\r\nc\n", "<br>"), "<p>a<br>b</p>\n<p>c</p>\n");
        assert_eq!(paragraphs("a\nb", "\n"), "<p>a\nb</p>\n");
    }

    proptest! {
        #[test]
        fn readers_see_the_words_and_nothing_works(text in "(\\PC|[&<>\"\\[\\]\n]|<script>|https://a\\.b/\\?c=1&d=2| ){0,30}") {
            let html = paragraphs(&text, "<br>");
            // Without our own marks no bracket is left.
            let mut bare = html.replace("<p>", "").replace("</p>", "").replace("<br>", " ").replace("</a>", "");
            while let Some(start) = bare.find("<a href=\"http") {
                let end = start + bare[start..].find("\">").unwrap() + 2;
                bare.replace_range(start..end, "");
            }
            prop_assert!(!bare.contains(['<', '>', '"']), "{}", bare);
            let shown = bare.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            let shown = shown.replace("&#91;", "[").replace("&#93;", "]").replace("&amp;", "&");
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(words(&shown), words(&text));
        }
    }
}
