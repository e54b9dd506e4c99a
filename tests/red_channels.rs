//! People are told outside the console that a post would fail on a channel: once, when it has lasted, and when it is well
//! again. The mails go through the real mail server that `tests/run` starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use holdline::app::hub::Topic;
use holdline::app::notices::{self, Envelope};
use holdline::app::sessions::{self, Preference};
use holdline::app::signals::SignalView;
use holdline::app::{channels as verbs, red_channels, signals};
use holdline::domain::signal::SignalState;
use serde_json::{Value, json};

use crate::notices::{mailing, told};
use crate::on_both;
use crate::readiness::MINUTE;
use crate::real_channels::{in_the_mail, peer, unique};
use crate::support::Bench;

/// Minutes go by, and the timer does its work in each.
async fn minutes(bench: &Bench, many: usize) {
    for _ in 0..many {
        bench.app.clock().advance(MINUTE);
        verbs::check_due(&bench.app).await.unwrap();
        red_channels::look(&bench.app).await.unwrap();
    }
}

/// A sandbox channel of that name, and its timeline.
async fn channel(bench: &mut Bench, timeline: &str) -> String {
    let name = unique(timeline);
    let url = bench.sandbox.url(timeline);
    bench.connect(&name, "sandbox", json!({ "url": url })).await;
    name
}

fn fails(bench: &Bench, timeline: &str) {
    bench.sandbox.set_facts(timeline, json!({ "missing": ["write"] }));
}

fn is_well(bench: &Bench, timeline: &str) {
    bench.sandbox.set_facts(timeline, json!({ "missing": [] }));
}

/// The alarms about that channel.
async fn alarms(bench: &Bench, name: &str) -> Vec<SignalView> {
    let all = signals::list(&bench.app, &bench.approver, false).await.unwrap();
    all.into_iter().filter(|s| s.title.contains(name)).collect()
}

