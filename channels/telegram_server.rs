//! The Bot API as far as it is used, for tests: strict about what the real one would not take.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::plain;
use crate::strict::{Asked, Network, Said, good};

pub const TOKEN: &str = "123456:hunter2-hunter2_hunter2";

/// The Bot API as far as it is used: one bot, one channel.
#[derive(Clone)]
pub struct Api {
    /// Number and words of each message.
    pub posts: Vec<(i64, String)>,
    /// Type and bytes of each picture, by the number of its message.
    pub pictures: Vec<(i64, String, Vec<u8>)>,
    pub kind: &'static str,
    pub member: Value,
    /// What members may do who are no administrators.
    pub permissions: Value,
    /// Whether what is posted is older than 48 hours by now.
    pub old: bool,
    pub made: i64,
    /// The number of the message that each reply answers, by its own.
    pub answers: BTreeMap<i64, i64>,
}

impl Api {
    pub fn new() -> Self {
        let member =
            json!({ "status": "administrator", "can_post_messages": true, "can_delete_messages": true });
        let permissions = json!({ "can_send_messages": true });
        let (posts, pictures) = (Vec::new(), Vec::new());
        let answers = BTreeMap::new();
        Self { posts, pictures, kind: "channel", member, permissions, old: false, made: 40, answers }
    }

    fn chat(&self) -> Value {
        json!({ "id": -1_001_234_567_890_i64, "type": self.kind, "title": "Bank", "username": "bank", "permissions": self.permissions })
    }
}

fn wrong(code: u16, words: &str) -> Said {
    (code, String::new(), json!({ "ok": false, "error_code": code, "description": words }))
}

fn done(result: Value) -> Said {
    good(json!({ "ok": true, "result": result }))
}

impl Network for Api {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST"
            && ["/sendMessage", "/sendPhoto", "/sendMediaGroup"].iter().any(|m| path.ends_with(m))
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let Some((bot, method)) = asked.path.trim_start_matches('/').split_once('/') else {
            return wrong(404, "Not Found");
        };
        if bot != format!("bot{TOKEN}") {
            return wrong(401, "Unauthorized");
        }
        if asked.headers.contains_key("authorization") {
            faults.push("the token belongs into the path".to_owned());
        }
        match (asked.method.as_str(), method) {
            ("GET", "getMe") => {
                done(json!({ "id": 123_456, "is_bot": true, "first_name": "B", "username": "bank_bot" }))
            }
            ("GET", "getChat") if here(&asked.query["chat_id"]) => done(self.chat()),
            ("GET", "getChatMember")
                if here(&asked.query["chat_id"]) && asked.query["user_id"] == "123456" =>
            {
                done(self.member.clone())
            }
            ("GET", _) => wrong(400, "Bad Request: chat not found"),
            ("POST", "sendPhoto" | "sendMediaGroup") => {
                let parts = parts(asked);
                match method {
                    "sendPhoto" => self.photo(&parts, faults),
                    _ => self.group(&parts, faults),
                }
            }
            ("POST", _) if asked.header("content-type") != "application/json" => {
                faults.push(format!("a body of {}", asked.header("content-type")));
                wrong(400, "Bad Request")
            }
            ("POST", "sendMessage") => self.send(&asked.json(), faults),
            ("POST", "deleteMessage") => self.delete(&asked.json()),
            ("POST", "editMessageCaption") => self.edit(&asked.json(), faults),
            _ => wrong(404, "Not Found: method not found"),
        }
    }
}

impl Api {
    fn send(&mut self, sent: &Value, faults: &mut Vec<String>) -> Said {
        let mut names: Vec<&str> = sent.as_object().unwrap().keys().map(String::as_str).collect();
        names.retain(|name| *name != "reply_parameters");
        let after = sent.get("reply_parameters").map(|reply| reply["message_id"].as_i64().unwrap());
        if after.is_some_and(|after| !self.posts.iter().any(|(number, _)| *number == after)) {
            return wrong(400, "Bad Request: message to be replied not found");
        }
        if names != ["chat_id", "link_preview_options", "text"]
            || sent["link_preview_options"] != json!({ "is_disabled": true })
        {
            faults.push(format!("fields: {names:?}"));
        }
        if !here(&plain(&sent["chat_id"])) {
            return wrong(400, "Bad Request: chat not found");
        }
        let text = sent["text"].as_str().unwrap();
        if text.trim().is_empty() {
            return wrong(400, "Bad Request: message text is empty");
        }
        if text.encode_utf16().count() > 4_096 {
            return wrong(400, "Bad Request: message is too long");
        }
        if self.member["can_post_messages"] != true {
            return wrong(403, "Forbidden: bot is not a member of the channel chat");
        }
        self.made += 1;
        self.posts.push((self.made, text.to_owned()));
        self.answers.extend(after.map(|after| (self.made, after)));
        done(json!({ "message_id": self.made, "date": 1_700_000_100, "chat": self.chat() }))
    }

