//! New words, and taking all of a message down, against a strict server.

use super::server::{Api, ROOM};
use super::tests::open;
use super::*;
use crate::strict::{self, Fate};
use crate::suite;

#[tokio::test]
async fn new_words_are_found_by_their_key_and_go_with_the_post() {
    let (server, channel) = open(Api::new(), &[Fate::Done, Fate::DoneBut(500)]).await;
    let first = strict::attempt(&*channel).await.unwrap();
    let id = first.remote_id.as_str();
    let of = crate::Revised { delivery: suite::job().delivery, ..suite::revised(id) };
    let other = "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d11".parse().unwrap();
    let job = Job { delivery: other, revises: Some(of.clone()), ..suite::job() };
    assert_eq!(channel.read_revised(&job, &of).await, Sighting::Absent);
    // The answer is lost, and the same words again are the same event.
    let lost = channel.revise(&job, &of, &Pass::open_for_tests()).await;
    assert!(matches!(lost, Err(Failure::InDoubt { .. })), "{lost:?}");
    for _ in 0..2 {
        assert_eq!(channel.read_revised(&job, &of).await, Sighting::Found(first.clone()));
        assert_eq!(channel.revise(&job, &of, &Pass::open_for_tests()).await, Ok(first.clone()));
    }
    assert_eq!(server.state().network.events.len(), 2);
    // The post that it was is still known as such.
    assert_eq!(channel.read_back(&suite::job()).await, Sighting::Found(first.clone()));
    // As long as nobody knows what has replaced it, or some of that is left, it is not called gone, and stays in sight:
    // a server may tell nothing of what replaced a post that was taken down.
    let third = "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d12".parse().unwrap();
    let third = Job { delivery: third, revises: Some(of.clone()), ..suite::job() };
    channel.revise(&third, &of, &Pass::open_for_tests()).await.unwrap();
    server.state().network.forgets = true;
    let refused = || Fate::Refused(500, "", "");
    for (others, shown) in [
        (vec![refused()], 3),
        (vec![Fate::Done, Fate::Done, refused()], 3),
        (vec![Fate::Done, Fate::Done, Fate::Done, Fate::Done, refused()], 2),
    ] {
        server.state().others = others.into();
        let left = channel.retract(&suite::job(), Some(id)).await;
        assert!(left != Retraction::Gone, "{left:?}");
        assert_eq!(server.state().network.shown(), shown);
    }
    assert_eq!(channel.retract(&suite::job(), Some(id)).await, Retraction::Gone);
    assert_eq!(server.state().network.shown(), 0, "what replaced it is gone, too");
    // An old server knows of no way to ask.
    let unknown = Fate::Refused(404, "", r#"{"errcode":"M_UNRECOGNIZED"}"#);
    server.state().others = [unknown].into();
    assert_eq!(channel.retract(&suite::job(), Some(id)).await, Retraction::Gone);
    assert!(matches!(channel.read_revised(&job, &of).await, Sighting::Gone(_)));
}

#[tokio::test]
async fn a_redaction_without_effect_is_none() {
    let (server, channel) = open(Api { stubborn: true, ..Api::new() }, &[]).await;
    let receipt = strict::attempt(&*channel).await.unwrap();
    let said = channel.retract(&suite::job(), Some(&receipt.remote_id)).await;
    assert!(matches!(&said, Retraction::StillLive(why) if why.contains("still shows")), "{said:?}");
    let gone = channel.retract(&suite::job(), Some(&format!("{ROOM} $never"))).await;
    assert!(matches!(gone, Retraction::StillLive(_)), "the server knows no such post: {gone:?}");
    assert_eq!(server.state().network.shown(), 1);
    // An answer about another event, or one that still has words, is none either.
    server.state().network.stubborn = false;
    let down = r#"{"event_id":"$e1","content":{},"unsigned":{"redacted_because":{}}}"#;
    for (odd, gone) in [
        (down.to_owned(), true),
        (down.replace("$e1", "$e2"), false),
        (down.replace("{}", r#"{"body":"still"}"#), false),
        ("{}".to_owned(), false),
        ("[]".to_owned(), false),
    ] {
        let odd_one = Fate::refused(200, "", odd.clone());
        server.state().others = [Fate::Done, Fate::Done, odd_one].into();
        let said = channel.retract(&suite::job(), Some(&receipt.remote_id)).await;
        assert_eq!(said == Retraction::Gone, gone, "{odd}: {said:?}");
    }
}