/// Waits until the log says of so many notices that they were sent.
async fn sent(bench: &Bench, many: usize) -> Vec<Value> {
    // They gather for two seconds.
    bench.app.clock().advance(3_000);
    for _ in 0..200 {
        let seen = told(bench, "notice.sent").await;
        if seen.len() >= many {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        bench.app.hub().poke(Topic::Notices);
    }
    panic!("{:?}", told(bench, "notice.").await);
}

/// The mails that are due, as if the mail server took them.
async fn posted(bench: &Bench) -> Vec<Envelope> {
    bench.app.clock().advance(3_000);
    let mut all = Vec::new();
    for _ in 0..200 {
        let mails = notices::take(&bench.app).await.unwrap();
        for mail in &mails {
            notices::settle(&bench.app, mail, Ok(())).await.unwrap();
        }
        all.extend(mails);
        if notices::next_try(&bench.app).await.unwrap().is_none() {
            return all;
        }
        // The node counts as alive again with its next heartbeat.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?}", told(bench, "notice.").await);
}

on_both! {
    async fn a_channel_that_fails_is_told_once_and_once_more_when_it_is_well(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        let name = channel(&mut bench, "wall").await;
        let worker = bench.start().await;
        let mailing = mailing(&bench, &server);
        let french = Preference { language: "fr".into(), theme: "auto".into(), zone: "Europe/Paris".into() };
        sessions::prefer(&bench.app, &bench.approver, &french).await.unwrap();
        minutes(&bench, 1).await;
        fails(&bench, "wall");
        // The next check of a channel that was ready comes after ten minutes.
        minutes(&bench, 10).await;
        assert_eq!(alarms(&bench, &name).await.len(), 0, "it has not lasted yet");
        minutes(&bench, 3).await;
        let raised = alarms(&bench, &name).await;
        assert_eq!(raised.len(), 1, "{raised:?}");
        assert_eq!(raised[0].state, SignalState::Waiting);
        assert!(raised[0].detail.as_ref().unwrap().contains("lacks the permission write"), "{raised:?}");
        let heard = sent(&bench, 3).await;
        assert!(heard.iter().all(|e| e["after"]["kind"] == "channel_not_ready"), "{heard:?}");
        let kept = in_the_mail(&server, &name).await;
        assert_eq!(kept.len(), 3, "the administrator, the operator and the approver: {kept:?}");
        for mail in &kept {
            assert!(mail["text"].as_str().unwrap().contains("http://localhost:8740/console/settings/readiness"));
            let is_french = mail["to"] == json!(["approver@example.org"]);
            let begin = if is_french { "Pas prêt\u{a0}: wall" } else { "Not ready: wall" };
            assert!(mail["headers"]["subject"].as_str().unwrap().starts_with(begin), "{mail}");
        }
        minutes(&bench, 15).await;
        assert_eq!(told(&bench, "notice.sent").await.len(), 3, "not once for each check");
        is_well(&bench, "wall");
        minutes(&bench, 2).await;
        assert_eq!(alarms(&bench, &name).await[0].state, SignalState::Waiting, "it may flap");
        minutes(&bench, 3).await;
        assert_eq!(alarms(&bench, &name).await[0].state, SignalState::Ended);
        let heard = sent(&bench, 6).await;
        assert_eq!(heard.iter().filter(|e| e["after"]["kind"] == "channel_well_again").count(), 3, "{heard:?}");
        let again = in_the_mail(&server, &name).await;
        let begins = |mail: &&Value| mail["headers"]["subject"].as_str().unwrap().starts_with("Ready again: wall");
        assert_eq!((again.len(), again.iter().filter(begins).count()), (6, 2), "{again:?}");
        mailing.stop().await;
        worker.stop().await.unwrap();
    }

    async fn what_flaps_is_told_to_nobody(bench) {
        let mut bench = bench;
        let name = channel(&mut bench, "wall").await;
        let worker = bench.start().await;
        bench.app.set_mails();
        for _ in 0..4 {
            fails(&bench, "wall");
            let wall = bench.channels.last().unwrap();
            verbs::test(&bench.app, &bench.operator, wall).await.unwrap();
            red_channels::look(&bench.app).await.unwrap();
            minutes(&bench, 2).await;
            is_well(&bench, "wall");
            minutes(&bench, 2).await;
        }
        assert_eq!(alarms(&bench, &name).await.len(), 0);
        assert_eq!(notices::next_try(&bench.app).await.unwrap(), None);
        worker.stop().await.unwrap();
    }

    async fn one_check_tells_nothing_however_long_nobody_looks_again(bench) {
        let mut bench = bench;
        let name = channel(&mut bench, "wall").await;
        let worker = bench.start().await;
        fails(&bench, "wall");
        minutes(&bench, 1).await;
        for _ in 0..5 {
            bench.app.clock().advance(MINUTE);
            red_channels::look(&bench.app).await.unwrap();
        }
        assert_eq!(alarms(&bench, &name).await.len(), 0);
        minutes(&bench, 1).await;
        assert_eq!(alarms(&bench, &name).await[0].state, SignalState::Waiting);
        // One good check ends nothing: it is looked at again in the next minute.
        is_well(&bench, "wall");
        minutes(&bench, 1).await;
        fails(&bench, "wall");
        minutes(&bench, 9).await;
        assert_eq!(alarms(&bench, &name).await.len(), 1);
        assert_eq!(alarms(&bench, &name).await[0].state, SignalState::Waiting);
        worker.stop().await.unwrap();
    }

    async fn channels_that_turn_together_are_one_mail_that_says_so(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        let names = [channel(&mut bench, "wall").await, channel(&mut bench, "page").await];
        // The page is no network that is asked: it cannot be away with the others.
        for other in &bench.channels[..3] {
            crate::watches::switch(&bench, other, true).await;
        }
        let worker = bench.start().await;
        let mailing = mailing(&bench, &server);
        minutes(&bench, 1).await;
        // One is found at its next check, and then the other one is looked at, too.
        for timeline in ["wall", "page"] {
            fails(&bench, timeline);
        }
        bench.app.clock().advance(MINUTE);
        let wall = &bench.channels[4];
        verbs::test(&bench.app, &bench.operator, wall).await.unwrap();
        red_channels::look(&bench.app).await.unwrap();
        minutes(&bench, 3).await;
        for name in &names {
            assert_eq!(alarms(&bench, name).await.len(), 1);
        }
        sent(&bench, 6).await;
        let kept = in_the_mail(&server, &names[0]).await;
        assert_eq!(kept.len(), 3, "one for each person: {kept:?}");
        for mail in &kept {
            assert!(mail["text"].as_str().unwrap().contains(&names[1]), "{mail}");
            assert_eq!(mail["headers"]["subject"], "Not ready: 2 channels");
            assert!(mail["text"].as_str().unwrap().contains("lost its own network"), "they are all: {mail}");
        }
        mailing.stop().await;
        worker.stop().await.unwrap();
    }

    async fn after_a_time_without_the_mail_server_a_channel_is_named_once(bench) {
        let mut bench = bench;
        let name = channel(&mut bench, "wall").await;
        let worker = bench.start().await;
        bench.app.set_mails();
        // It turns twice before a mail can be sent: what is true now is told, and once.
        for turn in 0..2 {
            fails(&bench, "wall");
            minutes(&bench, 15).await;
            if turn == 0 {
                is_well(&bench, "wall");
                minutes(&bench, 5).await;
            }
        }
        let subjects = |mails: Vec<Envelope>| mails.into_iter().map(|m| m.subject).collect::<Vec<_>>();
        assert_eq!(subjects(posted(&bench).await), vec![format!("Not ready: {name}"); 3]);
        assert_eq!(told(&bench, "notice.sent").await.len(), 6, "both notices of each person are settled by one mail");
        is_well(&bench, "wall");
        minutes(&bench, 5).await;
        assert_eq!(subjects(posted(&bench).await), vec![format!("Ready again: {name}"); 3]);
        // Who never heard of a trouble does not hear that it is over.
        fails(&bench, "wall");
        minutes(&bench, 15).await;
        is_well(&bench, "wall");
        minutes(&bench, 5).await;
        assert!(posted(&bench).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn of_a_scheduler_it_is_said_that_a_freeze_could_not_hold_it(bench) {
        let mut bench = bench;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let name = unique("plans");
        bench.connect_with(&name, "postiz", json!({ "url": url }), Some("hunter2-key")).await;
        let worker = bench.start().await;
        minutes(&bench, 5).await;
        let raised = alarms(&bench, &name).await;
        assert_eq!(raised.len(), 1, "{raised:?}");
        assert_eq!(raised[0].title, format!("a freeze could not hold what is planned in {name}"));
        worker.stop().await.unwrap();
    }

    /// A check of Buffer costs one of few requests: it is asked again an hour later, and once more when it may have lasted.
    async fn a_network_that_is_asked_seldom_is_told_as_soon_as_others(bench) {
        let mut bench = bench;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((closed, _)) = listener.accept().await {
                counts.fetch_add(1, Ordering::SeqCst);
                drop(closed);
            }
        });
        let name = unique("plans");
        bench.connect_with(&name, "buffer", json!({ "org": "o1", "server": url }), Some("hunter2-key")).await;
        let worker = bench.start().await;
        let first = asked.load(Ordering::SeqCst);
        minutes(&bench, 2).await;
        assert_eq!(alarms(&bench, &name).await.len(), 0, "it has not lasted yet");
        minutes(&bench, 3).await;
        assert_eq!(alarms(&bench, &name).await.len(), 1);
        let second = asked.load(Ordering::SeqCst);
        assert!(first < second);
        minutes(&bench, 20).await;
        assert_eq!((alarms(&bench, &name).await.len(), asked.load(Ordering::SeqCst)), (1, second), "the next hour comes first");
        worker.stop().await.unwrap();
    }

    async fn a_node_without_a_mail_server_leaves_its_mails_to_one_that_has_it(bench) {
        let mut bench = bench;
        let name = channel(&mut bench, "wall").await;
        let worker = bench.start().await;
        minutes(&bench, 1).await;
        for is_there in [false, true] {
            if is_there {
                // As a node with a mail server does in each of its rounds.
                notices::announce(&bench.app).await.unwrap();
            }
            fails(&bench, "wall");
            minutes(&bench, 15).await;
            assert_eq!(alarms(&bench, &name).await.iter().filter(|s| s.state == SignalState::Waiting).count(), 1);
            let subjects: Vec<String> = posted(&bench).await.into_iter().map(|m| m.subject).collect();
            let expected = if is_there { vec![format!("Not ready: {name}"); 3] } else { Vec::new() };
            assert_eq!(subjects, expected, "{is_there}");
            is_well(&bench, "wall");
            minutes(&bench, 5).await;
            posted(&bench).await;
        }
        // Where none was there for a day, nobody waits for a mail that does not come.
        minutes(&bench, 1).await;
        bench.app.clock().advance(24 * 60 * MINUTE);
        fails(&bench, "wall");
        minutes(&bench, 15).await;
        assert_eq!(notices::next_try(&bench.app).await.unwrap(), None);
        worker.stop().await.unwrap();
    }

    async fn a_channel_that_is_disabled_ends_its_alarm(bench) {
        let mut bench = bench;
        let name = channel(&mut bench, "wall").await;
        let worker = bench.start().await;
        fails(&bench, "wall");
        minutes(&bench, 5).await;
        assert_eq!(alarms(&bench, &name).await[0].state, SignalState::Waiting);
        crate::watches::switch(&bench, bench.channels.last().unwrap(), true).await;
        minutes(&bench, 1).await;
        assert_eq!(alarms(&bench, &name).await[0].state, SignalState::Ended);
        worker.stop().await.unwrap();
    }
}