    fn delete(&mut self, sent: &Value) -> Said {
        if sent["chat_id"] != -1_001_234_567_890_i64 {
            return wrong(400, "Bad Request: chat not found");
        }
        if self.old && self.member["can_delete_messages"] != true {
            return wrong(400, "Bad Request: message can't be deleted for everyone");
        }
        let before = self.posts.len();
        self.posts.retain(|(number, _)| sent["message_id"] != *number);
        if before == self.posts.len() {
            return wrong(400, "Bad Request: message to delete not found");
        }
        done(json!(true))
    }

    /// Whether a message with these words may be posted.
    fn refuse(&self, chat: &str, caption: &str) -> Option<Said> {
        match () {
            () if !here(chat) => Some(wrong(400, "Bad Request: chat not found")),
            () if caption.encode_utf16().count() > 1_024 => {
                Some(wrong(400, "Bad Request: message caption is too long"))
            }
            () if self.member["can_post_messages"] != true => {
                Some(wrong(403, "Forbidden: bot is not a member of the channel chat"))
            }
            () => None,
        }
    }

    /// A picture as a message of its own.
    fn show(&mut self, words: &str, file: &Part, faults: &mut Vec<String>) -> Value {
        if !matches!(file.mime.as_str(), "image/jpeg" | "image/png") || !file.is_file {
            faults.push(format!("a picture that may not be shown: {file:?}"));
        }
        self.made += 1;
        self.posts.push((self.made, words.to_owned()));
        self.pictures.push((self.made, file.mime.clone(), file.bytes.clone()));
        json!({ "message_id": self.made, "date": 1_700_000_100, "chat": self.chat() })
    }

    fn photo(&mut self, parts: &[Part], faults: &mut Vec<String>) -> Said {
        let [chat, caption, photo] = parts else { panic!("{parts:?}") };
        if [&chat.name, &caption.name, &photo.name] != ["chat_id", "caption", "photo"] {
            faults.push(format!("parts: {parts:?}"));
        }
        if let Some(said) = self.refuse(&chat.text(), &caption.text()) {
            return said;
        }
        done(self.show(&caption.text(), photo, faults))
    }

    fn group(&mut self, parts: &[Part], faults: &mut Vec<String>) -> Said {
        let [chat, media, files @ ..] = parts else { panic!("{parts:?}") };
        let media: Vec<Value> = serde_json::from_slice(&media.bytes).unwrap();
        if chat.name != "chat_id" || !(2..=10).contains(&media.len()) || media.len() != files.len() {
            faults.push(format!("parts: {parts:?}"));
        }
        let words = |told: &Value| told["caption"].as_str().unwrap_or_default().to_owned();
        if let Some(said) = self.refuse(&chat.text(), &words(&media[0])) {
            return said;
        }
        let mut made = Vec::new();
        for (n, (told, file)) in media.iter().zip(files).enumerate() {
            // Apps show one caption below the whole only where no other picture has one.
            let is_silent = n == 0 || told.get("caption").is_none();
            if told["type"] != "photo" || told["media"] != format!("attach://{}", file.name) || !is_silent {
                faults.push(format!("picture {n}: {told}"));
            }
            made.push(self.show(&words(told), file, faults));
        }
        done(made.into())
    }

    fn edit(&mut self, sent: &Value, faults: &mut Vec<String>) -> Said {
        let names: Vec<&String> = sent.as_object().unwrap().keys().collect();
        if names != ["caption", "chat_id", "message_id"] {
            faults.push(format!("fields: {names:?}"));
        }
        let (chat, caption) = (self.chat(), sent["caption"].as_str().unwrap());
        let Some((number, words)) = self.posts.iter_mut().find(|(n, _)| sent["message_id"] == *n) else {
            return wrong(400, "Bad Request: message to edit not found");
        };
        if words == caption {
            return wrong(
                400,
                "Bad Request: message is not modified: specified new message content is the same",
            );
        }
        caption.clone_into(words);
        done(json!({ "message_id": number, "date": 1_700_000_100, "chat": chat }))
    }
}

fn here(chat: &str) -> bool {
    chat == "@bank" || chat == "-1001234567890"
}

/// A part of a form.
#[derive(Debug)]
struct Part {
    name: String,
    mime: String,
    is_file: bool,
    bytes: Vec<u8>,
}

impl Part {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }
}

/// The parts of a form, in their order.
fn parts(asked: &Asked) -> Vec<Part> {
    let boundary = asked.header("content-type").strip_prefix("multipart/form-data; boundary=").unwrap();
    // A letter for each byte.
    let text: String = asked.content.iter().map(|b| char::from(*b)).collect();
    let whole = text.strip_suffix(&format!("--{boundary}--\r\n")).unwrap();
    let read = |part: &str| {
        let (head, content) = part.split_once("\r\n\r\n").unwrap();
        let word =
            |before: &str| head.split_once(before).map(|(_, rest)| rest.split(['"', '\r']).next().unwrap());
        let content = content.strip_suffix("\r\n").unwrap();
        Part {
            name: word(" name=\"").unwrap().to_owned(),
            mime: word("Content-Type: ").unwrap().to_owned(),
            is_file: word("filename=\"").is_some(),
            bytes: content.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(),
        }
    };
    whole.split(&format!("--{boundary}\r\n")).skip(1).map(read).collect()
}
