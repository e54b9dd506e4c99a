//! The end of access: what is destroyed, what is told, and what is said of it.

use std::time::Duration;

use holdline::app::access::connecting::{self, NewStart};
use holdline::app::access::grants;
use holdline::app::access::renewals;
use holdline::app::access::revoking::{self, RevokedView, Shown};
use holdline::app::channels;
use serde_json::json;

use crate::grants::beat;
use crate::on_both;
use crate::support::Bench;
use crate::support::network::{Fate, Network};

async fn revoke(bench: &Bench, channel: &str) -> RevokedView {
    revoking::revoke(&bench.app, &bench.administrator, channel).await.unwrap()
}

/// Nothing of the access is left here.
async fn is_destroyed(bench: &Bench, channel: &str) {
    let seen = channels::get(&bench.app, &bench.administrator, channel).await.unwrap();
    assert!(!seen.has_credential && seen.disabled_at.is_some(), "{seen:?}");
    let row = bench.look().await.grant(channel).await.unwrap();
    assert!(row.is_none_or(|g| g.tokens.is_none() && g.renew_at.is_none()));
}

/// Names of what is not known to have ended.
async fn open(bench: &Bench) -> Vec<String> {
    let mut open = revoking::list(&bench.app, &bench.administrator).await.unwrap();
    open.sort_by(|a, b| a.channel.cmp(&b.channel));
    open.into_iter().map(|e| e.name).collect()
}

/// What a person is shown of a channel as not known to have ended.
async fn shown(bench: &Bench, channel: &str) -> Shown {
    let open = revoking::list(&bench.app, &bench.administrator).await.unwrap();
    Shown { ends: open.into_iter().find(|e| e.channel == channel).map_or_else(Vec::new, |e| e.ends) }
}

