//! What becomes of a Ghost post in other hands: editors', and those of a site that repeats what it was sent.

use secrecy::ExposeSecret;

use super::site::{KEY, Site};
use super::*;
use crate::strict::{Fate, Memory, Strict};
use crate::suite;

async fn open() -> (Strict<Site>, Box<dyn Channel>) {
    let server = Strict::start(Site::default(), &[]).await;
    let channel = suite::connect(&ADAPTER, json!({ "url": server.url }), Some(KEY)).unwrap();
    (server, channel)
}

fn job(memory: &Memory) -> Job {
    let mut job = memory.job();
    job.rendition.title = Some("Cards & payments".to_owned());
    job.rendition.text = "One [a] \"b\" <c>\n\nhttps://bank.example/?a=1&b=2".to_owned();
    job.rendition.media =
        vec![crate::MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: "A \"map\"".into() }];
    job.media = vec![vec![1]];
    job
}

async fn publish(channel: &dyn Channel, memory: &Memory) -> Result<Receipt, Failure> {
    channel.publish(&job(memory), &Pass::open_for_tests().kept_by(Arc::new(memory.clone()))).await
}

/// A site on which the post is out.
async fn published() -> (Strict<Site>, Box<dyn Channel>, Memory) {
    let ((server, channel), memory) = (open().await, Memory::default());
    let receipt = publish(&*channel, &memory).await.unwrap();
    assert_eq!(memory.handle(), Some(receipt.remote_id), "written down before the public step");
    (server, channel, memory)
}

/// How many posts there are, and how many are public.
fn copies(server: &Strict<Site>) -> (usize, usize) {
    let state = server.state();
    (state.network.posts.len(), state.network.public())
}

fn doubt(why: &str) -> Result<Receipt, Failure> {
    Err(Failure::InDoubt { reason: why.to_owned() })
}

#[tokio::test]
async fn what_an_editor_took_down_is_not_published_again() {
    let (server, channel, memory) = published().await;
    server.state().network.take_down();
    let before = server.state().network.writes;
    for memory in [&memory, &Memory::default()] {
        assert_eq!(channel.read_back(&job(memory)).await, Sighting::Unknown(DOWN.to_owned()));
        assert_eq!(publish(&*channel, memory).await, doubt(DOWN));
        assert_eq!(channel.retract(&job(memory), None).await, Retraction::StillLive(DOWN.to_owned()));
    }
    assert_eq!(server.state().network.writes, before, "untouched");
    // Once it is deleted, an attempt that a person asks for makes it anew.
    server.state().network.posts.clear();
    assert_eq!(channel.read_back(&job(&memory)).await, Sighting::Unknown(DELETED.to_owned()));
    publish(&*channel, &memory).await.unwrap();
    assert_eq!(server.state().network.public(), 1);
}

#[tokio::test]
async fn a_post_whose_slug_an_editor_changed_is_not_made_again() {
    let (server, channel, memory) = published().await;
    server.state().network.posts[0]["slug"] = "a-better-one".into();
    assert!(matches!(channel.read_back(&job(&memory)).await, Sighting::Found(_)));
    publish(&*channel, &memory).await.unwrap();
    assert_eq!(copies(&server), (1, 1));
    // Another draft under the slug hides it no more than a deletion would.
    server.state().network.land();
    publish(&*channel, &memory).await.unwrap();
    assert_eq!(copies(&server), (2, 1));
    server.state().network.posts.remove(0);
    assert_eq!(channel.read_back(&job(&memory)).await, Sighting::Unknown(DELETED.to_owned()));
}

