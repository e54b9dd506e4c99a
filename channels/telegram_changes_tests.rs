//! New words for the bot's messages, and which of them are pinned, against the strict server.

use super::*;
use crate::strict::{Asked, Changes, Network, Said, changes, foreign, good, pins};

/// The chat, with what becomes of its messages later.
#[derive(Clone)]
struct Room {
    api: Api,
    /// The numbers of pinned messages.
    pins: Vec<i64>,
    may_pin: bool,
}

fn refused(words: &str) -> Said {
    let said = format!("Bad Request: {words}");
    (400, String::new(), json!({ "ok": false, "error_code": 400, "description": said }))
}

impl Network for Room {
    fn makes(method: &str, path: &str) -> bool {
        Api::makes(method, path)
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let method = asked.path.strip_prefix(&format!("/bot{TOKEN}/")).unwrap_or_default();
        if asked.method != "POST"
            || !matches!(method, "editMessageText" | "pinChatMessage" | "unpinChatMessage")
        {
            let said = self.api.answer(asked, faults);
            let posts = &self.api.posts;
            self.pins.retain(|pinned| posts.iter().any(|(number, _)| number == pinned));
            return said;
        }
        if asked.header("content-type") != "application/json" || asked.headers.contains_key("authorization") {
            faults.push("the token belongs into the path, and the fields into an object".to_owned());
        }
        let sent = asked.json();
        if sent["chat_id"] != -1_001_234_567_890_i64 {
            return refused("chat not found");
        }
        match method {
            "editMessageText" => self.edit(&sent, faults),
            _ => self.pin(&sent, method == "pinChatMessage", faults),
        }
    }
}

impl Room {
    fn new() -> Self {
        Self { api: Api::new(), pins: Vec::new(), may_pin: true }
    }

    /// Numbers below 40 are messages of others.
    fn edit(&mut self, sent: &Value, faults: &mut Vec<String>) -> Said {
        let names: Vec<&String> = sent.as_object().unwrap().keys().collect();
        if names != ["chat_id", "link_preview_options", "message_id", "text"]
            || sent["link_preview_options"] != json!({ "is_disabled": true })
        {
            faults.push(format!("an edit: {sent}"));
        }
        let text = sent["text"].as_str().unwrap();
        let Some((number, words)) = self.api.posts.iter_mut().find(|(n, _)| sent["message_id"] == *n) else {
            return refused("message to edit not found");
        };
        match () {
            () if *number < 40 => return refused("message can't be edited"),
            () if text.trim().is_empty() => return refused("message text is empty"),
            () if text.encode_utf16().count() > 4_096 => return refused("MESSAGE_TOO_LONG"),
            () if words == text => {
                return refused(
                    "message is not modified: specified new message content and reply markup are exactly the same as a \
                     current content and reply markup of the message",
                );
            }
            () => text.clone_into(words),
        }
        let chat =
            json!({ "id": -1_001_234_567_890_i64, "type": "channel", "title": "Bank", "username": "bank" });
        let message = json!({ "message_id": number, "date": 1_700_000_100, "edit_date": 1_700_000_200, "chat": chat, "text": text });
        good(json!({ "ok": true, "result": message }))
    }

    fn pin(&mut self, sent: &Value, up: bool, faults: &mut Vec<String>) -> Said {
        let mut names = vec!["chat_id", "message_id"];
        names.extend(up.then_some("disable_notification"));
        names.sort_unstable();
        let given: Vec<&String> = sent.as_object().unwrap().keys().collect();
        if given != names || up && sent["disable_notification"] != true {
            faults.push(format!("a pin: {sent}"));
        }
        let number = sent["message_id"].as_i64().unwrap();
        let (is_there, is_up) =
            (self.api.posts.iter().any(|(n, _)| *n == number), self.pins.contains(&number));
        match () {
            () if !self.may_pin => {
                return refused("not enough rights to manage pinned messages in the chat");
            }
            () if up && !is_there => return refused("message to pin not found"),
            () if !up && !is_up => return refused("message to unpin not found"),
            () if up && is_up => return refused("CHAT_NOT_MODIFIED"),
            () if up => self.pins.push(number),
            () => self.pins.retain(|pinned| *pinned != number),
        }
        good(json!({ "ok": true, "result": true }))
    }
}

fn posts() -> Changes<Room> {
    let says = |room: &Room| room.api.posts.iter().map(|(_, words)| words.clone()).collect();
    Changes { network: Room::new(), connect: to, says, before: 0, readable: false, pictures: None }
}

fn theirs(room: &mut Room, words: &str) -> String {
    room.api.posts.push((7, words.to_owned()));
    "123456:-1001234567890:7".to_owned()
}

#[tokio::test]
async fn however_a_change_breaks_what_is_known_of_it_is_true() {
    changes(posts()).await;
}

#[tokio::test]
async fn new_words_leave_pictures_where_they_are() {
    changes(Changes {
        pictures: Some(|room: &Room| {
            let is_there = |n: &i64| room.api.posts.iter().any(|(number, _)| number == n);
            room.api.pictures.iter().filter(|(n, ..)| is_there(n)).count()
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
        matches!(&said, Failure::Rejected { reason, retry: Retry::Never } if reason.contains("can't be edited")),
        "{said:?}"
    );
    assert_eq!(pinned, Pinned::Done);
    let may_not = Changes { network: Room { may_pin: false, ..Room::new() }, ..posts() };
    let (_, pinned) = foreign(&may_not, theirs).await;
    assert!(matches!(&pinned, Pinned::Failed(why) if why.contains("may not pin")), "{pinned:?}");
}
