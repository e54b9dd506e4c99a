//! Posts of Telegram with pictures, against a scripted server and a strict one.

use serde_json::json;

use super::server::Api;
use super::tests::{kit, open, to};
use super::*;
use crate::graph::fetched::illustrated::{Illustrated, with};
use crate::revise::{self, GONE};
use crate::strict::{self, Fate, Strict};
use crate::suite::{self, Kit};
use crate::{Rendition, Retry, fit};

fn of(count: usize) -> Kit {
    let connect: fn(&Connection) -> Result<Box<dyn Channel>, String> = match count {
        1 => |connection| Ok(Illustrated::of(1, connect(connection)?)),
        _ => |connection| Ok(Illustrated::of(2, connect(connection)?)),
    };
    Kit { adapter: Adapter { connect, ..ADAPTER }, ..kit() }
}

fn one(url: &str) -> Box<dyn Channel> {
    Illustrated::of(1, to(url))
}

fn two(url: &str) -> Box<dyn Channel> {
    Illustrated::of(2, to(url))
}

#[tokio::test]
async fn posts_with_pictures_pass_the_suite() {
    suite::all(&of(1)).await;
    let message = |n: u8| json!({ "message_id": n, "chat": { "id": -1001, "type": "channel" } });
    let accepted = json!({ "ok": true, "result": [message(41), message(42)] }).to_string();
    suite::all(&Kit { accepted: accepted.leak(), ..of(2) }).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most_with_all_its_pictures() {
    strict::outcomes(Api::new(), one, |api| api.pictures.len(), false).await;
    let copies = |api: &Api| {
        assert_eq!(api.pictures.len() % 2, 0, "each copy has both: {:?}", api.posts);
        api.pictures.len() / 2
    };
    strict::outcomes(Api::new(), two, copies, false).await;
}

#[tokio::test]
async fn whatever_breaks_a_picture_that_is_there_is_not_said_to_be_gone() {
    strict::removals(Api::new(), one, |api| api.posts.len()).await;
    // Each picture is a message of its own.
    for nth in 0..2 {
        strict::removals_after(nth, Api::new(), two, |api| api.posts.len()).await;
    }
}

#[tokio::test]
async fn pictures_go_in_their_order_with_the_text_beside_the_first_and_all_of_them_can_be_taken_down() {
    for (count, numbers) in [(1, "41"), (2, "41,42"), (10, "41,42,43,44,45,46,47,48,49,50")] {
        let (server, channel) = open(&[]).await;
        let mut job = with(&suite::job(), count);
        job.rendition.text = "*Cards* <b>fail</b>\r\n--holdline & https://bank.example/é".to_owned();
        let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
        assert_eq!(receipt.remote_id, format!("123456:-1001234567890:{numbers}"));
        assert_eq!(receipt.url.as_deref(), Some("https://t.me/bank/41"));
        let network = server.state().network.clone();
        let words: Vec<&str> = network.posts.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!((words[0], words[1..].concat().as_str()), (job.rendition.text.as_str(), ""));
        let sent: Vec<_> = network.pictures.iter().map(|(_, _, bytes)| bytes.clone()).collect();
        assert_eq!(sent, job.media);
        for _ in 0..2 {
            assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
            assert!(server.state().network.posts.is_empty());
        }
    }
}

#[tokio::test]
async fn one_picture_that_stays_is_told_and_keeps_no_other() {
    let (server, channel) = open(&[]).await;
    let job = with(&suite::job(), 3);
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    server.state().others = [Fate::Done, Fate::refused(500, "", "{}")].into();
    let said = channel.retract(&job, Some(&receipt.remote_id)).await;
    assert!(matches!(said, Retraction::StillLive(_)), "{said:?}");
    let left: Vec<i64> = server.state().network.posts.iter().map(|(number, _)| *number).collect();
    assert_eq!(left, [42]);
}

#[tokio::test]
async fn an_answer_that_does_not_name_each_picture_is_in_doubt() {
    let message = |n: i64, chat: i64| json!({ "message_id": n, "chat": { "id": chat, "type": "channel" } });
    let good = message(1, -5);
    for result in [
        json!([]),
        json!([good]),
        json!([good, message(0, -5)]),
        json!([good, message(2, -6)]),
        json!([good, good, good]),
        good.clone(),
        json!(true),
    ] {
        let told = json!({ "ok": true, "result": result }).to_string();
        let server = Strict::start(Api::new(), &[Fate::refused(200, "", told)]).await;
        let result = two(&server.url).publish(&suite::job(), &Pass::open_for_tests()).await;
        assert!(matches!(result, Err(Failure::InDoubt { .. })), "{result:?}");
    }
}

#[tokio::test]
async fn a_post_whose_pictures_are_missing_stays_here() {
    let (server, channel) = open(&[]).await;
    let mut job = with(&suite::job(), 2);
    job.media.pop();
    let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
    assert!(matches!(failure, Failure::Rejected { retry: Retry::Backoff, .. }), "{failure:?}");
    assert!(server.state().requests.is_empty());
}

#[tokio::test]
async fn the_longest_caption_is_taken_and_one_more_is_the_authors_to_shorten() {
    let (server, channel) = open(&[]).await;
    let mut job = with(&suite::job(), 10);
    job.rendition.text = "\u{1f468}".repeat(512);
    let problems = |r: &Rendition| -> Vec<String> {
        text::check(r, &ADAPTER.limits).into_iter().map(|p| format!("{} {}", p.field, p.message)).collect()
    };
    assert!(problems(&job.rendition).is_empty());
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    job.rendition.text.push('a');
    assert_eq!(problems(&job.rendition), ["text is 1 too long beside pictures; the limit is 1024"]);
    let result = channel.publish(&job, &Pass::open_for_tests()).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Never, .. })), "{result:?}");
    assert_eq!(server.state().network.posts.len(), 10, "nothing is cut off, and nothing is sent apart");
    let mut odd = with(&suite::job(), 11);
    odd.rendition.media[0].mime = "image/gif".to_owned();
    assert_eq!(problems(&odd.rendition).len(), 2);
    job.rendition.media.clear();
    assert!(problems(&job.rendition).is_empty(), "without pictures there is room");
}

