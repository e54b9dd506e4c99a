//! The account of a channel that is connected again, and what renewals keep.

use std::time::Duration;

use holdline::app::access::connecting::{self, NewStart};
use holdline::app::access::{renewals, revoking};
use holdline::app::{channels, posts};
use holdline::domain::delivery::State;
use serde_json::json;

use crate::grants::deliver;
use crate::on_both;
use crate::support::Bench;
use crate::support::network::Network;

/// Connects again, and is refused: why.
async fn refused(bench: &Bench, net: &Network, wanted: NewStart) -> String {
    let back = net.begin(bench, "here", wanted).await;
    connecting::finish(&bench.app, &bench.administrator, "here", back).await.unwrap_err().to_string()
}

fn again(channel: &str) -> NewStart {
    NewStart { channel: Some(channel.to_owned()), new: None, register: false }
}

/// Waits until a post has been tried so often, and waits for the next time.
async fn waits_after(bench: &Bench, post: &str, attempts: i64) {
    let mut seen = String::new();
    for _ in 0..400 {
        let view = posts::get(&bench.app, &bench.operator, post).await.unwrap();
        let of = &view.deliveries[0];
        if of.attempts >= attempts && of.state == State::Scheduled {
            return;
        }
        seen = format!("{:?} after {} attempts", of.state, of.attempts);
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the post does not wait for another time: {seen}");
}

/// Waits until a token is given that counts.
async fn until_given(net: &Network) {
    for _ in 0..400 {
        if !net.known().access.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no token is given");
}

on_both! {
    async fn a_channel_goes_on_with_its_account_alone(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let channel = net.connect(&bench, net.wanted("x")).await;
        channels::test(app, by, &channel.id).await.unwrap();
        // Its token has ended, and a post is due. Whoever connects again is logged in as somebody else.
        net.known().access.clear();
        let new = json!({ "kind": "routine", "channels": ["x"], "source": { "text": "Of the bank" } });
        let sent = bench.approved(new).await;
        waits_after(&bench, &sent.id, 1).await;
        for account in [Some("alice"), None] {
            let before = channels::get(app, by, &channel.id).await.unwrap();
            net.known().account = account.map(str::to_owned);
            // While what was given is still good at the network, the post is due again.
            net.ends.acquire().await.unwrap().forget();
            let due = async {
                until_given(&net).await;
                if account.is_some() {
                    bench.app.clock().advance(5_000);
                    waits_after(&bench, &sent.id, 2).await;
                }
                net.ends.add_permits(1);
            };
            let (why, ()) = tokio::join!(refused(&bench, &net, again(&channel.id)), due);
            match account {
                Some(_) => {
                    assert_eq!(why, "this is @alice, and the channel is @bank: connect another channel for it");
                }
                None => assert!(why.starts_with("X does not say whose account this is: "), "{why}"),
            }
            assert!(net.known().access.is_empty(), "what was given has ended: {:?}", net.known().ended);
            let now = channels::get(app, by, &channel.id).await.unwrap();
            assert_eq!(now.version, before.version);
        }
        assert_eq!(net.known().posts, Vec::<String>::new());
        // The end of its access leaves that known, too.
        revoking::revoke(app, by, &channel.id).await.unwrap();
        net.known().account = Some("alice".into());
        assert!(refused(&bench, &net, again(&channel.id)).await.starts_with("this is @alice"));
        net.known().account = Some("Bank".into());
        net.connect(&bench, again(&channel.id)).await;
        let enabled = channels::ChannelEdit { disabled: Some(false), ..channels::ChannelEdit::default() };
        channels::edit(app, by, &channel.id, None, enabled).await.unwrap();
        bench.app.clock().advance(60_000);
        bench.until(&sent.id, &["accepted"]).await;
        assert_eq!(net.known().posts, ["Of the bank"]);
        worker.stop().await.unwrap();
    }

    async fn a_second_channel_of_a_team_whose_tokens_are_renewed_is_refused(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        net.known().more = vec![("team", json!({ "id": "T7" }))];
        let one = net.connect(&bench, net.wanted("one")).await;
        let why = refused(&bench, &net, net.wanted("two")).await;
        assert_eq!(why, "the channel one has renewed access to this workspace: enter another app of X");
        assert_eq!(net.known().ended, ["planted-refresh-2", "planted-access-2"]);
        net.connect(&bench, again(&one.id)).await;
        // What the first one had before is kept, and ends with it.
        let ended = revoking::revoke(&bench.app, &bench.administrator, &one.id).await.unwrap();
        assert!(ended.gone && net.known().ended.contains(&"planted-refresh-1".to_owned()), "{ended:?}");
        net.known().more = vec![("team", json!({ "id": "T8" }))];
        net.connect(&bench, net.wanted("three")).await;
        net.known().more = vec![("team", json!({ "id": "T9" }))];
        net.connect(&bench, net.wanted("of another team")).await;
        worker.stop().await.unwrap();
    }

    async fn a_send_that_meets_a_token_which_has_ended_is_tried_again(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        channels::test(&bench.app, &bench.administrator, &channel.id).await.unwrap();
        // The network ends it before its time, after its check.
        net.known().access.clear();
        let new = json!({ "kind": "routine", "channels": ["x"], "source": { "text": "Hello" } });
        let sent = bench.approved(new).await;
        waits_after(&bench, &sent.id, 1).await;
        renewals::due(&bench.app).await.unwrap();
        assert_eq!(net.known().asked.len(), 2, "it was asked for before its time");
        bench.app.clock().advance(5_000);
        bench.until(&sent.id, &["accepted"]).await;
        // So soon after a renewal it is refused for another reason, and each renewal could lose the access.
        net.known().access.clear();
        deliver(&bench, "x", "Refused", "failed").await;
        renewals::due(&bench.app).await.unwrap();
        assert_eq!(net.known().asked.len(), 2);
        worker.stop().await.unwrap();
    }
}
