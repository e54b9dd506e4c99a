//! Posts of Slack with pictures, against a strict server.

use super::pictures::UNREADY;
use super::server::Api;
use super::tests::{open, to};
use super::*;
use crate::graph::fetched::illustrated::Illustrated;
use crate::strict::{self, Fate, Memory, Strict, misfortunes};
use crate::{MediaRef, Retry, suite};

const TEXTS: &str = "chat:write,channels:history,metadata.message:read";

/// A channel whose posts have two pictures.
fn pictured(url: &str) -> Box<dyn Channel> {
    Illustrated::of(2, to(url))
}

/// A post with so many pictures.
fn with(count: u8) -> Job {
    let mut job = suite::job();
    let words = |n| format!("Map {n} & <!channel>");
    let picture = |n| MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: words(n) };
    job.rendition.media = (0..count).map(picture).collect();
    job.media = (0..count).map(|n| vec![n; 3]).collect();
    job
}

#[tokio::test]
async fn pictures_are_in_the_message_with_their_words_and_go_with_it() {
    let (server, channel) = open(Api::new(), &[]).await;
    let job = with(2);
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt.clone()));
    let files = server.state().network.files.clone();
    let sent: Vec<_> = files.iter().map(|f| f.bytes.clone().unwrap()).collect();
    assert_eq!(sent, [vec![0; 3], vec![1; 3]]);
    let blocks = server.state().network.messages[0]["blocks"].clone();
    for (n, file) in files.iter().enumerate() {
        let words = format!("Map {n} & <!channel>");
        assert_eq!(
            blocks[n + 1],
            json!({ "type": "image", "slack_file": { "id": file.id }, "alt_text": words })
        );
    }
    let account = channel.watch(suite::job().permitted_at).await.unwrap().unwrap();
    let seen = &account.lists[0].posts[0].words;
    assert_eq!(watch::part_said(seen, &job.rendition), Some(0), "it is not taken for a foreign post: {seen}");
    assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
    assert!(server.state().network.messages.is_empty());
    assert_eq!(server.state().network.files, [], "nothing of it stays at Slack");
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most_with_its_pictures() {
    let copies = |api: &Api| {
        let all = &api.messages;
        assert!(
            all.iter().all(|m| m["blocks"].as_array().unwrap().len() == 3),
            "with both pictures: {all:?}"
        );
        all.len()
    };
    strict::outcomes(Api::new(), pictured, copies, true).await;
    // Which bot it is was asked for before the pictures were sent.
    strict::reads(Api::new(), pictured, 1).await;
}

/// What is left of a post, for people or for the app.
fn left(api: &Api) -> usize {
    api.messages.len() + api.pictures()
}

#[tokio::test]
async fn whatever_breaks_as_pictures_go_nothing_is_left_when_it_is_said_to_be_gone() {
    // The message goes, and then each of its files.
    for nth in 0..3 {
        strict::removals_after(nth, Api::new(), pictured, left).await;
    }
}

#[tokio::test]
async fn a_take_down_that_was_cut_at_any_step_is_ended_by_another_process() {
    // The message goes, the bot is asked for, and each file goes.
    for nth in 0..4 {
        for fate in misfortunes().into_iter().chain([Fate::Refused(401, "", "")]) {
            let server = Strict::start(Api::new(), &[]).await;
            let memory = Memory::default();
            let receipt = strict::attempt_of(&*pictured(&server.url), &memory).await.unwrap();
            server.state().others = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
            let said = pictured(&server.url).retract(&memory.job(), Some(&receipt.remote_id)).await;
            let is_left = left(&server.state().network);
            assert!(said != Retraction::Gone || is_left == 0, "{nth} {fate:?}: {is_left} left, {said:?}");
            server.state().others.clear();
            let again = pictured(&server.url).retract(&memory.job(), Some(&receipt.remote_id)).await;
            let is_left = left(&server.state().network);
            assert_eq!((again, is_left), (Retraction::Gone, 0), "{nth} {fate:?}");
        }
    }
}

