//! New words for the bot's messages, and which of them are pinned, against the strict server.

use super::server::{Api, BOT};
use super::tests::to;
use crate::strict::{Changes, changes, foreign, pins};
use crate::{Failure, Pinned, Retry};

fn posts() -> Changes<Api> {
    let says = |api: &Api| api.messages.iter().map(|m| m["content"].as_str().unwrap().to_owned()).collect();
    Changes { network: Api::new(), connect: to, says, before: 0, readable: true, pictures: None }
}

#[tokio::test]
async fn however_a_change_breaks_what_is_known_of_it_is_true() {
    changes(posts()).await;
}

#[tokio::test]
async fn new_words_leave_pictures_where_they_are() {
    changes(Changes {
        pictures: Some(|api: &Api| {
            api.messages.iter().map(|m| m["attachments"].as_array().unwrap().len()).sum()
        }),
        ..posts()
    })
    .await;
}

#[tokio::test]
async fn however_a_pin_breaks_it_is_not_said_to_be_done_before_it_is() {
    pins(Api::new(), to, |api| api.pins.len()).await;
}

#[tokio::test]
async fn a_message_of_somebody_else_keeps_its_words_and_may_be_pinned() {
    let add = |api: &mut Api, words: &str| format!("6:{}", api.say("9", words, 0)["id"].as_str().unwrap());
    let (said, pinned) = foreign(&posts(), add).await;
    assert!(
        matches!(&said, Failure::Rejected { reason, retry: Retry::Reconnect } if reason.contains("may not change it")),
        "{said:?}"
    );
    assert_eq!(pinned, Pinned::Done);
    let may_not = Changes { network: Api { may_pin: false, ..Api::new() }, ..posts() };
    let add = |api: &mut Api, words: &str| format!("6:{}", api.say("9", words, 0)["id"].as_str().unwrap());
    let (_, pinned) = foreign(&may_not, add).await;
    assert!(matches!(&pinned, Pinned::Failed(why) if why.contains("Pin Messages")), "{pinned:?}");
    assert_ne!(BOT, "9");
}