#[test]
fn that_nobody_reads_the_words_of_pictures_there_is_told() {
    let (plain, pictured) = (suite::job().rendition, with(&suite::job(), 1).rendition);
    for adapter in crate::ALL {
        assert_eq!(fit::unsaid(&plain, &adapter.limits), None);
        let told = fit::unsaid(&pictured, &adapter.limits).is_some();
        assert_eq!(told, matches!(adapter.name, "sms" | "telegram" | "whatsapp"), "{}", adapter.name);
    }
}

#[tokio::test]
async fn new_words_take_the_place_of_a_caption_and_pictures_stay() {
    let (server, channel) = open(&[]).await;
    let before = with(&suite::job(), 2);
    let receipt = channel.publish(&before, &Pass::open_for_tests()).await.unwrap();
    let of = Revised { before: before.rendition.clone(), ..suite::revised(&receipt.remote_id) };
    let mut job = Job { revises: Some(of.clone()), ..before.clone() };
    job.rendition.text = "Cards work again.".to_owned();
    assert_eq!(revise::obstacle(&ADAPTER, &before.rendition, &job.rendition), None);
    // The same words once more are those of an attempt before this one.
    for _ in 0..2 {
        let changed = channel.revise(&job, &of, &Pass::open_for_tests()).await.unwrap();
        assert_eq!(changed.remote_id, receipt.remote_id);
    }
    let posts = server.state().network.posts.clone();
    assert_eq!(posts, [(41, "Cards work again.".to_owned()), (42, String::new())]);
    assert_eq!(server.state().network.pictures.len(), 2);
    channel.retract(&before, Some(&receipt.remote_id)).await;
    assert_eq!(channel.revise(&job, &of, &Pass::open_for_tests()).await, Err(Failure::never(GONE)));

    let why = |before: &Rendition, after: &Rendition| revise::obstacle(&ADAPTER, before, after).unwrap();
    let (plain, other) = (suite::job().rendition, with(&suite::job(), 1).rendition);
    assert!(why(&before.rendition, &other).contains("and not the pictures"));
    assert!(why(&before.rendition, &plain).contains("and not the pictures"));
    assert!(why(&plain, &other).contains("cannot add pictures"));
}

#[tokio::test]
async fn a_large_album_has_the_time_that_a_slow_line_needs() {
    let slow = [Fate::Slow(std::time::Duration::from_millis(2_500))];
    let (_server, channel) = open(&slow).await;
    let small = with(&suite::job(), 2);
    let failure = channel.publish(&small, &Pass::open_for_tests()).await.unwrap_err();
    assert!(matches!(failure, Failure::InDoubt { .. }), "two seconds are over: {failure:?}");
    let (server, channel) = open(&slow).await;
    let mut large = with(&suite::job(), 2);
    large.media = vec![vec![7; 256 << 10]; 2];
    channel.publish(&large, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(server.state().network.pictures.len(), 2);
}

#[tokio::test]
async fn an_album_with_more_than_one_request_carries_stays_here() {
    let (server, channel) = open(&[]).await;
    let mut job = with(&suite::job(), 10);
    job.media = vec![vec![7; 2 << 20]; 10];
    job.media[9].push(7);
    let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
    assert_eq!(failure, Failure::never(post::TOO_LARGE));
    assert!(server.state().requests.is_empty());
}
