//! Access that is granted at a network: who may finish it, how it is renewed, and what a send meets meanwhile.

use holdline::app::access::connecting::{self, NewStart};
use holdline::app::access::grants::{self, GrantView};
use holdline::app::access::{renewals, revoking};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::channels::{self, ChannelEdit};
use holdline::app::standing::{Remark, Standing};
use holdline::app::{App, AppError, board, keys, nodes, rotation};
use holdline::store::sealed::Shelf;
use serde_json::json;

use crate::keys::{added, rotate};
use crate::on_both;
use crate::support::network::{Fate, Network};
use crate::support::{Bench, Database};

/// After so long a token of two hours is renewed.
const TIME: i64 = 97 * 60_000;

async fn grant(bench: &Bench, channel: &str) -> GrantView {
    grants::of_channel(&bench.app, &bench.administrator, channel).await.unwrap().expect("a grant")
}

async fn said(bench: &Bench, verb: &str) -> usize {
    let filter = AuditFilter { verb: Some(verb.into()), limit: 100, ..AuditFilter::default() };
    audit::list(&bench.app, &bench.administrator, &filter).await.unwrap().len()
}

/// A post on the channel, when it is in one of the states.
pub async fn deliver(bench: &Bench, channel: &str, text: &str, state: &str) {
    let new = json!({ "kind": "routine", "channels": [channel], "source": { "text": text } });
    let sent = bench.approved(new).await;
    bench.until(&sent.id, &[state]).await;
}

