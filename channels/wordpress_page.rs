//! What a post looks like on WordPress: the approved words as HTML.

use std::fmt::Write;

use super::Media;
use crate::{MediaRef, text};

/// Plain text as HTML.
pub(super) fn escape(text: &str) -> String {
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

/// The whole post as HTML: paragraphs, line breaks, links; then the pictures.
pub(super) fn page(text: &str, language: &str, pictures: &[MediaRef], media: &[Media]) -> String {
    let mut html = format!("<div lang=\"{}\">", escape(language));
    for paragraph in text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
        let mut at = 0;
        html.push_str("<p>");
        for link in text::links(paragraph) {
            let url = escape(&link.url);
            html.push_str(&escape(&paragraph[at..link.start]));
            let _ = write!(html, "<a href=\"{url}\">{url}</a>");
            at = link.end;
        }
        html.push_str(&escape(&paragraph[at..]));
        html.push_str("</p>\n");
    }
    // Line breaks are WordPress's own work (wpautop): inside a paragraph a newline becomes <br>.
    for (picture, stored) in pictures.iter().zip(media) {
        let (url, alt) = (escape(&stored.source_url), escape(&picture.alt));
        let id = stored.id;
        let _ = writeln!(html, "<figure><img class=\"wp-image-{id}\" src=\"{url}\" alt=\"{alt}\"></figure>");
    }
    html.push_str("</div>");
    html
}