#[tokio::test]
async fn a_collision_with_our_own_earlier_request_is_no_refusal() {
    const COLLISION: &str = r#"{"errors":[{"type":"UpdateCollisionError"}]}"#;
    let missing = r#"{"errors":[{"type":"NotFoundError"}]}"#;
    let invalid = r#"{"errors":[{"type":"ValidationError"}]}"#;
    for refusal in [
        Fate::Done, // The site's own: the draft was read before the earlier request was done.
        Fate::Refused(409, "", COLLISION),
        Fate::Refused(409, "", "{}"),
        Fate::Refused(404, "", missing),
        Fate::Refused(422, "", invalid),
    ] {
        for (status, expected) in
            [("published", None), ("scheduled", Some(SCHEDULED)), ("sent", Some(MAILED))]
        {
            let (server, channel, memory) = published().await;
            let mut draft = server.state().network.posts[0].clone();
            server.state().network.posts[0]["status"] = status.into();
            for (name, value) in [("status", json!("draft")), ("published_at", Value::Null)] {
                draft[name] = value;
            }
            draft["updated_at"] = "2025-01-01T00:00:00.000Z".into();
            let stale = Fate::refused(200, "", json!({ "posts": [draft] }).to_string());
            server.state().others = [stale.clone()].into();
            server.state().fates = [refusal.clone()].into();
            let said = publish(&*channel, &memory).await;
            match expected {
                None => assert!(said.is_ok(), "{refusal:?}: {said:?}"),
                Some(why) => assert_eq!(said, doubt(why), "{refusal:?}"),
            }
            // Where the look fails, nobody knows.
            server.state().others = [stale, Fate::Done, Fate::Refused(500, "", "")].into();
            server.state().fates = [refusal.clone()].into();
            let said = publish(&*channel, &memory).await;
            assert!(matches!(said, Err(Failure::InDoubt { .. })), "{refusal:?}: {said:?}");
            assert_eq!(server.state().network.posts.len(), 1);
        }
    }
}

#[tokio::test]
async fn other_words_than_those_approved_are_left_to_people() {
    let (server, channel, memory) = published().await;
    let html = server.state().network.posts[0]["html"].as_str().unwrap().to_owned();
    // As Ghost writes it: seen on 6.65.
    let written = html.replace("&#91;a&#93; &quot;b&quot;", "[a] \"b\"");
    assert_ne!(written, html);
    server.state().network.posts[0]["html"] = format!("\n{written}\n").into();
    assert!(matches!(channel.read_back(&job(&memory)).await, Sighting::Found(_)));
    publish(&*channel, &memory).await.unwrap();
    for (field, words) in [
        ("title", json!("Cards")),
        ("title", Value::Null),
        ("html", json!(html.replace("One", "Two"))),
        ("html", json!(html.replace("href=\"https://bank.example", "href=\"https://evil.example"))),
        ("html", json!(html.replace("map", "plan"))),
        ("html", Value::Null),
    ] {
        let (server, channel, memory) = published().await;
        assert_ne!(server.state().network.posts[0][field], words);
        server.state().network.posts[0][field] = words.clone();
        assert_eq!(channel.read_back(&job(&memory)).await, Sighting::Unknown(CHANGED.to_owned()), "{words}");
        assert_eq!(publish(&*channel, &memory).await, doubt(CHANGED), "{words}");
        assert_eq!(server.state().network.posts.len(), 1);
    }
}

#[tokio::test]
async fn a_site_that_repeats_the_token_shows_it_to_nobody() {
    let token = key::Key::read(&KEY.into()).unwrap().token(1_700_000_100);
    let token = token.expose_secret();
    let signature = token.rsplit('.').next().unwrap();
    for told in [format!("no, Ghost {token}"), format!("[{token}]"), format!("signature={signature}")] {
        let body = json!({ "errors": [{ "type": "ValidationError", "message": told }] }).to_string();
        for status in [400, 401, 403, 404, 409, 422, 429, 500] {
            let refused = || Fate::refused(status, "", body.clone());
            let (server, channel) = open().await;
            server.state().fates = [refused()].into();
            let memory = Memory::default();
            let publishing = publish(&*channel, &memory).await;
            server.state().others = [refused(), refused(), refused(), refused()].into();
            let looked = publish(&*channel, &Memory::default()).await;
            let read = channel.read_back(&job(&memory)).await;
            let checked = channel.check().await;
            let down = channel.retract(&job(&memory), memory.handle().as_deref()).await;
            let all = format!("{publishing:?} {looked:?} {read:?} {checked:?} {down:?}");
            assert!(!all.contains(signature) && !all.contains("eyJ"), "{status}: {all}");
            assert!(all.contains(&status.to_string()), "{all}");
        }
        // In what is not an error, too.
        let (server, channel) = open().await;
        let title = json!({ "site": { "title": told } }).to_string();
        server.state().others = [Fate::Done, Fate::refused(200, "", title)].into();
        assert_eq!(channel.check().await.detail, "publishes on 127.0.0.1");
    }
    let (server, channel, memory) = published().await;
    let mut post = server.state().network.posts[0].clone();
    post["url"] = format!("https://bank.example/?{token}").into();
    server.state().network.posts[0] = post;
    let Sighting::Found(found) = channel.read_back(&job(&memory)).await else { panic!("it is there") };
    assert_eq!(found.url, None);
}
