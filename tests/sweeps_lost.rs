//! A node that vanishes while it holds a post inside a network, or puts one back.

use holdline::app::freezes::{self, NewFreeze};
use holdline::app::sweeps::{Choice, SweepView};
use holdline::domain::freeze::Scope;
use holdline::domain::sweep::Stand;

use crate::on_both;
use crate::support::schedule::{Hang, Schedule, TOKEN};
use crate::support::start;
use crate::sweeps::{MINUTE, all, decide_on, freeze_on, looked, until};

on_both! {
    async fn a_look_that_was_stopped_delays_no_freeze(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale", 24 * 60);
        // Another node vanished in a look for an earlier freeze, and this one in its first request.
        let (toots, now) = (bench.channels.last().unwrap().clone(), bench.app.clock().now());
        bench.sql(&format!("INSERT INTO sweeps (channel_id, epoch, node_id, begun_at) VALUES ('{toots}', 0, 'gone', {now})")).await;
        network.hang(Some(Hang { at: 1, done: false }));
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        network.hung().await;
        worker.vanish();
        network.hang(None);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        until(&app, &frozen.id, all(Stand::Held, 1)).await;
        worker.stop().await.unwrap();
    }

    async fn a_node_that_vanishes_at_any_request_is_gone_on_with(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        // The list, its second page, the request for the post, and the read.
        for at in 1..=4 {
            for done in [false, true] {
                // When it was due in twenty minutes, it is due in nine afterwards; when in ten, it is overdue.
                for minutes in [24 * 60, 20, 10].into_iter().take(if at == 3 { 3 } else { 1 }) {
                    let text = format!("Sale {minutes} {at} {done}");
                    let id = network.add(&text, minutes);
                    let app = bench.again().await;
                    let worker = start(&app, "a", bench.folder()).await;
                    network.hang(Some(Hang { at, done }));
                    let frozen = freeze_on(&app, &bench, Scope::default()).await;
                    network.hung().await;
                    worker.vanish();
                    network.hang(None);
                    bench.app.clock().advance(11 * MINUTE);
                    let app = bench.again().await;
                    let worker = start(&app, "a", bench.folder()).await;
                    let is = |s: &SweepView| s.posts.iter().any(|p| p.words == text && p.state == Stand::Held);
                    let seen = until(&app, &frozen.id, is).await;
                    assert_eq!(seen.posts.iter().filter(|p| p.words == text).count(), 1, "{seen:?}");
                    let writes = network.writes().iter().filter(|w| w.contains(&id)).count();
                    assert!((1..=2).contains(&writes), "{:?}", network.writes());
                    assert!(network.shown().iter().all(|(t, hours)| *t != text || *hours > 24 * 300));
                    let post = seen.posts.iter().find(|p| p.words == text).unwrap();
                    let unknown = post.reason.as_deref().is_some_and(|r| r.contains("or it is published"));
                    assert_eq!(unknown, minutes == 10 && done, "{post:?}");
                    freezes::thaw(&app, &bench.approver, &frozen.id, "over").await.unwrap();
                    assert_eq!(decide_on(&app, &bench, Choice::Drop, &[post], 60).await, Vec::new());
                    let gone = |s: &SweepView| s.posts.iter().any(|p| p.words == text && p.state == Stand::Dropped);
                    until(&app, &frozen.id, gone).await;
                    worker.stop().await.unwrap();
                }
            }
        }
    }

    async fn a_stop_finishes_with_the_post_in_hand(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale", 10);
        network.add("Another sale", 24 * 60);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        network.hang(Some(Hang { at: 3, done: true }));
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        network.hung().await;
        let stops = tokio::spawn(worker.stop());
        network.hang(None);
        network.release();
        stops.await.unwrap().unwrap();
        let seen = until(&bench.app, &frozen.id, |s| s.posts.len() == 2).await;
        let stands: Vec<_> = seen.posts.iter().map(|p| p.state).collect();
        assert_eq!(stands, [Stand::Held, Stand::Found], "it is settled, and nothing else is begun");
        assert_eq!(network.writes().len(), 1);
    }

    async fn a_restore_whose_answer_is_lost_makes_no_second_post(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        for done in [true, false] {
            let text = format!("Sale {done}");
            network.add(&text, 7);
            let app = bench.again().await;
            let worker = start(&app, "a", bench.folder()).await;
            let frozen = freeze_on(&app, &bench, Scope::default()).await;
            let is = |s: &SweepView| s.posts.iter().any(|p| p.words == text && p.state == Stand::Held);
            let seen = until(&app, &frozen.id, |s| is(s) && looked(s)).await;
            freezes::thaw(&app, &bench.approver, &frozen.id, "over").await.unwrap();
            // The list, perhaps its second page, and then the post itself.
            let pages = if network.shown().is_empty() { 1 } else { 2 };
            network.hang(Some(Hang { at: pages + 1, done }));
            let post = seen.posts.iter().find(|p| p.words == text).unwrap();
            assert_eq!(decide_on(&app, &bench, Choice::Restore, &[post], 24 * 60).await, Vec::new());
            network.hung().await;
            worker.vanish();
            network.hang(None);
            bench.app.clock().advance(6 * MINUTE);
            // While the network does not show its schedule, nobody is told to decide again.
            network.is_blind(true);
            let app = bench.again().await;
            let worker = start(&app, "a", bench.folder()).await;
            let asks = |s: &SweepView| s.posts.iter().any(|p| {
                p.words == text && p.state == Stand::Restoring && p.reason.as_deref().is_some_and(|r| r.contains("asked again"))
            });
            until(&app, &frozen.id, asks).await;
            network.is_blind(false);
            bench.app.clock().advance(3 * MINUTE);
            let end = if done { Stand::Restored } else { Stand::Held };
            let is = |s: &SweepView| s.posts.iter().any(|p| p.words == text && p.state == end);
            let seen = until(&app, &frozen.id, is).await;
            let post = seen.posts.iter().find(|p| p.words == text).unwrap();
            assert_eq!(post.reason.is_some(), !done, "a person looks: {post:?}");
            assert_eq!(network.shown().iter().filter(|(t, _)| *t == text).count(), usize::from(done));
            worker.stop().await.unwrap();
        }
    }

    async fn a_freeze_during_a_restore_whose_answer_is_lost_holds_the_post_once(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale", 7);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let first = freeze_on(&app, &bench, Scope::default()).await;
        let seen = until(&app, &first.id, |s| all(Stand::Held, 1)(s) && looked(s)).await;
        freezes::thaw(&app, &bench.approver, &first.id, "over").await.unwrap();
        // The list, and then the post itself: it is made, and the node vanishes.
        network.hang(Some(Hang { at: 2, done: true }));
        assert_eq!(decide_on(&app, &bench, Choice::Restore, &[&seen.posts[0]], 24 * 60).await, Vec::new());
        network.hung().await;
        worker.vanish();
        network.hang(None);
        let second = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        bench.app.clock().advance(11 * MINUTE);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let held = |s: &SweepView| s.posts.iter().any(|p| p.state == Stand::Held && p.remote_id.starts_with("made"));
        let seen = until(&app, &second.id, held).await;
        let held = seen.posts.iter().filter(|p| p.state == Stand::Held).count();
        assert_eq!(held, 1, "the old one is restored, the new one held: {seen:?}");
        assert_eq!(network.shown().len(), 1);
        worker.stop().await.unwrap();
    }
    async fn a_request_that_arrives_after_the_thaw_leaves_no_post_forgotten(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        let late = network.add("Late", 24 * 60);
        network.add("Never", 25 * 60);
        network.is_read_only(true);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        until(&app, &frozen.id, |s| all(Stand::CouldNot, 2)(s) && looked(s)).await;
        worker.stop().await.unwrap();
        freezes::thaw(&bench.app, &bench.approver, &frozen.id, "over").await.unwrap();
        // The answers to the last requests were lost.
        bench.sql(&format!("UPDATE swept SET asked_at = {}", bench.app.clock().now())).await;
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        until(&app, &frozen.id, all(Stand::Holding, 2)).await;
        // One of them arrives after all.
        network.shift(&late, 400 * 24 * 60);
        bench.app.clock().advance(6 * MINUTE);
        let stand = |s: &SweepView, words: &str| s.posts.iter().find(|p| p.words == words).map(|p| p.state);
        let is = |s: &SweepView| stand(s, "Late") == Some(Stand::Held) && stand(s, "Never") == Some(Stand::Left);
        let seen = until(&app, &frozen.id, is).await;
        let late = seen.posts.iter().find(|p| p.words == "Late").unwrap();
        assert!(late.reason.as_deref().is_some_and(|r| r.contains("was lost")), "{late:?}");
        // Before that a freeze covers another one again: it is held at once, though a request may still arrive.
        let again = network.add("Again", 24 * 60);
        let second = freeze_on(&app, &bench, Scope::default()).await;
        until(&app, &second.id, |s| stand(s, "Again") == Some(Stand::CouldNot) && looked(s)).await;
        bench.sql(&format!("UPDATE swept SET asked_at = {} WHERE remote_id = '{again}'", bench.app.clock().now())).await;
        freezes::thaw(&app, &bench.approver, &second.id, "over").await.unwrap();
        until(&app, &second.id, |s| stand(s, "Again") == Some(Stand::Holding)).await;
        network.is_read_only(false);
        let third = freeze_on(&app, &bench, Scope::default()).await;
        until(&app, &third.id, |s| stand(s, "Again") == Some(Stand::Held)).await;
        worker.stop().await.unwrap();
    }

    async fn what_nobody_knows_is_looked_at_before_a_decision_about_it_is_carried_out(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        let words = ["Moved", "Never", "There", "Back", "Gone"];
        let ids: Vec<_> = (24..).zip(words).map(|(hours, text)| network.add(text, hours * 60)).collect();
        // Each look at the schedule takes longer than a pass.
        network.is_slow(31_000);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        let seen = until(&app, &frozen.id, |s| all(Stand::Held, 5)(s) && looked(s)).await;
        network.is_slow(0);
        freezes::thaw(&app, &bench.approver, &frozen.id, "over").await.unwrap();
        // The answers to all requests were lost; of two posts nothing was done, and of one nobody knows what.
        bench.sql("UPDATE swept SET kept_mark = 'gone', asked_at = 1").await;
        network.shift(&ids[2], 24 * 60);
        network.shift(&ids[3], 24 * 60);
        network.remove(&ids[4]);
        let post = |text: &str| seen.posts.iter().find(|p| p.words == text).unwrap();
        let decide = async |choice, text: &str| {
            assert_eq!(decide_on(&app, &bench, choice, &[post(text)], 60).await, Vec::new());
        };
        let of = |s: &SweepView, text: &str| s.posts.iter().find(|p| p.words == text).cloned().unwrap();
        network.is_broken(true);
        decide(Choice::Restore, "Moved").await;
        let asks = |s: &SweepView| of(s, "Moved").reason.is_some_and(|r| r.contains("could not be asked"));
        until(&app, &frozen.id, |s| asks(s) && of(s, "Moved").state == Stand::Held).await;
        network.is_broken(false);
        for (choice, text) in words.map(|text| match text {
            "Never" | "There" => (Choice::Drop, text),
            _ => (Choice::Restore, text),
        }) {
            decide(choice, text).await;
        }
        let ends = [Stand::Restored, Stand::Dropped, Stand::Left, Stand::Left, Stand::Restored];
        let is = |s: &SweepView| words.iter().zip(ends).all(|(text, end)| of(s, text).state == end);
        let seen = until(&app, &frozen.id, is).await;
        assert!(of(&seen, "Back").reason.is_some_and(|r| r.contains("on the network's schedule")), "{seen:?}");
        let mut shown = network.shown();
        shown.sort();
        let ends = [("Back", 23), ("Gone", 0), ("Moved", 0), ("There", 23)].map(|(t, hours)| (t.to_owned(), hours));
        assert_eq!(shown, ends);
        worker.stop().await.unwrap();
    }

    async fn a_channel_whose_token_is_refused_keeps_no_post_from_another_of_its_account(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        let ids = [network.add("Tried", 24 * 60), network.add("Found", 25 * 60), network.add("Asked", 26 * 60)];
        network.is_read_only(true);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        until(&app, &frozen.id, |s| all(Stand::CouldNot, 3)(s) && looked(s)).await;
        worker.stop().await.unwrap();
        let [_, found, asked] = &ids;
        bench.meddle(&[
            &format!("UPDATE swept SET state = 'found', in_hand_until = 0 WHERE remote_id = '{found}'"),
            &format!("UPDATE swept SET state = 'holding', in_hand_until = 0, asked_at = 1, changed_at = 1 WHERE remote_id = '{asked}'"),
        ])
        .await;
        network.revoke(TOKEN);
        network.is_read_only(false);
        network.connect_by(&mut bench, "again", "hunter3-token").await;
        bench.app.clock().advance(MINUTE + 1);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let again = bench.channels.last().unwrap().clone();
        // What the first channel asked about for hours waits for a person, and is found to be there.
        let is = |s: &SweepView| s.posts.iter().filter(|p| p.state == Stand::Held && p.channel == again).count() == 3;
        until(&app, &frozen.id, |s| looked(s) && s.channels.iter().any(|c| c.problem.is_some())).await;
        bench.app.clock().advance(MINUTE + 1);
        until(&app, &frozen.id, is).await;
        assert!(network.shown().iter().all(|(_, hours)| *hours > 24 * 300), "{:?}", network.shown());
        worker.stop().await.unwrap();
    }
}
