//! Posts that somebody scheduled inside a network are held in a freeze, and put back by a decision only.

use std::time::Duration;

use holdline::app::audit::{self, AuditFilter};
use holdline::app::channels::{self, ChannelEdit};
use holdline::app::freezes::{self, FreezeView, NewFreeze};
use holdline::app::sweeps::{self, Choice, Decision, SweepView, SweptView};
use holdline::app::{App, nodes};
use holdline::clock::rfc3339;
use holdline::domain::Word;
use holdline::domain::freeze::Scope;
use holdline::domain::sweep::Stand;
use serde_json::json;

use crate::on_both;
use crate::support::schedule::Schedule;
use crate::support::{Bench, start};

pub const MINUTE: i64 = 60_000;

async fn freeze(bench: &Bench, scope: Scope) -> FreezeView {
    freeze_on(&bench.app, bench, scope).await
}

/// By the process that sends, so that it hears of it at once.
pub async fn freeze_on(app: &App, bench: &Bench, scope: Scope) -> FreezeView {
    let new = NewFreeze { scope, reason: "outage".into(), incident: None };
    freezes::create(app, &bench.operator, &new).await.unwrap()
}

async fn sweep(app: &App, freeze: &str) -> SweepView {
    freezes::get(app, freeze).await.unwrap().sweep.unwrap()
}

