//! New words for posts of a page, against the strict server.

use super::server::{Api, NOW, wrong};
use super::tests::{kept, open, to};
use super::*;
use crate::revise::GONE;
use crate::strict::{Changes, changes};
use crate::suite;

const ID: &str = "urn:li:share:7";

fn page(text: &str) -> Api {
    Api { posts: vec![kept(6, "Another post"), kept(7, text)], ..Api::default() }
}

#[tokio::test]
async fn a_post_gets_its_new_words_and_nothing_is_made() {
    let (server, channel) = open(page("Cards are slow."), &[]).await;
    let mut job = suite::changed(ID);
    // What LinkedIn would read as marks is escaped, as in a post.
    job.rendition.text = "Cards work (again) *now* @all".to_owned();
    let (of, pass) = (suite::revised(ID), Pass::open_for_tests());
    assert_eq!(channel.read_revised(&job, &of).await, Sighting::Absent);
    for _ in 0..2 {
        let receipt = channel.revise(&job, &of, &pass).await.unwrap();
        assert_eq!(receipt.remote_id, ID, "made twice, it changes nothing");
    }
    assert!(
        matches!(channel.read_revised(&job, &of).await, Sighting::Found(receipt) if receipt.remote_id == ID)
    );
    let state = server.state();
    let posts: Vec<&str> = state.network.posts.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(posts, ["Another post", "Cards work \\(again\\) \\*now\\* \\@all"]);
    assert!(state.network.posts[1].at == NOW && state.network.made == 0);
}

#[tokio::test]
async fn words_of_others_stay_and_what_is_gone_is_said_to_be() {
    let (job, of, pass) = (suite::changed(ID), suite::revised(ID), Pass::open_for_tests());
    let (server, channel) = open(page("We are hiring"), &[]).await;
    let theirs = "somebody has given the post other words on LinkedIn".to_owned();
    assert_eq!(channel.revise(&job, &of, &pass).await, Err(Failure::never(&theirs)));
    assert_eq!(channel.read_revised(&job, &of).await, Sighting::Unknown(theirs));
    assert_eq!(server.state().network.posts[1].text, "We are hiring");
    server.state().network.posts.clear();
    assert_eq!(channel.revise(&job, &of, &pass).await, Err(Failure::never(GONE)));
    assert_eq!(channel.read_revised(&job, &of).await, Sighting::Gone(GONE.to_owned()));
    let (job, of) = (suite::changed("urn:li:person:7"), suite::revised("urn:li:person:7"));
    assert_eq!(
        channel.revise(&job, &of, &pass).await,
        Err(Failure::never(GONE)),
        "no post of ours has such a name"
    );
    let said = wrong(404, "NOT_FOUND", "x").2.to_string();
    assert!(said.contains("hunter2"), "its refusals hold the token: {said}");
}

#[tokio::test]
async fn however_a_change_breaks_what_is_known_of_it_is_true() {
    let says = |api: &Api| api.posts.iter().map(|post| post.text.clone()).collect();
    let bare =
        Changes { network: Api::default(), connect: to, says, before: 1, readable: true, pictures: None };
    changes(bare.clone()).await;
    let pictures = |api: &Api| api.posts.iter().filter(|post| post.content["media"].is_object()).count();
    changes(Changes { pictures: Some(pictures), ..bare }).await;
}
