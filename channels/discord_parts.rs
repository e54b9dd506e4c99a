//! A post with pictures as a form of several parts (RFC 7578). Pure.

use serde_json::Value;

use crate::{MediaRef, hash};

/// What a picture's file is called. Discord tells from its ending what it shows.
pub(super) fn name(number: usize, mime: &str) -> String {
    let ending = match mime {
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        _ => "png",
    };
    format!("picture-{number}.{ending}")
}

/// The form's type and bytes: the post, and then each picture.
pub(super) fn form(content: &Value, pictures: &[MediaRef], bytes: &[Vec<u8>]) -> (String, Vec<u8>) {
    let content = content.to_string();
    // A word that is in no part: the hash of all, which nobody can write into what it is made of.
    let all = [content.as_bytes(), &bytes.concat()].concat();
    let boundary = format!("holdline-{}", &hash(&all)[..40]);
    let mut out = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\
         Content-Type: application/json\r\n\r\n{content}\r\n"
    )
    .into_bytes();
    for (n, (picture, bytes)) in pictures.iter().zip(bytes).enumerate() {
        let name = name(n, &picture.mime);
        let mime: String = picture.mime.chars().filter(char::is_ascii_graphic).collect();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"files[{n}]\"; filename=\"{name}\"\r\n\
             Content-Type: {mime}\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), out)
}
