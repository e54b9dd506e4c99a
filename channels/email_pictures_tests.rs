//! Mails with pictures.

use super::*;
use crate::{MediaRef, text};

/// A post with so many pictures of so many bytes.
fn with(count: usize, bytes: usize) -> Job {
    let mut job = job();
    job.rendition.media = (0..count)
        .map(|n| MediaRef {
            sha256: "ab".into(),
            mime: "image/png".into(),
            alt: format!("Map \"{n}\" & <b>"),
        })
        .collect();
    job.media = vec![vec![0xA5; bytes]; count];
    job
}

fn written(job: &Job) -> String {
    let settings = json!({
        "host": "127.0.0.1", "security": "none", "from": "press@bank.example", "to": "a@example.test",
    });
    String::from_utf8(email(settings).message(job).unwrap().1).unwrap()
}

#[test]
fn pictures_are_inside_and_named_in_the_page_and_the_text_has_their_words() {
    let job = with(2, 3);
    let mail = written(&job);
    assert_eq!(mail, written(&job), "the same in every attempt");
    for n in 1..3 {
        let id = format!("{n}.{}@bank.example", job.delivery);
        assert_eq!(mail.matches(&format!("Content-ID: <{id}>")).count(), 1, "{mail}");
        // The page is in quoted-printable.
        let page = mail.replace("=\r\n", "").replace("=3D", "=");
        let alt = format!("alt=\"Map &quot;{}&quot; &amp; &lt;b&gt;\"", n - 1);
        assert!(page.contains(&format!("<img src=\"cid:{id}\" {alt}")), "{page}");
        assert!(page.contains(&format!("[Picture: Map \"{}\" & <b>]", n - 1)), "{page}");
    }
    assert_eq!(mail.matches("Content-Disposition: inline").count(), 2, "{mail}");
    assert_eq!(mail.matches("Content-Type: multipart/related").count(), 1, "{mail}");
    assert!(!written(&with(0, 0)).contains("multipart/related"));
    let missing = Job { media: vec![vec![1]], ..with(2, 3) };
    let settings = json!({
        "host": "127.0.0.1", "security": "none", "from": "press@bank.example", "to": "a@example.test",
    });
    assert!(email(settings).message(&missing).is_err(), "what was approved goes whole");
}

#[test]
fn the_words_are_called_a_picture_in_the_language_of_the_post() {
    let mut post = with(1, 1).rendition;
    for (language, words) in [("en-GB", "[Picture: M"), ("fr", "[Image\u{a0}: M"), ("de", "\n\n[M")] {
        post.language = language.to_owned();
        assert!(pictures::text(&post).contains(words), "{language}");
    }
}

#[test]
fn the_largest_mail_is_one_that_servers_take() {
    let bytes = usize::try_from(pictures::MOST_BYTES).unwrap();
    let mut job = with(pictures::MOST, bytes);
    job.rendition.text = "🙂".repeat(20_000);
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    let size = written(&job).len();
    assert!(size < 10_240_000, "{size}");
}

#[test]
fn the_largest_mail_has_its_time_and_leaves_some_to_prepare() {
    let largest = with(pictures::MOST, usize::try_from(pictures::MOST_BYTES).unwrap());
    let bytes = written(&largest).len();
    let time = PATIENCE.for_message(bytes);
    // Four pictures on a line of 2 Mbit/s, and the answer.
    assert!(time >= PATIENCE.message + Duration::from_secs(35), "{bytes} bytes in {time:?}");
    assert!(PATIENCE.whole - PATIENCE.step - time >= Duration::from_secs(20), "{bytes} bytes in {time:?}");
    assert_eq!(PATIENCE.for_message(2_000), PATIENCE.message);
}
