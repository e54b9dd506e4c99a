//! Outcomes that come late, posts that are cancelled while they are under way, nodes that go silent,
//! tries that wait while a freeze comes and goes.

use channels::Retraction;
use holdline::app::audit::{self, AuditFilter};
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Choice, Review, Settle, Settlement};
use holdline::app::permits::{self, Permit, Rooms};
use holdline::app::reads::{self, Seen};
use holdline::app::sending::{self, Outcome};
use holdline::app::{App, nodes, posts};
use holdline::domain::delivery::State;
use holdline::domain::outcome::{MAX_ATTEMPTS, Trust};
use holdline::sandbox::Fault;
use serde_json::json;

use crate::on_both;
use crate::support::{Bench, Database};

async fn permit(bench: &Bench) -> Permit {
    let mut rooms = Rooms::default();
    rooms.set(&bench.channels[0], 1);
    rooms.set(&bench.channels[1], 1);
    permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap().permits.remove(0)
}

async fn post(bench: &Bench, channels: &[&str]) -> String {
    bench.approved(json!({"kind": "routine", "channels": channels, "source": {"text": "x"}})).await.id
}

async fn states(app: &App, bench: &Bench, post: &str) -> Vec<State> {
    posts::get(app, &bench.operator, post).await.unwrap().deliveries.into_iter().map(|d| d.state).collect()
}

async fn entries(bench: &Bench, verb: &str) -> usize {
    let filter = AuditFilter { verb: Some(verb.into()), limit: 500, ..AuditFilter::default() };
    audit::list(&bench.app, &bench.administrator, &filter).await.unwrap().len()
}

fn accepted() -> Outcome {
    Outcome::Accepted { remote_id: "1".into(), url: None, note: None, started_only: false }
}

fn retry() -> Outcome {
    Outcome::Retry { reason: "503".into(), not_before: None }
}

