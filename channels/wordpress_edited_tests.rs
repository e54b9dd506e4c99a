//! What becomes of a WordPress post in other hands, while nobody knows whether it is out.

use super::post::{DELETED, DOWN, HIDDEN, TRASHED};
use super::site::{Kept, LOST, PASSWORD, Site};
use super::*;
use crate::strict::{Fate, Memory, Strict};
use crate::suite;

/// A site whose answers to what the public sees have these fates.
async fn site(fates: &[Fate]) -> (Strict<Site>, Box<dyn Channel>, Memory) {
    let site = Strict::start(Site::default(), fates).await;
    let settings = json!({ "url": site.url, "account": "press" });
    let channel = suite::connect(&ADAPTER, settings, Some(PASSWORD)).unwrap();
    (site, channel, Memory::default())
}

async fn publish(channel: &dyn Channel, memory: &Memory) -> Result<Receipt, Failure> {
    channel.publish(&memory.job(), &Pass::open_for_tests().kept_by(Arc::new(memory.clone()))).await
}

/// A site on which the post is out, and nobody here knows.
async fn out() -> (Strict<Site>, Box<dyn Channel>, Memory) {
    let (site, channel, memory) = site(&[LOST]).await;
    assert!(matches!(publish(&*channel, &memory).await, Err(Failure::InDoubt { .. })));
    assert_eq!(site.ids("publish"), [7]);
    (site, channel, memory)
}

fn doubt(why: &str) -> Result<Receipt, Failure> {
    Err(Failure::InDoubt { reason: why.to_owned() })
}

#[tokio::test]
async fn what_an_editor_took_down_is_not_published_again() {
    type Way = Box<dyn Fn(&mut Kept)>;
    let trash = |post: &mut Kept| {
        post.status = "trash".to_owned();
        post.slug.push_str("__trashed");
    };
    let to = |status: &'static str| move |post: &mut Kept| post.status = status.to_owned();
    let ways: [(&str, Way); 4] = [
        (TRASHED, Box::new(trash)),
        (HIDDEN, Box::new(to("private"))),
        (DOWN, Box::new(to("draft"))),
        (DOWN, Box::new(to("pending"))),
    ];
    for (why, way) in ways {
        let (site, channel, memory) = out().await;
        site.edit(way);
        assert_eq!(channel.read_back(&memory.job()).await, Sighting::Unknown(why.to_owned()));
        assert_eq!(publish(&*channel, &memory).await, doubt(why));
        assert!(site.ids("publish").is_empty(), "{why}");
    }
}

#[tokio::test]
async fn a_post_whose_slug_an_editor_changed_is_not_made_again() {
    let (site, channel, memory) = out().await;
    site.edit(|post| post.slug = "a-better-one".to_owned());
    assert!(matches!(channel.read_back(&memory.job()).await, Sighting::Found(_)));
    assert_eq!(publish(&*channel, &memory).await.unwrap().remote_id, "7");
    assert_eq!(channel.retract(&memory.job(), None).await, Retraction::Gone);
    assert_eq!((site.ids("publish").len(), site.ids("trash")), (0, vec![7]));
    assert_eq!(channel.retract(&memory.job(), None).await, Retraction::Gone, "it lies there already");
}

#[tokio::test]
async fn one_that_is_deleted_for_good_is_made_anew_when_a_person_asks_for_it() {
    let (site, channel, memory) = out().await;
    site.edit(|post| post.status = "trash".to_owned());
    site.empty_the_trash();
    assert_eq!(channel.read_back(&memory.job()).await, Sighting::Unknown(DELETED.to_owned()));
    publish(&*channel, &memory).await.unwrap();
    assert_eq!(site.ids("publish").len(), 1);
}

#[tokio::test]
async fn a_draft_that_nobody_touched_since_is_absent_and_the_next_attempt_publishes_it() {
    let (site, channel, memory) = site(&[Fate::Late]).await;
    assert!(matches!(publish(&*channel, &memory).await, Err(Failure::InDoubt { .. })));
    assert_eq!(channel.read_back(&memory.job()).await, Sighting::Absent);
    publish(&*channel, &memory).await.unwrap();
    // What waited in the site's queue is about the same post.
    site.land();
    assert_eq!(site.ids("publish"), [7]);
}

#[tokio::test]
async fn what_the_site_kept_for_an_editor_is_published_once_the_user_may() {
    let (site, channel, memory) = site(&[]).await;
    site.state().network.moderates = true;
    let kept = publish(&*channel, &memory).await;
    assert!(matches!(&kept, Err(Failure::Rejected { retry: Retry::Reconnect, .. })), "{kept:?}");
    publish(&*channel, &memory).await.unwrap();
    assert_eq!(site.ids("publish"), [7]);
}

#[tokio::test]
async fn a_link_that_shows_the_password_is_no_link() {
    let public = r#"[{"id":7,"status":"publish","link":"https://bank.example/hunter2abcdefgh"}]"#;
    let fake = suite::Fake::start(vec![suite::answer(200, "", public)]).await;
    let settings = json!({ "url": fake.url, "account": "press" });
    let channel = suite::connect(&ADAPTER, settings, Some(PASSWORD)).unwrap();
    let receipt = channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.url, None);
}
