//! The body of an upload: one picture with its words, as `multipart/form-data` (RFC 7578). Pure.

use crate::{MediaRef, hash};

/// The content type, and the bytes.
pub(super) fn upload(picture: &MediaRef, bytes: &[u8]) -> (String, Vec<u8>) {
    let boundary = boundary(picture, bytes);
    let ending: String = picture
        .mime
        .rsplit('/')
        .next()
        .unwrap_or("bin")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let mime: String = picture.mime.chars().filter(|c| c.is_ascii_graphic()).collect();
    let mut out = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"description\"\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"picture.{ending}\"\r\n\
         Content-Type: {mime}\r\n\r\n",
        picture.alt
    )
    .into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), out)
}

/// A word that is in neither part: the hash of both, which nobody can write into what it is made of.
fn boundary(picture: &MediaRef, bytes: &[u8]) -> String {
    let both = [picture.alt.as_bytes(), bytes].concat();
    format!("holdline-{}", &hash(&both)[..40])
}