#[tokio::test]
async fn what_an_attempt_sent_that_broke_off_goes_with_the_post() {
    // Two pictures are announced, the bot is asked for, both are sent and completed; the message has its own fate.
    for nth in 0..6 {
        for fate in misfortunes() {
            let server = Strict::start(Api::new(), &[]).await;
            let memory = Memory::default();
            server.state().others = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
            let receipt = strict::deliver_of(&*pictured(&server.url), &memory).await.unwrap();
            let said = pictured(&server.url).retract(&memory.job(), Some(&receipt.remote_id)).await;
            let is_left = left(&server.state().network);
            assert_eq!((said, is_left), (Retraction::Gone, 0), "{nth} {fate:?}");
        }
    }
}

#[tokio::test]
async fn pictures_that_cannot_be_known_or_seen_are_not_said_to_be_gone() {
    let server = Strict::start(Api::new(), &[]).await;
    let (channel, memory) = (pictured(&server.url), Memory::default());
    let receipt = strict::attempt_of(&*channel, &memory).await.unwrap();
    // Another app's: it is told that they are not there.
    let others = Job { handle: Some("+B2:E1,E2".to_owned()), ..memory.job() };
    let Retraction::StillLive(why) = channel.retract(&others, Some(&receipt.remote_id)).await else {
        panic!("the pictures are there")
    };
    assert!(why.contains("the message is gone") && why.contains(super::pictures::ANOTHER_BOT), "{why}");
    // Of a post of an older version nothing is written down, and its message is gone.
    let said = channel.retract(&suite::job(), Some(&receipt.remote_id)).await;
    assert!(matches!(&said, Retraction::StillLive(why) if why.contains("is not written down")), "{said:?}");
    assert_eq!(server.state().network.pictures(), 2);
    // One that Slack keeps does not keep the others.
    server.state().others =
        [Fate::Done, Fate::refused(200, "", r#"{"ok":false,"error":"cant_delete_file"}"#)].into();
    let said = channel.retract(&memory.job(), Some(&receipt.remote_id)).await;
    assert!(matches!(said, Retraction::StillLive(_)), "{said:?}");
    assert_eq!(server.state().network.pictures(), 1);
    // A message that is found no more: its pictures go, and a person looks for it.
    assert_eq!(channel.retract(&memory.job(), None).await, Retraction::StillLive(NOT_OURS.to_owned()));
    assert_eq!(server.state().network.pictures(), 0);
}

#[tokio::test]
async fn no_byte_of_a_picture_leaves_before_it_is_written_down() {
    struct Never;
    #[async_trait]
    impl crate::Keeper for Never {
        async fn keep(&self, _: &str) -> Result<(), String> {
            Err("the disk is full".to_owned())
        }
    }
    let (server, channel) = open(Api::new(), &[]).await;
    let pass = Pass::open_for_tests().kept_by(Arc::new(Never));
    let failure = channel.publish(&with(2), &pass).await.unwrap_err();
    assert!(matches!(failure, Failure::Rejected { retry: Retry::Backoff, .. }), "{failure:?}");
    let network = server.state().network.clone();
    assert!(network.messages.is_empty() && network.files.iter().all(|f| f.bytes.is_none()));
}

#[tokio::test]
async fn a_message_waits_for_its_pictures_and_not_for_ever() {
    let (server, channel) = open(Api { works: 3, ..Api::new() }, &[]).await;
    channel.publish(&with(1), &Pass::open_for_tests()).await.unwrap();
    {
        let network = &server.state().network;
        assert_eq!((network.files.len(), network.messages.len()), (1, 1));
    }
    let (server, channel) = open(Api { works: 99, ..Api::new() }, &[]).await;
    let failure = channel.publish(&with(1), &Pass::open_for_tests()).await;
    assert_eq!(failure, Err(Failure::Rejected { reason: UNREADY.to_owned(), retry: Retry::Backoff }));
    assert!(server.state().network.messages.is_empty());
}

#[tokio::test]
async fn a_lost_answer_of_a_message_with_pictures_is_a_doubt_that_its_key_settles() {
    let (server, channel) = open(Api::new(), &[Fate::DoneBut(500)]).await;
    let job = with(1);
    let failure = channel.publish(&job, &Pass::open_for_tests()).await;
    assert!(matches!(failure, Err(Failure::InDoubt { .. })), "{failure:?}");
    assert!(matches!(channel.read_back(&job).await, Sighting::Found(_)));
    assert_eq!(server.state().network.messages.len(), 1);
}

#[tokio::test]
async fn a_step_before_the_message_that_breaks_has_no_effect_and_shows_no_address() {
    let refusals = [Fate::refused(500, "", "{}"), Fate::refused(429, "Retry-After: 9\r\n", "{}")];
    // It is announced, the bot is asked for, and it is sent and completed.
    for nth in 0..4 {
        for fate in refusals.iter().cloned().chain(misfortunes()) {
            let (server, channel) = open(Api::new(), &[]).await;
            server.state().others.extend(std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]));
            let failure = channel.publish(&with(1), &Pass::open_for_tests()).await.unwrap_err();
            let Failure::Rejected { reason, retry } = &failure else { panic!("{nth} {fate:?}: {failure:?}") };
            assert!(
                !matches!(retry, Retry::Never | Retry::After(_)),
                "a post without pictures need not wait: {failure:?}"
            );
            assert!(!reason.contains("hunter2"), "{reason}");
            assert!(server.state().network.messages.is_empty());
        }
    }
}

