//! New words for the app's messages, and which of them are pinned, against the strict server.

use super::*;
use crate::slack_text::tests::seen;
use crate::slack_text::written;
use crate::strict::{Asked, Changes, Network, Said, changes, foreign, good, pins};

/// The channel, with what becomes of its messages later.
#[derive(Clone)]
struct Room {
    api: Api,
    /// The times of pinned messages.
    pins: Vec<String>,
    may_pin: bool,
}

fn wrong(error: &str) -> Said {
    good(json!({ "ok": false, "error": error, "needed": "pins:write", "hostile": TOKEN }))
}

impl Network for Room {
    fn makes(method: &str, path: &str) -> bool {
        Api::makes(method, path)
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let method = asked.path.strip_prefix("/api/").unwrap_or_default();
        if asked.method != "POST" || !matches!(method, "chat.update" | "pins.add" | "pins.remove") {
            let said = self.api.answer(asked, faults);
            let messages = &self.api.messages;
            self.pins.retain(|pinned| messages.iter().any(|m| m["ts"] == *pinned));
            return said;
        }
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return wrong("invalid_auth");
        }
        if asked.header("content-type") != "application/json; charset=utf-8" {
            faults.push("Slack warns of a body without its charset".to_owned());
        }
        let sent = asked.json();
        if sent["channel"] != "C024BE91L" {
            return wrong("channel_not_found");
        }
        match method {
            "chat.update" => self.update(&sent, faults),
            _ => self.pin(&sent, method == "pins.add", faults),
        }
    }
}

impl Room {
    fn new() -> Self {
        Self { api: Api::new(), pins: Vec::new(), may_pin: true }
    }

    /// What an edit does not name stays; what it names takes the place of all that was there.
    fn update(&mut self, sent: &Value, faults: &mut Vec<String>) -> Said {
        let names: Vec<&String> = sent.as_object().unwrap().keys().collect();
        let payload = &sent["metadata"]["event_payload"];
        let is_id = |name: &str| payload[name].as_str().is_some_and(|id| id.parse::<uuid::Uuid>().is_ok());
        if names != ["blocks", "channel", "link_names", "metadata", "parse", "text", "ts"]
            || sent["link_names"] != false
            || sent["parse"] != "none"
            || !is_id("delivery")
            || !is_id("revision")
        {
            faults.push(format!("an edit: {sent}"));
        }
        let text = sent["text"].as_str().unwrap();
        let mut blocks = sent["blocks"].as_array().cloned().unwrap_or_default();
        let images = blocks.split_off(blocks.len().min(1));
        if let Some(said) = self.api.refuse_images(&images, faults) {
            return said;
        }
        match seen(&Value::Array(blocks)) {
            Ok(shown) if written(&shown) == text => {}
            shown => faults.push(format!("readers see {shown:?}, and notifications {text}")),
        }
        let Some(message) = self.api.messages.iter_mut().find(|m| m["ts"] == sent["ts"]) else {
            return wrong("message_not_found");
        };
        if message["bot_id"] != "B1" {
            return wrong("cant_update_message");
        }
        for name in ["blocks", "metadata", "text"] {
            message[name] = sent[name].clone();
        }
        good(json!({ "ok": true, "channel": "C024BE91L", "ts": sent["ts"], "text": text }))
    }

    fn pin(&mut self, sent: &Value, up: bool, faults: &mut Vec<String>) -> Said {
        if sent.as_object().unwrap().len() != 2 {
            faults.push(format!("a pin: {sent}"));
        }
        let ts = sent["timestamp"].as_str().unwrap_or_default().to_owned();
        let is_up = self.pins.contains(&ts);
        match () {
            () if !self.may_pin => return wrong("missing_scope"),
            () if !self.api.messages.iter().any(|m| m["ts"] == *ts) => return wrong("message_not_found"),
            () if up && is_up => return wrong("already_pinned"),
            () if !up && !is_up => return wrong("no_pin"),
            () if up => self.pins.push(ts),
            () => self.pins.retain(|pinned| *pinned != ts),
        }
        good(json!({ "ok": true }))
    }
}

fn posts() -> Changes<Room> {
    let says = |r: &Room| r.api.messages.iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect();
    Changes { network: Room::new(), connect: to, says, before: 0, readable: true, pictures: None }
}

fn theirs(room: &mut Room, words: &str) -> String {
    let ts = "1700000150.000100";
    room.api.messages.push(json!({ "type": "message", "ts": ts, "user": "U2", "text": words }));
    format!("C024BE91L:{ts}")
}

#[tokio::test]
async fn however_a_change_breaks_what_is_known_of_it_is_true() {
    changes(posts()).await;
}

#[tokio::test]
async fn new_words_leave_pictures_where_they_are() {
    changes(Changes {
        before: 1,
        pictures: Some(|room: &Room| {
            room.api.messages.iter().map(|m| pictures::files(&m["blocks"]).len()).sum()
        }),
        ..posts()
    })
    .await;
}

#[tokio::test]
async fn however_a_pin_breaks_it_is_not_said_to_be_done_before_it_is() {
    pins(Room::new(), to, |room| room.pins.len()).await;
}

#[tokio::test]
async fn a_message_of_somebody_else_keeps_its_words_and_may_be_pinned() {
    let (said, pinned) = foreign(&posts(), theirs).await;
    assert!(
        matches!(&said, Failure::Rejected { reason, retry: Retry::Never } if reason.contains("cant_update_message")),
        "{said:?}"
    );
    assert_eq!(pinned, Pinned::Done);
    let may_not = Changes { network: Room { may_pin: false, ..Room::new() }, ..posts() };
    let (_, pinned) = foreign(&may_not, theirs).await;
    assert!(matches!(&pinned, Pinned::Failed(why) if why.contains("missing_scope")), "{pinned:?}");
}