/// Waits until the sweep of the freeze is as it should be.
pub async fn until(app: &App, freeze: &str, is: impl Fn(&SweepView) -> bool) -> SweepView {
    for _ in 0..800 {
        let seen = sweep(app, freeze).await;
        if is(&seen) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the sweep stays {:?}", sweep(app, freeze).await);
}

fn stands(sweep: &SweepView) -> Vec<(&str, Stand)> {
    sweep.posts.iter().map(|p| (p.words.as_str(), p.state)).collect()
}

pub fn all(stand: Stand, count: usize) -> impl Fn(&SweepView) -> bool {
    move |sweep| sweep.posts.len() == count && sweep.posts.iter().all(|p| p.state == stand)
}

pub fn looked(sweep: &SweepView) -> bool {
    sweep.channels.iter().all(|c| c.looked_at.is_some())
}

async fn decide(bench: &Bench, choice: Choice, posts: &[&SweptView], minutes: i64) -> Vec<(String, String)> {
    decide_on(&bench.app, bench, choice, posts, minutes).await
}

pub async fn decide_on(
    app: &App,
    bench: &Bench,
    choice: Choice,
    posts: &[&SweptView],
    minutes: i64,
) -> Vec<(String, String)> {
    let at = Some(rfc3339(bench.app.clock().now() + minutes * MINUTE));
    let posts = posts.iter().map(|p| p.id.clone()).collect();
    let decision = Decision { choice, posts, at, zone: None, spread_minutes: 0 };
    sweeps::review(app, &bench.approver, &decision).await.unwrap().left
}

async fn thaw(bench: &Bench, freeze: &str) {
    freezes::thaw(&bench.app, &bench.approver, freeze, "over").await.unwrap();
}

on_both! {
    async fn what_is_scheduled_inside_a_network_is_held_and_put_back_by_a_decision(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale tomorrow", 24 * 60);
        network.add("Sale now", 7);
        network.add("Sale never", 48 * 60);
        let worker = bench.start().await;
        let frozen = freeze(&bench, Scope::default()).await;
        let seen = until(&bench.app, &frozen.id, all(Stand::Held, 3)).await;
        let [now, tomorrow, never] = seen.posts.as_slice() else { panic!("{seen:?}") };
        assert_eq!((now.words.as_str(), tomorrow.words.as_str()), ("Sale now", "Sale tomorrow"), "the most urgent first");
        assert!(network.writes()[0].starts_with("DELETE"), "what is due soon is cancelled: {:?}", network.writes());
        assert!(network.shown().iter().all(|(text, hours)| text != "Sale now" && *hours > 24 * 300));
        assert!(now.reason.as_deref().is_some_and(|r| r.contains("cancelled")), "what that means is told: {now:?}");
        assert_eq!(tomorrow.reason, None);
        let look = &until(&bench.app, &frozen.id, looked).await.channels;
        assert_eq!((look.len(), look[0].channel_name.as_str(), look[0].listed), (1, "toots", Some(3)));
        // While the freeze is in force nothing goes back, and nothing is nearer than ten minutes.
        let left = decide(&bench, Choice::Restore, &[now], 60).await;
        assert_eq!(left[0].1, "a freeze in force covers it; thaw first");
        thaw(&bench, &frozen.id).await;
        let soon = Decision {
            choice: Choice::Restore, posts: vec![now.id.clone()], zone: None, spread_minutes: 0,
            at: Some(rfc3339(bench.app.clock().now() + 9 * MINUTE)),
        };
        assert!(sweeps::review(&bench.app, &bench.approver, &soon).await.is_err());
        let at = |days: i64| Some(rfc3339(bench.app.clock().now() + days * 24 * 60 * MINUTE));
        let wide = Decision { spread_minutes: u32::MAX, at: at(1), ..soon.clone() };
        assert!(sweeps::review(&bench.app, &bench.approver, &wide).await.is_err(), "no time is out of the calendar");
        let far = Decision { at: at(6 * 365), ..soon };
        assert!(sweeps::review(&bench.app, &bench.approver, &far).await.is_err());
        assert_eq!(network.shown().len(), 2, "a thaw puts nothing back by itself");
        assert_eq!(decide(&bench, Choice::Restore, &[now, tomorrow], 200).await, Vec::new());
        assert_eq!(decide(&bench, Choice::Drop, &[never], 200).await, Vec::new());
        let done = |s: &SweepView| {
            s.posts.iter().all(|p| matches!(p.state, Stand::Restored | Stand::Dropped))
        };
        until(&bench.app, &frozen.id, done).await;
        let mut shown = network.shown();
        shown.sort();
        assert_eq!(shown, [("Sale now".to_owned(), 3), ("Sale tomorrow".to_owned(), 3)]);
        assert_eq!(decide(&bench, Choice::Restore, &[now], 60).await[0].1, "it is restored, not held");
        worker.stop().await.unwrap();
    }

    async fn a_freeze_of_something_else_touches_nothing(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale", 60);
        let other = Schedule::connect_as(&mut bench, "other").await;
        other.add("Other sale", 60);
        let [.., toots, elsewhere] = bench.channels.as_slice() else { panic!() };
        let worker = bench.start().await;
        let label = Scope { labels: vec!["promo".into()], ..Scope::default() };
        let by_label = freeze(&bench, label).await;
        let only = |channel: &String| Scope { channels: vec![channel.clone()], ..Scope::default() };
        let by_channel = freeze(&bench, only(elsewhere)).await;
        let note = sweep(&bench.app, &by_label.id).await.note.unwrap();
        assert!(note.contains("have no labels"), "{note}");
        // The channel that is frozen is swept twice, and the other one never.
        until(&bench.app, &by_channel.id, all(Stand::Held, 1)).await;
        until(&bench.app, &by_channel.id, looked).await;
        other.add("Another sale", 60);
        bench.app.clock().advance(MINUTE + 1);
        until(&bench.app, &by_channel.id, all(Stand::Held, 2)).await;
        let listed = sweeps::list(&bench.app, &bench.operator, None).await.unwrap();
        assert!(listed.iter().all(|p| p.channel == *elsewhere), "{listed:?}");
        assert!(network.writes().is_empty() && network.shown().len() == 1);
        // What covers it is found at once, beside those.
        let frozen = freeze(&bench, only(toots)).await;
        let is = |s: &SweepView| s.posts.iter().any(|p| p.words == "Sale" && p.state == Stand::Held);
        until(&bench.app, &frozen.id, is).await;
        assert!(sweep(&bench.app, &by_label.id).await.posts.is_empty());
        worker.stop().await.unwrap();
    }

    async fn what_is_scheduled_anew_is_held_again_and_what_went_out_is_told(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        let id = network.add("Sale", 24 * 60);
        let worker = bench.start().await;
        let frozen = freeze(&bench, Scope::default()).await;
        until(&bench.app, &frozen.id, |s| all(Stand::Held, 1)(s) && looked(s)).await;
        network.shift(&id, 60);
        network.add("Another sale", 120);
        bench.app.clock().advance(MINUTE + 1);
        until(&bench.app, &frozen.id, |s| all(Stand::Held, 2)(s) && network.shown()[0].1 > 24).await;
        until(&bench.app, &frozen.id, looked).await;
        thaw(&bench, &frozen.id).await;
        let held = sweep(&bench.app, &frozen.id).await;
        // Somebody moved one, and deleted the other.
        network.shift(&id, 330);
        network.remove(&held.posts[1].remote_id);
        let posts: Vec<_> = held.posts.iter().collect();
        assert_eq!(decide(&bench, Choice::Restore, &posts, 60).await, Vec::new());
        let refused = |s: &SweepView| {
            s.posts.iter().all(|p| p.state == Stand::Held && p.reason.as_deref().is_some_and(|r| r.contains("somebody has changed it")))
        };
        until(&bench.app, &frozen.id, refused).await;
        assert_eq!(network.shown(), [("Sale".to_owned(), 5)], "it is left as it is");
        worker.stop().await.unwrap();
    }

    async fn a_network_that_fails_is_named_and_looked_at_again(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale", 60);
        network.is_broken(true);
        let worker = bench.start().await;
        let frozen = freeze(&bench, Scope::default()).await;
        assert!(frozen.sealed_at.is_some(), "no freeze waits for a network");
        let seen = until(&bench.app, &frozen.id, looked).await;
        assert!(seen.channels[0].problem.as_deref().is_some_and(|p| p.contains("500")), "{seen:?}");
        assert!(seen.posts.is_empty());
        network.is_broken(false);
        bench.app.clock().advance(MINUTE + 1);
        until(&bench.app, &frozen.id, all(Stand::Held, 1)).await;
        worker.stop().await.unwrap();
    }

    async fn a_restore_that_waited_too_long_asks_for_another_time(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale", 24 * 60);
        let worker = bench.start().await;
        let frozen = freeze(&bench, Scope::default()).await;
        let seen = until(&bench.app, &frozen.id, |s| all(Stand::Held, 1)(s) && looked(s)).await;
        thaw(&bench, &frozen.id).await;
        worker.stop().await.unwrap();
        assert_eq!(decide(&bench, Choice::Restore, &[&seen.posts[0]], 11).await, Vec::new());
        bench.app.clock().advance(4 * MINUTE);
        let writes = network.writes().len();
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let seen = until(&app, &frozen.id, all(Stand::Held, 1)).await;
        assert!(seen.posts[0].reason.as_deref().is_some_and(|r| r.contains("too near")), "{seen:?}");
        assert_eq!(network.writes().len(), writes, "seven minutes are too near");
        worker.stop().await.unwrap();
    }

    async fn what_could_not_be_held_is_named_tried_again_and_passes_to_another_channel(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale", 24 * 60);
        let [near, far] = [network.add("Near", 17), network.add("Far", 24 * 60)];
        network.is_read_only(true);
        let worker = bench.start().await;
        let frozen = freeze(&bench, Scope::default()).await;
        let seen = until(&bench.app, &frozen.id, |s| all(Stand::CouldNot, 3)(s) && looked(s)).await;
        assert!(seen.posts[0].reason.as_deref().is_some_and(|r| r.contains("403")), "{seen:?}");
        // What is gone near its time went out; what is gone long before was drawn back. No request of ours did it.
        let tried = network.writes().len();
        network.remove(&near);
        network.remove(&far);
        bench.app.clock().advance(12 * MINUTE);
        let of = |s: &SweepView, words: &str| s.posts.iter().find(|p| p.words == words).cloned().unwrap();
        let is = |s: &SweepView| of(s, "Near").state == Stand::GoneOut && of(s, "Far").state == Stand::Left;
        let seen = until(&bench.app, &frozen.id, |s| is(s) && looked(s)).await;
        assert!(of(&seen, "Near").reason.is_some_and(|r| r.contains("published")), "{seen:?}");
        assert!(of(&seen, "Far").reason.is_some_and(|r| r.contains("somebody else took it off")), "{seen:?}");
        for _ in 0..100 {
            if network.writes().len() > tried {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let log = |id: &str| {
            let filter = AuditFilter { subject: Some(format!("swept:{id}")), limit: 100, ..AuditFilter::default() };
            let (app, by) = (bench.app.clone(), bench.administrator.clone());
            async move { audit::list(&app, &by, &filter).await.unwrap().len() }
        };
        let sale = of(&seen, "Sale");
        assert_eq!((network.writes().len(), log(&sale.id).await), (tried + 1, 3), "found, holding, could not: once");
        // Its channel is disabled, and the account is connected as another one.
        let toots = bench.channels.last().unwrap().clone();
        let disable = ChannelEdit { disabled: Some(true), ..ChannelEdit::default() };
        channels::edit(&bench.app, &bench.administrator, &toots, None, disable).await.unwrap();
        network.is_read_only(false);
        network.connect_again(&mut bench, "again").await;
        bench.app.clock().advance(MINUTE + 1);
        let seen = until(&bench.app, &frozen.id, |s| of(s, "Sale").state == Stand::Held).await;
        let again = bench.channels.last().unwrap().clone();
        assert_eq!((of(&seen, "Sale").id, of(&seen, "Sale").channel), (sale.id, again.clone()));
        // A channel that is disabled puts nothing back, and what it held can be closed.
        until(&bench.app, &frozen.id, looked).await;
        thaw(&bench, &frozen.id).await;
        let disable = ChannelEdit { disabled: Some(true), ..ChannelEdit::default() };
        channels::edit(&bench.app, &bench.administrator, &again, None, disable).await.unwrap();
        let sale = of(&seen, "Sale");
        // What it was asked about and nobody can ask now waits for a person.
        bench.sql(&format!("UPDATE swept SET state = 'holding', asked_at = found_at, in_hand_until = 0 WHERE id = '{}'", sale.id)).await;
        let is = |s: &SweepView| of(s, "Sale").reason.is_some_and(|r| r.contains("could not be asked"));
        let seen = until(&bench.app, &frozen.id, is).await;
        let sale = of(&seen, "Sale");
        assert_eq!(decide(&bench, Choice::Restore, &[&sale], 60).await[0].1, "the channel is disabled");
        let writes = network.writes().len();
        assert_eq!(decide(&bench, Choice::Drop, &[&sale], 60).await, Vec::new());
        let whole = sweeps::get(&bench.app, &bench.operator, &sale.id).await.unwrap();
        assert_eq!((whole.post.state, whole.snapshot["post"]["text"].as_str()), (Stand::Dropped, Some("Sale")));
        assert!(whole.post.reason.is_some_and(|r| r.contains("nothing was done in the network")));
        worker.stop().await.unwrap();
        assert_eq!(network.writes().len(), writes);
    }

    async fn a_token_of_another_account_judges_no_post_of_the_first(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale", 24 * 60);
        network.is_read_only(true);
        let worker = bench.start().await;
        let frozen = freeze(&bench, Scope::default()).await;
        until(&bench.app, &frozen.id, |s| all(Stand::CouldNot, 1)(s) && looked(s)).await;
        worker.stop().await.unwrap();
        network.is_of("2");
        network.is_read_only(false);
        let toots = bench.channels.last().unwrap().clone();
        let token = ChannelEdit { credential: Some("hunter3-token".to_owned().into()), ..ChannelEdit::default() };
        channels::edit(&bench.app, &bench.administrator, &toots, None, token).await.unwrap();
        network.add("Sale", 24 * 60);
        bench.app.clock().advance(MINUTE + 1);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let is = |s: &SweepView| {
            let mut stands: Vec<_> = s.posts.iter().map(|p| p.state.word()).collect();
            stands.sort_unstable();
            stands == ["held", "left"]
        };
        let seen = until(&app, &frozen.id, is).await;
        let left = seen.posts.iter().find(|p| p.state == Stand::Left).unwrap();
        assert!(left.reason.as_deref().is_some_and(|r| r.contains("leads elsewhere")), "{left:?}");
        worker.stop().await.unwrap();
    }

    async fn nothing_is_swept_or_put_back_before_a_database_is_confirmed(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale", 24 * 60);
        let worker = bench.start().await;
        let frozen = freeze(&bench, Scope::default()).await;
        let held = until(&bench.app, &frozen.id, |s| all(Stand::Held, 1)(s) && looked(s)).await;
        thaw(&bench, &frozen.id).await;
        worker.stop().await.unwrap();
        assert_eq!(decide(&bench, Choice::Restore, &[&held.posts[0]], 60).await, Vec::new());
        let asked = "update swept set reason = 'the network is asked again'";
        bench.meddle(&["update gate set database = 'another'", asked]).await;
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        network.add("Another sale", 24 * 60);
        let again = freeze_on(&app, &bench, Scope::default()).await;
        let writes = network.writes().len();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!((network.writes().len(), stands(&sweep(&app, &again.id).await)), (writes, vec![("Sale", Stand::Restoring)]));
        nodes::confirm(&app, &bench.administrator, "the backup of this night").await.unwrap();
        let seen = until(&app, &again.id, all(Stand::Held, 2)).await;
        let sale = seen.posts.iter().find(|p| p.words == "Sale").unwrap();
        let is = |r: &str| r.contains("before you decide") && !r.contains("asked again");
        assert!(sale.reason.as_deref().is_some_and(is), "{sale:?}");
        worker.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_one_holds_each_post() {
    let mut bench = Bench::new(crate::support::Database::Postgres).await;
    let network = Schedule::connect(&mut bench).await;
    let ids: Vec<_> = (0..8).map(|n| network.add(&format!("Sale {n}"), 5 + 200 * n)).collect();
    let worker = bench.start().await;
    let other = bench.another_node("b").await;
    let first = freeze(&bench, Scope::default()).await;
    let second = freeze(&bench, Scope { brands: vec!["main".into()], ..Scope::default() }).await;
    until(&bench.app, &first.id, |s| all(Stand::Held, 8)(s) && looked(s)).await;
    let seen = until(&bench.app, &second.id, |s| all(Stand::Held, 8)(s) && looked(s)).await;
    let writes = network.writes();
    for id in &ids {
        assert_eq!(writes.iter().filter(|w| w.contains(id)).count(), 1, "{id}: {writes:?}");
    }
    // One of the two freezes is lifted: the other one covers it still.
    freezes::thaw(&bench.app, &bench.approver, &first.id, "over").await.unwrap();
    assert_eq!(decide(&bench, Choice::Restore, &[&seen.posts[0]], 60).await.len(), 1);
    let listed = sweeps::list(&bench.app, &bench.operator, Some(Stand::Held)).await.unwrap();
    assert_eq!(listed.len(), 8);
    assert_eq!(json!(listed[0].state), json!("held"));
    other.worker.stop().await.unwrap();
    worker.stop().await.unwrap();
}