#[tokio::test]
async fn a_closed_gate_lets_no_picture_out() {
    let (server, channel) = open(Api::new(), &[]).await;
    let failure = channel.publish(&with(1), &suite::closed_pass()).await;
    assert!(matches!(failure, Err(Failure::Closed { partly: false, .. })), "{failure:?}");
    assert!(server.state().network.files.is_empty());
}

#[tokio::test]
async fn pictures_go_to_slack_alone() {
    for elsewhere in ["http://evil.example/upload/v1/F1", "https://127.0.0.1/upload", "ftp://x", "x"] {
        let (server, channel) = open(Api::new(), &[]).await;
        let told = json!({ "ok": true, "upload_url": elsewhere, "file_id": "F000000001" }).to_string();
        server.state().others.push_back(Fate::refused(200, "", told));
        let failure = channel.publish(&with(1), &Pass::open_for_tests()).await;
        let reason = "the answer names no picture".to_owned();
        assert_eq!(failure, Err(Failure::Rejected { reason, retry: Retry::Backoff }), "{elsewhere}");
    }
}

#[tokio::test]
async fn the_permission_for_pictures_is_told_before_and_texts_need_none() {
    let (_server, channel) = open(Api { scopes: TEXTS, ..Api::new() }, &[]).await;
    let health = channel.check().await;
    assert!(health.ready && health.detail.contains("without pictures: they need the permission files:write"));
    channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    let failure = channel.publish(&with(1), &Pass::open_for_tests()).await.unwrap_err();
    let Failure::Rejected { reason, retry: Retry::Reconnect } = failure else { panic!("{failure:?}") };
    assert!(reason.contains("the app lacks the permission files:write"), "{reason}");
    let (_server, channel) = open(Api::new(), &[]).await;
    assert!(!channel.check().await.detail.contains("pictures"));
}

#[tokio::test]
async fn the_largest_post_is_taken() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = with(4);
    job.rendition.text = "https://bank.example/1234567890/123456789 ".repeat(85);
    for picture in &mut job.rendition.media {
        picture.alt = "é".repeat(500);
    }
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(server.state().network.messages.len(), 1);
    job.rendition.media[0].mime = "image/webp".to_owned();
    assert_eq!(text::check(&job.rendition, &ADAPTER.limits).len(), 1, "Slack shows no WebP");
}