on_both! {
    async fn what_comes_back_counts_once_and_in_the_session_that_began(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let finish = |session: &'static str, back| connecting::finish(app, by, session, back);
        let back = net.begin(&bench, "here", net.wanted("x")).await;
        let foreign = finish("elsewhere", back.clone()).await.unwrap_err();
        assert!(matches!(foreign, AppError::Forbidden(_)), "{foreign}");
        assert!(matches!(finish("here", back).await, Err(AppError::Conflict(_))), "its state is known to others");
        let back = net.begin(&bench, "here", net.wanted("x")).await;
        let operator = connecting::finish(app, &bench.operator, "here", back).await.unwrap_err();
        assert!(matches!(operator, AppError::Forbidden(_)), "{operator}");
        let back = net.begin(&bench, "here", net.wanted("x")).await;
        app.clock().advance(10 * 60_000);
        assert!(matches!(finish("here", back).await, Err(AppError::Conflict(_))), "too late");
        let mut back = net.begin(&bench, "here", net.wanted("x")).await;
        back.error = Some("access_denied".into());
        let denied = finish("here", back).await.unwrap_err().to_string();
        assert_eq!(denied, "access was not granted at X");
        assert!(net.known().asked.is_empty(), "no code was redeemed");
        let back = net.begin(&bench, "here", net.wanted("x")).await;
        let channel = finish("here", back.clone()).await.unwrap();
        assert!(matches!(finish("here", back).await, Err(AppError::Conflict(_))), "a second time");
        assert_eq!(net.known().asked, ["planted-code"]);
        assert!(channel.has_credential && channels::test(app, by, &channel.id).await.unwrap().health.ready);
        deliver(&bench, "x", "Hello", "accepted").await;
        let seen = grant(&bench, &channel.id).await;
        assert!(seen.expires_at.is_some() && seen.renew_at.is_some() && seen.trouble.is_none(), "{seen:?}");
        worker.stop().await.unwrap();
    }

    async fn what_a_program_began_is_finished_by_the_program(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (mine, other) = (connecting::session_of("hlt_mine"), connecting::session_of("hlt_other"));
        let back = net.begin(&bench, &mine, net.wanted("x")).await;
        let by = &bench.administrator;
        let here = connecting::finish(&bench.app, by, "here", back.clone()).await;
        assert!(matches!(here, Err(AppError::Conflict(_))), "a browser that comes by");
        assert!(connecting::finish(&bench.app, by, &mine, back).await.unwrap().has_credential);
        let back = net.begin(&bench, &mine, net.wanted("two")).await;
        let theirs = connecting::finish(&bench.app, by, &other, back).await;
        assert!(matches!(theirs, Err(AppError::Forbidden(_))), "another token of the same person");
        let back = net.begin(&bench, "here", net.wanted("two")).await;
        let theirs = connecting::finish(&bench.app, by, &mine, back).await;
        assert!(matches!(theirs, Err(AppError::Forbidden(_))), "what was begun in the console");
        assert_eq!(net.known().asked.len(), 1);
        worker.stop().await.unwrap();
    }

    async fn one_account_of_a_server_has_one_token_for_all_its_channels(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        net.known().odd_id = Some("our\napp".into());
        let odd = connecting::start(app, by, "here", net.on_mastodon("one")).await.unwrap_err();
        assert!(matches!(odd, AppError::Invalid(_)), "{odd}");
        net.known().odd_id = None;
        let one = net.connect(&bench, net.on_mastodon("one")).await;
        let two = net.connect(&bench, net.on_mastodon("two")).await;
        let seen = grant(&bench, &one.id).await;
        assert!(seen.expires_at.is_none() && seen.renew_at.is_none(), "{seen:?}");
        assert_eq!(net.known().registered, 1, "an app is registered once");
        // Connected again, the account has the same token; somebody takes the name of a third one meanwhile.
        let again = |register| NewStart { channel: Some(two.id.clone()), new: None, register };
        net.connect(&bench, again(false)).await;
        let late = net.begin(&bench, "here", net.on_mastodon("three")).await;
        let named = ChannelEdit { name: Some("three".into()), ..ChannelEdit::default() };
        channels::edit(app, by, &one.id, None, named).await.unwrap();
        let refused = connecting::finish(app, by, "here", late).await.unwrap_err();
        assert!(matches!(refused, AppError::Invalid(_)), "{refused}");
        renewals::due(app).await.unwrap();
        assert_eq!(net.known().ended, Vec::<String>::new(), "the others live by it");
        assert_eq!(revoking::list(app, by).await.unwrap().len(), 0);
        let ended = revoking::revoke(app, by, &two.id).await.unwrap();
        assert_eq!((ended.gone, ended.also), (true, vec!["three".to_owned()]));
        assert_eq!(net.known().ended, ["planted-access-of-all"]);
        // A server that is not honest sends people on to another one.
        let mut foreign = net.begin(&bench, "here", again(false)).await;
        foreign.app = Some("another".into());
        let before = net.known().asked.len();
        assert!(matches!(connecting::finish(app, by, "here", foreign).await, Err(AppError::Conflict(_))));
        assert_eq!(net.known().asked.len(), before, "its code is shown to nobody");
        // Its server refuses the app by now.
        net.connect(&bench, again(true)).await;
        assert_eq!(net.known().registered, 2);
        worker.stop().await.unwrap();
    }

    async fn what_cannot_be_kept_is_ended(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        net.known().cut_down = true;
        let back = net.begin(&bench, "here", net.wanted("x")).await;
        let refused = connecting::finish(app, by, "here", back).await.unwrap_err().to_string();
        assert_eq!(refused, "X did not grant tweet.write: connect again, and agree to all");
        assert_eq!(net.known().ended, ["planted-refresh-1", "planted-access-1"]);
        net.known().cut_down = false;
        let channel = net.connect(&bench, net.wanted("x")).await;
        // While somebody is away for it, its settings lead elsewhere.
        let again = NewStart { channel: Some(channel.id.clone()), new: None, register: false };
        let away = net.begin(&bench, "here", again).await;
        let credential = Some("typed".to_owned().into());
        let settings = Some(json!({ "server": bench.sandbox.url("x") }));
        let edit = ChannelEdit { settings, credential, ..ChannelEdit::default() };
        let moved = channels::edit(app, by, &channel.id, None, edit).await.unwrap();
        let refused = connecting::finish(app, by, "here", away).await.unwrap_err().to_string();
        assert_eq!(refused, "the settings of the channel were changed meanwhile; begin again");
        assert_eq!(net.known().ended[2..], ["planted-refresh-3", "planted-access-3"]);
        let now = channels::get(app, by, &channel.id).await.unwrap();
        assert_eq!(now.version, moved.version, "what was typed stays");
        // What the typed one took the place of ends with it.
        let ended = revoking::revoke(app, by, &channel.id).await.unwrap();
        assert!(!ended.gone && net.known().ended.contains(&"planted-refresh-2".to_owned()), "{ended:?}");
        worker.stop().await.unwrap();
    }

    async fn what_the_network_gave_is_stored_although_the_database_fails_and_the_node_stops(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        bench.app.clock().advance(TIME);
        beat(&bench.app).await;
        let store = bench.look().await;
        let held = net.tokens.acquire().await.unwrap();
        let app = bench.app.clone();
        let renewing = tokio::spawn(async move { renewals::due(&app).await });
        for _ in 0..400 {
            if net.known().asked.len() == 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        let stopping = tokio::spawn(worker.stop());
        bench.sql("alter table grants rename to grants_away").await;
        drop(held);
        tokio::time::sleep(std::time::Duration::from_millis(800)).await;
        assert!(!stopping.is_finished(), "a stop waits for what is not stored");
        bench.sql("alter table grants_away rename to grants").await;
        stopping.await.unwrap().unwrap();
        let row = store.grant(&channel.id).await.unwrap().unwrap();
        assert!((row.generation, row.lost, row.lease.is_none()) == (2, false, true), "{row:?}");
        renewing.await.unwrap().unwrap();
    }

    async fn a_token_is_renewed_in_time_and_by_one_at_a_time(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        renewals::due(&bench.app).await.unwrap();
        assert_eq!(net.known().asked.len(), 1, "not before its time");
        bench.app.clock().advance(TIME);
        beat(&bench.app).await;
        let two = tokio::join!(renewals::due(&bench.app), renewals::due(&bench.app));
        two.0.and(two.1).unwrap();
        assert_eq!(net.known().asked, ["planted-code", "planted-refresh-1"], "once");
        let now = channels::get(&bench.app, &bench.administrator, &channel.id).await.unwrap();
        assert!(now.version > channel.version, "whoever holds it open opens it anew");
        assert_eq!(said(&bench, "channel.access_renewed").await, 1);
        deliver(&bench, "x", "With the second token", "accepted").await;
        bench.app.clock().advance(TIME);
        beat(&bench.app).await;
        renewals::due(&bench.app).await.unwrap();
        assert_eq!(net.known().asked.last().unwrap(), "planted-refresh-2", "the newest one was stored");
        worker.stop().await.unwrap();
    }

    async fn a_renewal_that_fails_is_said_once_and_shown_until_somebody_connects_again(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        bench.app.clock().advance(TIME);
        beat(&bench.app).await;
        // The network has acted, and nobody hears what it gave.
        net.known().fates.push_back(Fate::DoneBut(503));
        renewals::due(&bench.app).await.unwrap();
        let first = grant(&bench, &channel.id).await;
        assert!(first.trouble.is_none() && first.renew_at.is_some(), "it is tried again: {first:?}");
        for _ in 0..3 {
            bench.app.clock().advance(10_000);
            beat(&bench.app).await;
            renewals::due(&bench.app).await.unwrap();
        }
        assert_eq!(net.known().asked.len(), 3, "what has ended is not asked again");
        let ended = grant(&bench, &channel.id).await;
        let why = "X does not take this grant any more: connect the channel again";
        assert_eq!((ended.trouble.as_deref(), ended.renew_at), (Some(why), None));
        let health = channels::test(&bench.app, &bench.administrator, &channel.id).await.unwrap();
        assert!(!health.health.ready && health.health.detail == why, "{health:?}");
        assert_eq!(health.standing, Standing::NotReady);
        assert_eq!(said(&bench, "channel.access_not_renewed").await, 1);
        let again = NewStart { channel: Some(channel.id.clone()), new: None, register: false };
        net.connect(&bench, again).await;
        let mended = grant(&bench, &channel.id).await;
        assert!(mended.trouble.is_none() && mended.renew_at.is_some());
        assert!(channels::test(&bench.app, &bench.administrator, &channel.id).await.unwrap().health.ready);
        deliver(&bench, "x", "Again", "accepted").await;
        worker.stop().await.unwrap();
    }

    async fn a_refused_app_is_tried_again_later_and_no_app_is_overwritten(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        net.enter_app(&bench, "planted-secret-two").await;
        bench.app.clock().advance(TIME);
        beat(&bench.app).await;
        net.known().fates.push_back(Fate::Refused(401));
        renewals::due(&bench.app).await.unwrap();
        let refused = grant(&bench, &channel.id).await;
        assert_eq!(refused.trouble.as_deref(), Some("X refuses the app: check its id and its secret"));
        let test = || channels::test(&bench.app, &bench.administrator, &channel.id);
        let early = test().await.unwrap();
        let why = "its access works and is not renewed: X refuses the app: check its id and its secret";
        let told = |remarks: &[Remark]| remarks.iter().any(|r| r.words == why);
        assert!(early.health.ready && early.standing == Standing::Attention, "its token works: {early:?}");
        assert!(told(&early.remarks), "{early:?}");
        bench.app.clock().advance(24 * 60_000);
        beat(&bench.app).await;
        let late = test().await.unwrap();
        assert!(!late.health.ready && late.standing == Standing::NotReady, "it has expired: {late:?}");
        renewals::due(&bench.app).await.unwrap();
        assert!(grant(&bench, &channel.id).await.trouble.is_none());
        let board = board::board(&bench.app, &bench.operator).await.unwrap();
        let row = board.iter().find(|r| r.channel == channel.id).unwrap();
        assert!(row.standing < Standing::NotReady && !told(&row.remarks), "at once: {row:?}");
        assert!(row.expires_at.is_none(), "it is renewed: {row:?}");
        net.connect(&bench, net.wanted("other")).await;
        let apps = net.known().apps.clone();
        assert!(apps[0] == apps[1] && apps[1] == apps[2], "its grant stays with its app");
        assert_ne!(apps[3], apps[0], "a new one is made with the newest app");
        worker.stop().await.unwrap();
    }

    async fn a_credential_that_is_typed_in_is_not_renewed_away(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        let edit = ChannelEdit { credential: Some("typed".to_owned().into()), ..ChannelEdit::default() };
        channels::edit(&bench.app, &bench.administrator, &channel.id, None, edit).await.unwrap();
        bench.app.clock().advance(TIME);
        beat(&bench.app).await;
        renewals::due(&bench.app).await.unwrap();
        assert_eq!(net.known().asked.len(), 1);
        assert!(grants::of_channel(&bench.app, &bench.operator, &channel.id).await.unwrap().is_none());
        // It is not known to have ended when another access takes its place.
        let again = NewStart { channel: Some(channel.id.clone()), new: None, register: false };
        net.connect(&bench, again).await;
        let ended = revoking::revoke(&bench.app, &bench.administrator, &channel.id).await.unwrap();
        let why = "the credential was typed in; end the access in the settings of X";
        assert_eq!((ended.gone, ended.detail.as_deref()), (false, Some(why)));
        worker.stop().await.unwrap();
    }

    async fn a_copy_takes_no_token_away_from_the_other_one(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        net.connect(&bench, net.wanted("x")).await;
        bench.app.clock().advance(TIME);
        // Not on the list of nodes: so is a copy that waits for a person.
        let keys = holdline::app::secrets::Keys::read(&bench.folder().join("instance.key")).unwrap();
        let clock = bench.app.clock().clone();
        let copy = App::new(bench.look().await, clock, keys, "node-copy", "http://localhost:8740");
        renewals::due(&copy).await.unwrap();
        assert_eq!(net.known().asked.len(), 1);
        worker.stop().await.unwrap();
    }

    async fn tokens_and_apps_open_with_the_next_instance_key(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let again = |id: &str| NewStart { channel: Some(id.to_owned()), new: None, register: false };
        let channel = net.connect(&bench, net.wanted("x")).await;
        net.connect(&bench, again(&channel.id)).await;
        let late = net.connect(&bench, net.wanted("late")).await;
        let next = added(&bench).await;
        let old = keys::show(&bench.app, &bench.administrator).await.unwrap().seals;
        assert!(rotation::begin(&bench.app, &bench.administrator, &next).await.unwrap());
        // What moves while the exchange is under way comes under the new key, and is not overlooked.
        net.connect(&bench, again(&late.id)).await;
        assert_eq!(elsewhere(&bench, Shelf::Ends, &next).await, 1, "what was replaced before");
        let done = rotate(&bench, None).await;
        assert!(done.remedy.is_none() && done.seals == next && done.stuck.is_empty(), "{done:?}");
        for (shelf, all) in [(Shelf::Channels, 2), (Shelf::Grants, 2), (Shelf::Apps, 1), (Shelf::Ends, 2)] {
            let left = elsewhere(&bench, shelf, &next).await;
            assert_eq!((left, elsewhere(&bench, shelf, &old).await), (0, all), "{shelf:?}");
        }
        bench.app.clock().advance(TIME);
        beat(&bench.app).await;
        renewals::due(&bench.app).await.unwrap();
        assert!(grant(&bench, &late.id).await.trouble.is_none() && net.known().asked.len() == 6);
        deliver(&bench, "late", "Under another key", "accepted").await;
        let ended = revoking::revoke(&bench.app, &bench.administrator, &channel.id).await.unwrap();
        assert!(ended.gone, "what was replaced opens, too: {ended:?}");
        worker.stop().await.unwrap();
    }
}

/// How many records there stand under another key.
async fn elsewhere(bench: &Bench, shelf: Shelf, key: &str) -> usize {
    let mut tx = bench.look().await.begin().await.unwrap();
    tx.sealed_elsewhere(shelf, key, "", 100).await.unwrap().len()
}

/// Waits until the node has said that it lives, by the clock that was moved.
pub async fn beat(app: &App) {
    for _ in 0..200 {
        if nodes::ready(app).await.unwrap().is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the node does not say that it lives");
}

/// Two nodes renew at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_one_renews() {
    let bench = Bench::new(Database::Postgres).await;
    let worker = bench.start().await;
    let net = Network::start(&bench).await;
    let channel = net.connect(&bench, net.wanted("x")).await;
    let other = bench.another_node("b").await;
    for round in 1..=5 {
        bench.app.clock().advance(TIME);
        beat(&bench.app).await;
        beat(&other.app).await;
        let (one, two) = tokio::join!(renewals::due(&bench.app), renewals::due(&other.app));
        one.and(two).unwrap();
        for _ in 0..200 {
            if net.known().asked.len() > round {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            renewals::due(&bench.app).await.unwrap();
        }
        assert_eq!(net.known().asked.len(), round + 1);
    }
    assert!(grant(&bench, &channel.id).await.trouble.is_none());
    other.worker.stop().await.unwrap();
    worker.stop().await.unwrap();
}
