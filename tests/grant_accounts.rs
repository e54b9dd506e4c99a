//! The account of a channel that is connected again, and what renewals keep.

use std::time::Duration;

use holdline::app::access::connecting::{self, NewStart};
use holdline::app::access::other_account::{self, ShownAccount};
use holdline::app::access::{grants, renewals, revoking};
use holdline::app::channels::ChannelEdit;
use holdline::app::{channels, permits, posts};
use holdline::domain::delivery::State;
use serde_json::{Value, json};

use crate::approvals::incident;
use crate::grants::{beat, deliver};
use crate::on_both;
use crate::support::Bench;
use crate::support::network::{Fate, Network};

/// Connects again, and is refused: why.
pub async fn refused(bench: &Bench, net: &Network, wanted: NewStart) -> String {
    let back = net.begin(bench, "here", wanted).await;
    connecting::finish(&bench.app, &bench.administrator, "here", back).await.unwrap_err().to_string()
}

pub fn again(channel: &str) -> NewStart {
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

/// Waits until a post is back in the queue for that reason.
pub async fn waits_because(bench: &Bench, post: &str, why: &str) {
    let mut seen = String::new();
    for _ in 0..400 {
        let view = posts::get(&bench.app, &bench.operator, post).await.unwrap();
        let of = &view.deliveries[0];
        if of.state == State::Scheduled && of.reason.as_deref() == Some(why) && of.attempts == 0 {
            return;
        }
        seen = format!("{:?}: {:?}", of.state, of.reason);
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the post does not wait: {seen}");
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
    async fn how_often_an_account_is_looked_at_is_said_without_another_grant(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let channel = net.connect(&bench, net.wanted("x")).await;
        let mut settings = channel.settings.clone();
        settings["watch"] = "15".into();
        let edit = |settings: &Value| ChannelEdit { settings: Some(settings.clone()), ..ChannelEdit::default() };
        let now = channels::edit(app, by, &channel.id, None, edit(&settings)).await.unwrap();
        assert!(now.has_credential && now.settings["watch"] == "15", "{now:?}");
        let grant = grants::of_channel(app, by, &channel.id).await.unwrap();
        assert!(grant.is_some_and(|grant| grant.renew_at.is_some()), "it goes on being renewed");
        deliver(&bench, &channel.name, "Cards work again", "accepted").await;
        settings["server"] = "https://elsewhere.example".into();
        let refused = channels::edit(app, by, &channel.id, None, edit(&settings)).await.unwrap_err();
        assert!(refused.in_full().contains("give the credential again"), "{}", refused.in_full());
        worker.stop().await.unwrap();
    }

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
        let told = "the channel one has access to this workspace that is renewed: enter another app of X; what X gave \
             now is kept sealed, and ends together with the access of the channel one";
        assert_eq!(why, told);
        assert_eq!(net.known().ended, Vec::<String>::new(), "the bot of the team is that of the first one");
        net.connect(&bench, again(&one.id)).await;
        // What the first one had before is kept, and ends with it.
        let ended = revoking::revoke(&bench.app, &bench.administrator, &one.id).await.unwrap();
        assert!(ended.gone, "{ended:?}");
        for token in ["planted-refresh-1", "planted-refresh-2", "planted-refresh-3"] {
            assert!(net.known().ended.contains(&token.to_owned()), "{token}: {:?}", net.known().ended);
        }
        net.known().more = vec![("team", json!({ "id": "T8" }))];
        net.connect(&bench, net.wanted("three")).await;
        net.known().more = vec![("team", json!({ "id": "T9" }))];
        net.connect(&bench, net.wanted("of another team")).await;
        worker.stop().await.unwrap();
    }

    async fn what_a_team_had_before_does_not_end_what_it_has_now(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        net.known().more = vec![("team", json!({ "id": "T7" }))];
        let channel = net.connect(&bench, net.wanted("x")).await;
        // The network does not answer the end, and the channel is connected again meanwhile.
        net.known().fates.push_back(Fate::Refused(503));
        net.known().fates.push_back(Fate::Refused(503));
        let (app, by) = (&bench.app, &bench.administrator);
        assert!(!revoking::revoke(app, by, &channel.id).await.unwrap().gone);
        net.known().fates.clear();
        net.connect(&bench, again(&channel.id)).await;
        bench.app.clock().advance(11_000);
        beat(app).await;
        renewals::due(app).await.unwrap();
        assert_eq!(net.known().ended, Vec::<String>::new(), "a team has one bot, which any token's end deactivates");
        assert_eq!(revoking::list(app, by).await.unwrap().len(), 0, "it ends with that");
        assert!(revoking::revoke(app, by, &channel.id).await.unwrap().gone);
        assert!(net.known().ended.contains(&"planted-access-1".to_owned()) && net.known().access.is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_connection_that_fails_ends_no_typed_credential(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        // The very token that the network gives to this account was typed in before.
        let new = json!({ "name": "typed", "adapter": "mastodon", "settings": { "server": net.url },
            "credential": "planted-access-of-all" });
        let typed = channels::create(app, by, serde_json::from_value(new).unwrap()).await.unwrap();
        let late = net.begin(&bench, "here", net.on_mastodon("late")).await;
        let named = channels::ChannelEdit { name: Some("late".into()), ..channels::ChannelEdit::default() };
        channels::edit(app, by, &typed.id, None, named).await.unwrap();
        assert!(connecting::finish(app, by, "here", late).await.is_err());
        assert_eq!(net.known().ended, Vec::<String>::new(), "the channel lives by it");
        assert_eq!(revoking::list(app, by).await.unwrap().len(), 0);
        // Of LinkedIn nobody knows what ends with a token.
        net.enter_app_of(&bench, "linkedin", "planted-secret").await;
        let new = json!({ "name": "page", "adapter": "linkedin", "settings": { "organization": "7", "server": net.url },
            "credential": "typed" });
        let page = channels::create(app, by, serde_json::from_value(new).unwrap()).await.unwrap();
        let mut wanted = net.wanted("page two");
        let new = json!({ "name": "page two", "adapter": "linkedin", "brand": "main",
            "settings": { "organization": "8", "server": net.url } });
        wanted.new = Some(serde_json::from_value(new).unwrap());
        let start = connecting::start(app, by, "here", wanted).await.unwrap();
        let url = url::Url::parse(&start.url).unwrap();
        let state = url.query_pairs().find(|(n, _)| n == "state").unwrap().1.into_owned();
        let code = Some("planted-code".to_owned().into());
        let back = connecting::Back { state: state.into(), app: None, code, error: None };
        let named = channels::ChannelEdit { name: Some("page two".into()), ..channels::ChannelEdit::default() };
        channels::edit(app, by, &page.id, None, named).await.unwrap();
        let why = connecting::finish(app, by, "here", back).await.unwrap_err().to_string();
        let left = "what LinkedIn gave now is kept sealed, and ends together with the access of the channel page two";
        assert_eq!(why, format!("name: another channel has this name; {left}"));
        assert_eq!(net.known().ended, Vec::<String>::new());
        worker.stop().await.unwrap();
    }

    async fn nothing_goes_out_by_another_account_until_a_person_says_so(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let channel = net.connect(&bench, net.wanted("x")).await;
        assert!(channels::test(app, by, &channel.id).await.unwrap().health.ready);
        net.known().account = Some("bank_of_old".into());
        let renamed = channels::test(app, by, &channel.id).await.unwrap().health;
        assert!(renamed.ready && renamed.facts.account.as_deref() == Some("@bank_of_old"), "{renamed:?}");
        net.known().account = Some("alice".into());
        let seen = channels::test(app, by, &channel.id).await.unwrap();
        let why = "the channel's credential is of another account, @alice: connect the right one again, or confirm \
             this one on the page of the channel";
        assert!(!seen.health.ready && seen.health.detail == why, "{seen:?}");
        assert_eq!(seen.health.facts.account.as_deref(), Some("@bank_of_old"), "it is known by its own");
        let mut sent = Vec::new();
        let incident = incident(&bench).await;
        for mut new in [json!({ "kind": "routine" }), json!({ "kind": "tip", "incident": incident })] {
            (new["channels"], new["source"]) = (json!(["x"]), json!({ "text": new["kind"] }));
            sent.push(bench.approved(new).await.id);
        }
        for post in &sent {
            waits_because(&bench, post, why).await;
        }
        // Also without what the node has in memory.
        let id = sent[1].as_str();
        let due = format!("update deliveries set ready_at = 1, state = 'claimed', claimed_by = '{}' where post_id = '{id}'", app.node());
        bench.sql(&due).await;
        let of = posts::get(app, by, id).await.unwrap().deliveries.remove(0).id;
        assert!(permits::permit(app, &[of]).await.unwrap().is_empty(), "no permit is given");
        waits_because(&bench, id, why).await;
        let other = |account: &str| ShownAccount { account: account.into() };
        assert!(other_account::confirm(app, &bench.operator, &channel.id, &other("@alice")).await.is_err());
        assert!(other_account::confirm(app, by, &channel.id, &other("@bob")).await.is_err(), "nobody saw it");
        assert_eq!(net.known().posts, Vec::<String>::new());
        // The right account is there again.
        net.known().account = Some("bank".into());
        assert!(channels::test(app, by, &channel.id).await.unwrap().health.ready);
        app.clock().advance(60_000);
        for post in &sent {
            bench.until(post, &["accepted"]).await;
        }
        // Or a person says that the other one is right.
        net.known().account = Some("alice".into());
        channels::test(app, by, &channel.id).await.unwrap();
        let new = json!({ "kind": "tip", "incident": incident, "channels": ["x"], "source": { "text": "Of Alice" } });
        let post = bench.approved(new).await.id;
        waits_because(&bench, &post, why).await;
        let now = other_account::confirm(app, by, &channel.id, &other("@alice")).await.unwrap();
        assert!(now.other_account.is_none());
        app.clock().advance(60_000);
        bench.until(&post, &["accepted"]).await;
        assert!(channels::test(app, by, &channel.id).await.unwrap().health.ready);
        worker.stop().await.unwrap();
    }

    async fn a_typed_credential_of_another_account_is_refused_while_posts_are_due(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let channel = net.connect(&bench, net.wanted("x")).await;
        channels::test(app, by, &channel.id).await.unwrap();
        net.known().access.push("typed".into());
        net.known().account = Some("alice".into());
        let typed = |secret: &str| channels::ChannelEdit {
            credential: Some(secret.to_owned().into()),
            ..channels::ChannelEdit::default()
        };
        let edit = |secret: &str| channels::edit(app, by, &channel.id, None, typed(secret));
        let new = json!({ "kind": "routine", "channels": ["x"], "source": { "text": "Of the bank" },
            "due": holdline::clock::rfc3339(app.clock().now() + 3_600_000) });
        let post = bench.approved(new).await.id;
        let why = edit("typed").await.unwrap_err().to_string();
        assert_eq!(why, "this is @alice, and the channel is @bank: connect another channel for it");
        // Whose it is that the network does not take, nobody knows: the channel can be mended all the same.
        edit("unknown").await.unwrap();
        posts::cancel(app, &bench.operator, &post).await.unwrap();
        edit("typed").await.unwrap();
        let seen = channels::test(app, by, &channel.id).await.unwrap();
        assert!(seen.health.ready && seen.health.facts.account.as_deref() == Some("@alice"), "{seen:?}");
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
