//! Pictures inside a mail: parts beside its page, which names them by their ids (RFC 2387, RFC 2392). Nothing is
//! fetched from anywhere. Who reads the text alone has their words.

use std::fmt::Write;

use lettre::message::header::ContentTransferEncoding::Base64;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Body, MultiPart, MultiPartKind, SinglePart};

use crate::{Job, Rendition};

/// Most pictures, and most bytes of each: the whole mail stays below the 10,240,000 bytes that Postfix takes unless
/// it is told otherwise (`message_size_limit`, <https://www.postfix.org/postconf.5.html>).
pub(super) const MOST: usize = 4;
pub(super) const MOST_BYTES: u64 = 1_700_000;

/// A picture of a mail.
#[derive(Debug, Clone)]
pub struct Picture<'a> {
    /// What the page calls it. The same in every attempt.
    id: String,
    mime: &'a str,
    pub(super) alt: &'a str,
    bytes: &'a [u8],
}

impl Picture<'_> {
    /// Its address in the page.
    pub(super) fn address(&self) -> String {
        format!("cid:{}", self.id)
    }
}

/// The pictures of a post, with ids below that domain.
///
/// # Errors
/// When the bytes of one are missing.
pub(super) fn of<'a>(job: &'a Job, domain: &str) -> Result<Vec<Picture<'a>>, String> {
    if job.media.len() < job.rendition.media.len() {
        return Err("the bytes of a picture are missing".to_owned());
    }
    let picture = |(n, (m, bytes)): (usize, (&'a crate::MediaRef, &'a Vec<u8>))| Picture {
        id: format!("{}.{}@{domain}", n + 1, job.delivery),
        mime: &m.mime,
        alt: &m.alt,
        bytes,
    };
    Ok(job.rendition.media.iter().zip(&job.media).enumerate().map(picture).collect())
}

/// The text for those who see no pictures.
pub(super) fn text(post: &Rendition) -> String {
    let mut text = post.text.clone();
    for picture in &post.media {
        let called = match post.language.split('-').next() {
            Some("en") => "Picture: ",
            Some("fr") => "Image\u{a0}: ",
            // Words of another language stand alone.
            _ => "",
        };
        let _ = write!(text, "\n\n[{called}{}]", picture.alt);
    }
    text
}

/// The page with its pictures.
///
/// # Errors
/// When the type of a picture is none.
pub(super) fn beside(page: SinglePart, pictures: &[Picture<'_>], id: &str) -> Result<MultiPart, String> {
    let both = MultiPart::builder().kind(MultiPartKind::Related).boundary(format!("pictures-{id}"));
    pictures.iter().try_fold(both.singlepart(page), |all, picture| {
        let mime = ContentType::parse(picture.mime).map_err(|e| format!("{}: {e}", picture.mime))?;
        let body = Body::new_with_encoding(picture.bytes.to_vec(), Base64).expect("Base64 takes any bytes");
        Ok(all.singlepart(Attachment::new_inline(picture.id.clone()).body(body, mime)))
    })
}
