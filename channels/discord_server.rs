//! What a Discord for tests looks at in each request, from a webhook or a bot.

use serde_json::{Value, json};

use crate::discord_text::tests::shown;
use crate::strict::{Asked, Said};

/// A refusal, with Discord's own number.
pub(crate) fn wrong(status: u16, code: i64, words: &str) -> Said {
    (status, String::new(), json!({ "code": code, "message": words, "hostile": "hunter2" }))
}

/// The version of the API and the user agent.
pub(crate) fn look(asked: &Asked, faults: &mut Vec<String>) {
    if !asked.path.starts_with("/api/v10/") {
        // Without a version it is 6, in which a wait counts milliseconds.
        faults.push(format!("the version of the API: {}", asked.path));
    }
    let agent = asked.header("user-agent");
    let form = agent.strip_prefix("DiscordBot (https://").and_then(|a| a.strip_suffix(')'));
    if form.and_then(|f| f.split_once(", ")).is_none_or(|(_, v)| !v.starts_with(|c: char| c.is_ascii_digit()))
    {
        faults.push(format!("Discord blocks the user agent {agent}"));
    }
}

/// What is posted, with its files, whose fields are these and those of pictures; or why it is refused.
pub(crate) fn posted(
    asked: &Asked,
    fields: &[&str],
    faults: &mut Vec<String>,
) -> Result<(Value, Vec<Vec<u8>>), Said> {
    let (sent, files) = match asked.header("content-type") {
        "application/json" => (asked.json(), Vec::new()),
        form => parts(form, &asked.content, faults),
    };
    let mut names: Vec<&str> = sent.as_object().unwrap().keys().map(String::as_str).collect();
    names.retain(|n| *n != "attachments");
    if names != fields || sent["allowed_mentions"] != json!({ "parse": [] }) || sent["flags"] != 4 {
        faults.push(format!("fields: {sent}"));
    }
    let text = sent["content"].as_str().unwrap();
    if let Err(mark) = shown(text) {
        faults.push(mark);
    }
    if text.trim().is_empty() {
        return Err(wrong(400, 50_006, "Cannot send an empty message"));
    }
    if text.encode_utf16().count() > 2_000 {
        return Err(wrong(400, 50_035, "Invalid Form Body"));
    }
    Ok((sent, files))
}

/// The post in a form of several parts, and its files.
fn parts(form: &str, content: &[u8], faults: &mut Vec<String>) -> (Value, Vec<Vec<u8>>) {
    let boundary = form.strip_prefix("multipart/form-data; boundary=").unwrap();
    let text: String = content.iter().map(|b| char::from(*b)).collect();
    let bytes =
        |text: &str| -> Vec<u8> { text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect() };
    let whole = text.split(&format!("--{boundary}")).collect::<Vec<_>>();
    let [_, first, files @ .., "--\r\n"] = whole.as_slice() else { panic!("{} parts", whole.len()) };
    let (head, json) = first.split_once("\r\n\r\n").unwrap();
    if !head.contains("name=\"payload_json\"") || !head.contains("Content-Type: application/json") {
        faults.push(format!("the first part: {head}"));
    }
    let sent: Value = serde_json::from_slice(bytes(json).trim_ascii_end()).unwrap();
    let told = sent["attachments"].as_array().unwrap();
    if told.len() != files.len() {
        faults.push("as many files as attachments".to_owned());
    }
    let mut kept = Vec::new();
    for (n, (file, told)) in files.iter().zip(told).enumerate() {
        let (head, content) = file.split_once("\r\n\r\n").unwrap();
        let name = told["filename"].as_str().unwrap();
        let right = head.contains(&format!("name=\"files[{n}]\"; filename=\"{name}\""))
            && told["id"] == n
            && told["description"].as_str().is_some_and(|d| d.chars().count() <= 1_024);
        if !right {
            faults.push(format!("file {n}: {head}"));
        }
        kept.push(bytes(content.strip_suffix("\r\n").unwrap()));
    }
    (sent, kept)
}
