//! What a post looks like on WordPress: the approved words as HTML.

use std::fmt::Write;

use super::Media;
use crate::MediaRef;
use crate::html::{escape, paragraphs};

/// The whole post as HTML: paragraphs, line breaks, links; then the pictures.
pub(super) fn page(text: &str, language: &str, pictures: &[MediaRef], media: &[Media]) -> String {
    // Line breaks are WordPress's own work (wpautop): inside a paragraph a newline becomes <br>.
    let mut html = format!("<div lang=\"{}\">{}", escape(language), paragraphs(text, "\n"));
    for (picture, stored) in pictures.iter().zip(media) {
        let (url, alt) = (escape(&stored.source_url), escape(&picture.alt));
        let id = stored.id;
        let _ = writeln!(html, "<figure><img class=\"wp-image-{id}\" src=\"{url}\" alt=\"{alt}\"></figure>");
    }
    html.push_str("</div>");
    html
}

/// The same with a mark of the delivery that changed the words.
pub(super) fn marked(page: &str, mark: &str) -> String {
    page.replacen("<div ", &format!("<div id=\"{mark}\" "), 1)
}