on_both! {
    async fn an_outcome_that_comes_after_a_persons_decision_changes_nothing(bench) {
        let id = post(&bench, &["alpha"]).await;
        let first = permit(&bench).await;
        // The node is given up, and a person who looked says: not there, try again.
        nodes::recover(&bench.app, None).await.unwrap();
        let word = Settle { settlement: Settlement::TryAgain, note: "it is not there".into(), url: None };
        held::settle(&bench.app, &bench.operator, &first.delivery, &word).await.unwrap();
        let second = permit(&bench).await;
        sending::settle(&bench.app, &[(second, accepted())], |_| true).await.unwrap();
        sending::settle(&bench.app, &[(first, retry())], |_| true).await.unwrap();
        assert_eq!(states(&bench.app, &bench, &id).await, [State::Accepted], "it is not sent a third time");
        assert_eq!(entries(&bench, "attempt.late").await, 1);
    }

    async fn an_outcome_that_comes_while_it_is_in_doubt_settles_the_doubt(bench) {
        let id = post(&bench, &["alpha"]).await;
        let first = permit(&bench).await;
        nodes::recover(&bench.app, None).await.unwrap();
        assert_eq!(states(&bench.app, &bench, &id).await, [State::InDoubt]);
        sending::settle(&bench.app, &[(first, accepted())], |_| true).await.unwrap();
        assert_eq!(states(&bench.app, &bench, &id).await, [State::Accepted]);
        assert_eq!(entries(&bench, "attempt.late").await, 0);
    }

    async fn what_left_after_a_freeze_and_was_refused_is_on_its_list(bench) {
        let (left, stopped) = (post(&bench, &["alpha"]).await, post(&bench, &["beta"]).await);
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 1);
        rooms.set(&bench.channels[1], 1);
        let permits = permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap().permits;
        // A first try has left and was refused long before.
        let first = permits.iter().find(|permit| permit.post == stopped).unwrap().clone();
        sending::settle(&bench.app, &[(first, retry())], |_| true).await.unwrap();
        bench.sql("update deliveries set ready_at = 0 where state = 'scheduled'").await;
        rooms.set(&bench.channels[1], 1);
        let again = permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap().permits;
        assert_eq!(again.len(), 1);
        let permits = permits.into_iter().filter(|permit| permit.post == left).chain(again);
        let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        assert_eq!((frozen.sealed_at, frozen.in_flight.len()), (None, 0));
        let refused = || Outcome::Failed { reason: "400".into() };
        let outcomes: Vec<_> = permits.map(|permit| (permit, refused())).collect();
        let attempt = outcomes.iter().find(|(permit, _)| permit.post == left).unwrap().0.attempt.clone();
        sending::settle(&bench.app, &outcomes, |id| id == attempt).await.unwrap();
        // The node takes the freeze.
        let worker = bench.start().await;
        let frozen = freezes::get(&bench.app, &frozen.id).await.unwrap();
        assert!(frozen.sealed_at.is_some(), "{frozen:?}");
        let listed: Vec<_> = frozen.in_flight.iter().map(|f| (f.post.as_str(), f.state)).collect();
        assert_eq!(listed, [(left.as_str(), State::Failed)], "{stopped} never left");
        worker.stop().await.unwrap();
    }

    async fn in_a_batch_only_the_late_one_is_left_out(bench) {
        let ids = [post(&bench, &["alpha"]).await, post(&bench, &["beta"]).await];
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 1);
        rooms.set(&bench.channels[1], 1);
        let batch = permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap().permits;
        assert_eq!(batch.len(), 2);
        sending::settle(&bench.app, &[(batch[0].clone(), accepted())], |_| true).await.unwrap();
        let outcomes = [(batch[0].clone(), retry()), (batch[1].clone(), retry())];
        sending::settle(&bench.app, &outcomes, |_| true).await.unwrap();
        let of = |id: &str| if batch[0].delivery == id { State::Accepted } else { State::Scheduled };
        for id in &ids {
            let view = posts::get(&bench.app, &bench.operator, id).await.unwrap();
            assert_eq!(view.deliveries[0].state, of(&view.deliveries[0].id), "{view:?}");
        }
        assert_eq!(entries(&bench, "attempt.late").await, 1);
    }

    async fn what_is_cancelled_while_it_is_under_way_goes_no_more(bench) {
        let id = post(&bench, &["alpha", "beta"]).await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 1);
        let batch = permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap();
        assert_eq!((batch.permits.len(), batch.claimed.len()), (1, 1));
        let back = [batch.claimed[0].delivery.clone()];
        permits::give_back(&bench.app, &back, bench.app.clock().now(), "later").await.unwrap();
        posts::cancel(&bench.app, &bench.operator, &id).await.unwrap();
        sending::settle(&bench.app, &[(batch.permits[0].clone(), retry())], |_| true).await.unwrap();
        bench.app.clock().advance(10_000);
        let worker = bench.start().await;
        bench.until(&id, &["cancelled"]).await;
        assert_eq!(bench.sandbox.arrived(), 0);
        worker.stop().await.unwrap();
    }

    async fn a_claim_that_is_another_nodes_by_now_is_not_given_back(bench) {
        let id = post(&bench, &["alpha"]).await;
        let first = permit(&bench).await;
        permits::give_back(&bench.app, std::slice::from_ref(&first.delivery), 0, "a slow hand").await.unwrap();
        assert_eq!(states(&bench.app, &bench, &id).await, [State::Sending], "it is permitted, not claimed");
    }

    async fn a_number_is_never_used_twice_and_the_attempt_in_doubt_is_the_one_that_is_settled(bench) {
        let id = post(&bench, &["alpha"]).await;
        let first = permit(&bench).await;
        let not_begun = Outcome::NotBegun { reason: "the node stopped".into(), not_before: None };
        sending::settle(&bench.app, &[(first.clone(), not_begun)], |_| false).await.unwrap();
        bench.app.clock().advance(1_000);
        let second = permit(&bench).await;
        assert_eq!((first.number, second.number, second.tries), (1, 2, 1), "what never began is no try");
        let doubt = Outcome::InDoubt { reason: "cut".into(), readable: true };
        sending::settle(&bench.app, &[(second.clone(), doubt)], |_| true).await.unwrap();
        // A clock that goes back gives the newer attempt the smaller id.
        bench.sql(&format!("update attempts set id = '0' where id = '{}'", second.attempt)).await;
        let word = Settle { settlement: Settlement::TryAgain, note: "it is not there".into(), url: None };
        held::settle(&bench.app, &bench.operator, &first.delivery, &word).await.unwrap();
        let all = bench.look().await.attempts(&first.delivery).await.unwrap();
        assert!(all.iter().all(|a| a.outcome.as_deref() == Some("rejected")), "{all:?}");
        assert_eq!(states(&bench.app, &bench, &id).await, [State::Scheduled]);
    }

    async fn what_was_settled_otherwise_is_not_read_for_ever(bench) {
        post(&bench, &["alpha"]).await;
        let first = permit(&bench).await;
        let doubt = Outcome::InDoubt { reason: "cut".into(), readable: true };
        sending::settle(&bench.app, &[(first.clone(), doubt)], |_| true).await.unwrap();
        bench.sql("update deliveries set state = 'failed'").await;
        bench.app.clock().advance(6_000);
        assert_eq!(reads::due(&bench.app).await.unwrap().len(), 1);
        let trust = Trust { replay_is_safe: false, absent_is_proof: true, readable: true, late: 30_000 };
        reads::note_read(&bench.app, &first.attempt, &first.delivery, &Seen::Absent, trust).await.unwrap();
        assert_eq!(reads::due(&bench.app).await.unwrap().len(), 0);
    }

    async fn a_doubt_that_proves_without_effect_is_tried_again_later_and_not_for_ever(bench) {
        let id = post(&bench, &["alpha"]).await;
        let trust = Trust { replay_is_safe: true, absent_is_proof: true, readable: true, late: 30_000 };
        for tries in 1..=MAX_ATTEMPTS {
            let one = permit(&bench).await;
            assert_eq!(one.tries, tries);
            let doubt = Outcome::InDoubt { reason: "cut".into(), readable: true };
            sending::settle(&bench.app, &[(one.clone(), doubt)], |_| true).await.unwrap();
            reads::note_read(&bench.app, &one.attempt, &one.delivery, &Seen::Absent, trust).await.unwrap();
            let view = posts::get(&bench.app, &bench.operator, &id).await.unwrap();
            let ready = holdline::domain::times::parse(&view.deliveries[0].ready, "UTC").unwrap();
            let last = tries == MAX_ATTEMPTS;
            assert_eq!(view.deliveries[0].state, if last { State::Failed } else { State::Scheduled });
            assert!(last || ready > bench.app.clock().now() + 1_000, "not at once: {}", view.deliveries[0].ready);
            bench.app.clock().advance(20 * 60_000);
        }
    }

    async fn claims_that_cannot_be_given_back_are_not_lost(bench) {
        let channel = &bench.channels[0];
        let id = post(&bench, &["alpha"]).await;
        bench.sql(&format!("update channels set disabled_at = 1 where id = '{channel}'")).await;
        let (make, drop): (&[&str], &str) = if bench.url().is_some() {
            (&["create function refuse() returns trigger language plpgsql as $$ begin
                  if old.state = 'claimed' and new.state = 'scheduled' then raise exception 'no'; end if;
                  return new; end $$",
               "create trigger refuse before update on deliveries for each row execute function refuse()"],
             "drop trigger refuse on deliveries")
        } else {
            (&["create trigger refuse before update on deliveries when old.state = 'claimed'
                  and new.state = 'scheduled' begin select raise(abort, 'no'); end"], "drop trigger refuse")
        };
        for sql in make {
            bench.sql(sql).await;
        }
        let worker = bench.start().await;
        bench.until(&id, &["claimed"]).await;
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        bench.sql(drop).await;
        let view = bench.until(&id, &["scheduled"]).await;
        assert_eq!(view.deliveries[0].reason.as_deref(), Some("the channel is disabled"));
        worker.stop().await.unwrap();
    }

    async fn a_try_that_waits_over_a_freeze_needs_a_decision(bench) {
        let id = post(&bench, &["alpha"]).await;
        let first = permit(&bench).await;
        let wait = Outcome::Retry { reason: "503".into(), not_before: Some(bench.app.clock().now() + 60_000) };
        sending::settle(&bench.app, &[(first, wait)], |_| true).await.unwrap();
        let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        bench.app.clock().advance(20_000);
        freezes::thaw(&bench.app, &bench.operator, &frozen.id, "over").await.unwrap();
        bench.app.clock().advance(60_000);
        let worker = bench.start().await;
        bench.until(&id, &["held"]).await;
        assert_eq!(bench.sandbox.arrived(), 0, "a thaw releases nothing by itself");
        let delivery = posts::get(&bench.app, &bench.operator, &id).await.unwrap().deliveries[0].id.clone();
        let release = Review { choice: Choice::Release, deliveries: vec![delivery], label: None, hash: None, expected: None, at: None,
            zone: None, spread_minutes: 0 };
        held::review(&bench.app, &bench.operator, &release).await.unwrap();
        bench.until(&id, &["accepted"]).await;
        worker.stop().await.unwrap();
    }

    async fn what_a_person_saw_is_taken_down_whatever_link_was_typed(bench) {
        bench.sandbox.fault("alpha", Fault::CutAfterAccept, 1);
        let id = post(&bench, &["alpha"]).await;
        let other = post(&bench, &["alpha"]).await;
        let worker = bench.start().await;
        let mut both = Vec::new();
        for post in [&id, &other] {
            both.push(bench.until(post, &["in_doubt", "accepted"]).await.deliveries.remove(0));
        }
        let doubt = both.into_iter().find(|d| d.state == State::InDoubt).expect("one of them is in doubt");
        let url = Some(format!("{}/posts/4711", bench.sandbox.url("alpha")));
        let word = Settle { settlement: Settlement::Published, note: "I saw it".into(), url };
        held::settle(&bench.app, &bench.operator, &doubt.id, &word).await.unwrap();
        let taken = held::retract(&bench.app, &bench.operator, &doubt.id, "a mistake").await.unwrap();
        assert_eq!(taken, Retraction::Gone);
        let left: Vec<_> = bench.sandbox.timeline("alpha").into_iter().map(|p| p.delivery).collect();
        assert!(left.len() == 1 && left[0] != doubt.id, "the other one stays: {left:?}");
        worker.stop().await.unwrap();
    }

    async fn a_list_of_freezes_counts_what_each_holds_and_names_missing_nodes(bench) {
        let first = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        assert!(!first.missing.is_empty(), "no node runs");
        let list = || async { freezes::list(&bench.app, &bench.operator, false).await.unwrap() };
        assert_eq!(list().await[0].missing, first.missing);
        post(&bench, &["alpha", "beta"]).await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 1);
        permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap();
        let second = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        freezes::thaw(&bench.app, &bench.operator, &first.id, "over").await.unwrap();
        let rows: Vec<_> = list().await.into_iter().map(|f| (f.id, f.held, f.missing.is_empty())).collect();
        assert_eq!(rows, [(second.id.clone(), 0, false), (first.id, 2, true)]);
        let open = freezes::list(&bench.app, &bench.operator, true).await.unwrap();
        assert_eq!((open.len(), &open[0].id), (1, &second.id));
    }

    async fn what_a_person_retries_after_a_thaw_goes(bench) {
        let id = post(&bench, &["alpha"]).await;
        let first = permit(&bench).await;
        let doubt = Outcome::InDoubt { reason: "cut".into(), readable: false };
        sending::settle(&bench.app, &[(first.clone(), doubt)], |_| true).await.unwrap();
        let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        bench.app.clock().advance(5_000);
        freezes::thaw(&bench.app, &bench.operator, &frozen.id, "over").await.unwrap();
        bench.app.clock().advance(5_000);
        let word = Settle { settlement: Settlement::TryAgain, note: "it is not there".into(), url: None };
        held::settle(&bench.app, &bench.operator, &first.delivery, &word).await.unwrap();
        let worker = bench.start().await;
        bench.until(&id, &["accepted"]).await;
        worker.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_take_over_what_a_silent_node_had_in_hand() {
    let bench = Bench::new(Database::Postgres).await;
    let silent = bench.another_node("silent").await;
    silent.worker.vanish();
    let id = post(&bench, &["alpha", "beta"]).await;
    let mut rooms = Rooms::default();
    rooms.set(&bench.channels[0], 1);
    let batch = permits::claim(&silent.app, 10, 10, &mut rooms).await.unwrap();
    assert_eq!((batch.permits.len(), batch.claimed.len()), (1, 1));
    nodes::take_over_silent(&bench.app).await.unwrap();
    let mut now = states(&bench.app, &bench, &id).await;
    now.sort_by_key(|s| *s as u8);
    assert_eq!(now, [State::Claimed, State::Sending], "it was heard of a moment ago");
    bench.app.clock().advance(16_000);
    nodes::take_over_silent(&bench.app).await.unwrap();
    let mut now = states(&bench.app, &bench, &id).await;
    now.sort_by_key(|s| *s as u8);
    assert_eq!(
        now,
        [State::Scheduled, State::Sending],
        "its claims go on elsewhere, its send may be under way"
    );
    bench.app.clock().advance(170_000);
    nodes::take_over_silent(&bench.app).await.unwrap();
    let mut now = states(&bench.app, &bench, &id).await;
    now.sort_by_key(|s| *s as u8);
    assert_eq!(now, [State::Scheduled, State::InDoubt]);
    // The node is on the list still: a freeze names it.
    let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
    assert!(frozen.missing.iter().any(|m| m.contains("silent")), "{:?}", frozen.missing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_reads_back_what_it_sent_and_others_wait_until_it_is_silent() {
    let bench = Bench::new(Database::Postgres).await;
    let other = bench.another_node("other").await;
    other.worker.vanish();
    post(&bench, &["alpha"]).await;
    let first = permit(&bench).await;
    let doubt = Outcome::InDoubt { reason: "cut".into(), readable: true };
    sending::settle(&bench.app, &[(first.clone(), doubt)], |_| true).await.unwrap();
    bench.app.clock().advance(6_000);
    assert_eq!(reads::due(&bench.app).await.unwrap().len(), 1);
    // This node is not on the list of nodes, so it counts as gone.
    assert_eq!(reads::due(&other.app).await.unwrap().len(), 1);
    let worker = bench.start().await;
    assert_eq!(reads::due(&other.app).await.unwrap().len(), 0, "it reads for itself");
    worker.vanish();
    let trust = Trust { replay_is_safe: false, absent_is_proof: true, readable: true, late: 30_000 };
    let looks =
        (0..4).map(|_| reads::note_read(&bench.app, &first.attempt, &first.delivery, &Seen::Absent, trust));
    for look in futures::future::join_all(looks).await {
        look.unwrap();
    }
    let attempt = bench.look().await.attempts(&first.delivery).await.unwrap().remove(0);
    assert_eq!((attempt.reads, attempt.absent), (4, 4), "looks at the same moment see each other");
}
