//! Whether a post still says what was approved: what readers get is compared, since Ghost writes HTML anew. Pure.

use super::post::{Post, written};
use crate::Job;
use crate::html_words::words;

/// Whether title and words are those of the delivery.
pub(super) fn same(job: &Job, post: &Post) -> bool {
    let expected = written(job, &vec![String::new(); job.rendition.media.len()]);
    let (title, html) = (expected["title"].as_str(), expected["html"].as_str());
    let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    title.map(spaced) == post.title.as_deref().map(spaced)
        && html.map(words) == post.html.as_deref().map(words)
}