/// Waits until the network was asked so often for tokens.
async fn asked(net: &Network, times: usize) {
    for _ in 0..400 {
        if net.known().asked.len() >= times {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the network was asked {} times", net.known().asked.len());
}

/// What is said of a connection that is under way, or has no answer.
const UNDER_WAY: &str = "a connection was begun, and what the network gave is not known";

/// Waits until that is said of an end.
async fn until_said(bench: &Bench, words: &str) {
    for _ in 0..400 {
        let open = revoking::list(&bench.app, &bench.administrator).await.unwrap();
        if open.iter().any(|e| e.detail.as_ref().is_some_and(|why| why.starts_with(words))) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody says: {words}");
}

/// What somebody asks for who connects the channel again.
fn again(channel: &str) -> NewStart {
    NewStart { channel: Some(channel.to_owned()), new: None, register: false }
}

/// The timer, after that time.
async fn later(bench: &Bench, after: i64) {
    bench.app.clock().advance(after);
    beat(&bench.app).await;
    renewals::due(&bench.app).await.unwrap();
}

on_both! {
    async fn only_what_the_network_says_is_called_gone(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        let ended = revoke(&bench, &channel.id).await;
        assert!(ended.gone && ended.detail.is_none() && ended.under_way.is_empty(), "{ended:?}");
        assert_eq!(net.known().ended, ["planted-refresh-1", "planted-access-1"]);
        is_destroyed(&bench, &channel.id).await;
        assert!(revoking::revoke(&bench.app, &bench.administrator, &channel.id).await.is_err(), "nothing is left");
        for status in [404, 503] {
            let other = net.connect(&bench, net.wanted(&format!("x {status}"))).await;
            net.known().fates.push_back(Fate::Refused(status));
            let ended = revoke(&bench, &other.id).await;
            let why = format!("X answers with status {status}; end the access in the settings of X");
            assert_eq!((ended.gone, ended.detail), (false, Some(why)));
            is_destroyed(&bench, &other.id).await;
            let kept = grants::of_channel(&bench.app, &bench.operator, &other.id).await.unwrap().unwrap();
            assert!(kept.revoked == Some(false) && kept.ended_at.is_some(), "{kept:?}");
            assert_eq!(open(&bench).await, [other.name.as_str()]);
            if status == 404 {
                assert!(revoke(&bench, &other.id).await.gone, "the next one goes on");
            } else {
                bench.app.clock().advance(11_000);
                beat(&bench.app).await;
                renewals::due(&bench.app).await.unwrap();
            }
            assert_eq!(open(&bench).await, Vec::<String>::new(), "asked again");
            let kept = grants::of_channel(&bench.app, &bench.operator, &other.id).await.unwrap().unwrap();
            assert_eq!(kept.revoked, Some(true));
        }
        // The network gave tokens that never arrived.
        let lost = net.connect(&bench, net.wanted("lost")).await;
        bench.app.clock().advance(97 * 60_000);
        beat(&bench.app).await;
        net.known().fates.push_back(Fate::DoneBut(503));
        renewals::due(&bench.app).await.unwrap();
        let ended = revoke(&bench, &lost.id).await;
        assert!(!ended.gone && ended.detail.unwrap().starts_with("the last renewal failed"), "it is not proved");
        // So does a node that died while it waited for an answer.
        let died = net.connect(&bench, net.wanted("died")).await;
        bench.app.clock().advance(97 * 60_000);
        beat(&bench.app).await;
        net.tokens.acquire().await.unwrap().forget();
        let (before, app) = (net.known().asked.len(), bench.app.clone());
        let renewing = tokio::spawn(async move { renewals::due(&app).await });
        asked(&net, before + 1).await;
        renewing.abort();
        net.tokens.add_permits(1);
        bench.app.clock().advance(121_000);
        assert!(!revoke(&bench, &died.id).await.gone, "what it was given is not known");
        assert_eq!(open(&bench).await, ["lost", "died"]);
        let all = revoking::revoke_all(&bench.app, &bench.administrator).await.unwrap();
        assert!(all.len() == 2 && all.iter().all(|e| !e.gone), "it is said until somebody knows: {all:?}");
        for id in [&lost.id, &died.id] {
            let shown = shown(&bench, id).await;
            revoking::confirm(&bench.app, &bench.administrator, id, &shown).await.unwrap();
            assert!(revoking::confirm(&bench.app, &bench.administrator, id, &shown).await.is_err());
        }
        assert_eq!(revoking::revoke_all(&bench.app, &bench.administrator).await.unwrap().len(), 0);
        assert!(revoking::revoke(&bench.app, &bench.operator, &channel.id).await.is_err());
        assert!(revoking::revoke_all(&bench.app, &bench.approver).await.is_err());
        worker.stop().await.unwrap();
    }

    async fn all_access_ends_and_a_renewal_that_runs_stores_nothing(bench) {
        let mut bench = bench;
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let url = bench.sandbox.url("hook");
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        bench.connect_with("hook", "webhook", json!({ "url": url }), Some(secret)).await;
        let hook = bench.channels.last().unwrap().clone();
        let channel = net.connect(&bench, net.wanted("x")).await;
        let away = net.begin(&bench, "here", net.wanted("late")).await;
        bench.app.clock().advance(97 * 60_000);
        beat(&bench.app).await;
        // The network gives new tokens, and its answer is on the way.
        net.tokens.acquire().await.unwrap().forget();
        let app = bench.app.clone();
        let renewing = tokio::spawn(async move { renewals::due(&app).await });
        asked(&net, 2).await;
        let (app, by) = (bench.app.clone(), bench.administrator.clone());
        let ending = tokio::spawn(async move { revoking::revoke_all(&app, &by).await });
        for _ in 0..400 {
            if net.known().ended.len() >= 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        is_destroyed(&bench, &channel.id).await;
        net.tokens.add_permits(1);
        renewing.await.unwrap().unwrap();
        let ended = ending.await.unwrap().unwrap();
        is_destroyed(&bench, &channel.id).await;
        is_destroyed(&bench, &hook).await;
        assert!(net.known().ended.contains(&"planted-refresh-2".to_owned()), "{:?}", net.known().ended);
        assert!(net.known().access.is_empty(), "nothing that the network gave counts");
        let of = |id: &str| ended.iter().find(|e| e.channel == id).unwrap();
        assert!(of(&channel.id).gone, "{ended:?}");
        let typed = "the credential was typed in; end the access in the settings of signed webhook";
        assert_eq!(of(&hook).detail.as_deref().map(str::to_lowercase).as_deref(), Some(typed));
        assert_eq!(ended.len(), 2, "channels without a credential are left alone");
        let late = connecting::finish(&bench.app, &bench.administrator, "here", away).await;
        assert!(late.is_err(), "who was on the way back brings nothing");
        worker.stop().await.unwrap();
    }

    async fn a_connect_that_runs_gives_no_access_after_its_end(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        for (wanted, all) in [(again(&channel.id), false), (net.wanted("new"), true)] {
            let back = net.begin(&bench, "here", wanted).await;
            net.tokens.acquire().await.unwrap().forget();
            let (before, app, by) = (net.known().asked.len(), bench.app.clone(), bench.administrator.clone());
            let finishing = tokio::spawn(async move { connecting::finish(&app, &by, "here", back).await });
            asked(&net, before + 1).await;
            assert_eq!(open(&bench).await, Vec::<String>::new(), "nobody wants its end");
            let (app, by, id) = (bench.app.clone(), bench.administrator.clone(), channel.id.clone());
            let ending = tokio::spawn(async move {
                match all {
                    true => revoking::revoke_all(&app, &by).await.unwrap(),
                    // The network has ended the first one by itself.
                    false => vec![revoking::revoke(&app, &by, &id).await.unwrap()],
                }
            });
            until_said(&bench, UNDER_WAY).await;
            net.tokens.add_permits(1);
            let refused = finishing.await.unwrap().unwrap_err().to_string();
            assert_eq!(refused, "access was ended meanwhile; begin again");
            let ended = ending.await.unwrap();
            assert!(ended.len() == 1 && ended[0].gone, "by then it is known: {ended:?}");
            is_destroyed(&bench, &channel.id).await;
            assert!(net.known().access.is_empty(), "nothing that the network gave counts");
        }
        let left = channels::list(&bench.app, &bench.administrator).await.unwrap();
        assert!(left.iter().all(|c| c.name != "new"), "{left:?}");
        worker.stop().await.unwrap();
    }

    async fn what_a_connection_may_have_left_is_said_until_somebody_knows(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let channel = net.connect(&bench, net.wanted("x")).await;
        // Refused, it left nothing; without an answer nobody knows.
        for (fate, gone) in [(Fate::Refused(401), true), (Fate::DoneBut(503), false)] {
            let back = net.begin(&bench, "here", again(&channel.id)).await;
            net.known().fates.push_back(fate);
            assert!(connecting::finish(app, by, "here", back).await.is_err());
            let ended = revoke(&bench, &channel.id).await;
            assert_eq!(ended.gone, gone, "{ended:?}");
            assert!(gone || ended.detail.unwrap().starts_with(UNDER_WAY));
            net.connect(&bench, again(&channel.id)).await;
        }
        // A person confirms what they were shown; what came since stays.
        let before = shown(&bench, &channel.id).await;
        net.known().fates.push_back(Fate::Refused(503));
        assert!(!revoke(&bench, &channel.id).await.gone);
        assert_eq!(shown(&bench, &channel.id).await.ends.len(), before.ends.len() + 1);
        revoking::confirm(app, by, &channel.id, &before).await.unwrap();
        assert_eq!(open(&bench).await, ["x"], "nobody has ended that");
        assert!(revoke(&bench, &channel.id).await.gone);
        net.connect(&bench, again(&channel.id)).await;
        // So does a node that died while it waited for an answer.
        let back = net.begin(&bench, "here", net.wanted("new")).await;
        net.tokens.acquire().await.unwrap().forget();
        let (before, app) = (net.known().asked.len(), bench.app.clone());
        let administrator = by.clone();
        let finishing = tokio::spawn(async move { connecting::finish(&app, &administrator, "here", back).await });
        asked(&net, before + 1).await;
        finishing.abort();
        net.tokens.add_permits(1);
        bench.app.clock().advance(61_000);
        let all = revoking::revoke_all(&bench.app, by).await.unwrap();
        let told: Vec<_> = all.iter().map(|e| (e.name.as_str(), e.gone)).collect();
        assert_eq!(told, [("x", true), ("new", false)]);
        assert_eq!(open(&bench).await, ["new"]);
        worker.stop().await.unwrap();
    }

    async fn what_another_channel_lives_by_is_not_called_gone(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let one = net.connect(&bench, net.on_mastodon("one")).await;
        net.known().fates.push_back(Fate::Refused(503));
        assert!(!revoke(&bench, &one.id).await.gone);
        // One account has one token: another channel gets the same.
        let two = net.connect(&bench, net.on_mastodon("two")).await;
        let ended = revoke(&bench, &one.id).await;
        let why = "the channel two has the same access; end that one, too";
        assert_eq!((ended.gone, ended.detail.as_deref()), (false, Some(why)));
        later(&bench, 25_000).await;
        assert!(net.known().ended.is_empty(), "the other one lives by it");
        assert_eq!(open(&bench).await, ["one"]);
        assert!(revoke(&bench, &two.id).await.gone);
        assert_eq!(net.known().ended.len(), 2, "with that one");
        assert_eq!(open(&bench).await, Vec::<String>::new());
        // The channel itself gets the same again before its network was told.
        for channel in [&one, &two] {
            net.connect(&bench, again(&channel.id)).await;
        }
        net.known().fates.push_back(Fate::Refused(503));
        assert!(!revoke(&bench, &one.id).await.gone);
        net.connect(&bench, again(&one.id)).await;
        later(&bench, 11_000).await;
        assert_eq!(net.known().ended.len(), 2, "it ends with that");
        assert_eq!(open(&bench).await, Vec::<String>::new());
        channels::test(app, by, &two.id).await.unwrap();
        let ended = revoke(&bench, &one.id).await;
        assert_eq!((ended.gone, ended.also), (true, vec!["two".to_owned()]));
        let lost = channels::get(app, by, &two.id).await.unwrap();
        assert!(lost.checked_at.is_none(), "nobody knows how it is now: {lost:?}");
        worker.stop().await.unwrap();
    }

    async fn a_network_that_hangs_delays_no_other_and_is_asked_once(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let one = net.connect(&bench, net.wanted("one")).await;
        net.known().fates.push_back(Fate::Refused(503));
        assert!(!revoke(&bench, &one.id).await.gone);
        net.connect(&bench, net.wanted("two")).await;
        bench.app.clock().advance(97 * 60_000);
        beat(&bench.app).await;
        net.ends.acquire().await.unwrap().forget();
        let app = bench.app.clone();
        let twice = tokio::spawn(async move { tokio::join!(renewals::due(&app), renewals::due(&app)) });
        asked(&net, 3).await;
        net.ends.add_permits(1);
        let (first, second) = twice.await.unwrap();
        first.and(second).unwrap();
        assert_eq!(net.known().ended, ["planted-refresh-1", "planted-access-1"]);
        worker.stop().await.unwrap();
    }

    async fn tokens_of_one_team_are_told_apart(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        net.known().more = vec![("team", json!({ "id": "T7" }))];
        let channel = net.connect(&bench, net.wanted("x")).await;
        bench.app.clock().advance(97 * 60_000);
        beat(&bench.app).await;
        net.tokens.acquire().await.unwrap().forget();
        let app = bench.app.clone();
        let renewing = tokio::spawn(async move { renewals::due(&app).await });
        asked(&net, 2).await;
        // Another token of the team is stored meanwhile.
        bench.sql("update grants set generation = generation + 1, lease = null, lease_until = 0, lost = false").await;
        net.tokens.add_permits(1);
        renewing.await.unwrap().unwrap();
        assert!(revoke(&bench, &channel.id).await.gone);
        let ended = net.known().ended.clone();
        assert!(ended.contains(&"planted-refresh-2".to_owned()), "what the renewal brought was kept: {ended:?}");
        worker.stop().await.unwrap();
    }

    async fn what_was_replaced_ends_with_what_took_its_place(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let channel = net.connect(&bench, net.wanted("x")).await;
        net.connect(&bench, again(&channel.id)).await;
        renewals::due(&bench.app).await.unwrap();
        assert_eq!(net.known().ended, Vec::<String>::new(), "its end could be that of the new one");
        assert_eq!(open(&bench).await, Vec::<String>::new());
        assert!(revoke(&bench, &channel.id).await.gone);
        let mut ended = net.known().ended.clone();
        ended.sort();
        assert_eq!(ended, ["planted-access-1", "planted-access-2", "planted-refresh-1", "planted-refresh-2"]);
        // What comes now is nobody's alarm, and with another access the watch begins anew.
        let id = &channel.id;
        let columns = "channel_id, account, shown, since, looked_at";
        bench.sql(&format!("insert into watches ({columns}) values ('{id}', '7', '@bank', 1, 1)")).await;
        net.connect(&bench, again(id)).await;
        assert!(bench.look().await.watch(id).await.unwrap().is_none());
        bench.sql(&format!("insert into watches ({columns}) values ('{id}', '7', '@bank', 1, 1)")).await;
        revoke(&bench, id).await;
        assert!(bench.look().await.watch(id).await.unwrap().unwrap().looked_at.is_none());
        worker.stop().await.unwrap();
    }
}
