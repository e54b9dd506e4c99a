//! A database that is put back, or fails over, while the process runs on (I2, I7): what it has sent is not sent
//! again, and what nobody knows any more is in doubt.

use std::time::Duration;

use holdline::app::freezes::{self, NewFreeze};
use holdline::app::permits::{self, Permit, Rooms};
use holdline::app::posts::NewPost;
use holdline::app::sending::{self, Outcome};
use holdline::app::{AppError, nodes, posts, unbegun};
use holdline::domain::delivery::State;
use holdline::sandbox::Fault;
use holdline::worker::Worker;
use serde_json::json;

use crate::on_both;
use crate::returns::{closed, grow_beyond, keep_a_backup, log_size, opens, put_the_backup_back};
use crate::support::{Bench, Database, start};

async fn post(bench: &Bench) -> String {
    bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "once"}})).await.id
}

async fn claim(bench: &Bench) -> Result<Vec<Permit>, permits::Lost> {
    let mut rooms = Rooms::default();
    rooms.set(&bench.channels[0], 5);
    permits::claim(&bench.app, 10, 10, &mut rooms).await.map(|batch| batch.permits)
}

async fn state(bench: &Bench, post: &str) -> (State, String) {
    let view = posts::get(&bench.app, &bench.operator, post).await.unwrap().deliveries.remove(0);
    (view.state, view.reason.unwrap_or_default())
}

/// What a restore to a moment before the outcomes leaves of them.
const NO_OUTCOMES: [&str; 2] = [
    "update attempts set outcome = null, detail = null, remote_id = null, settled_at = null",
    "update deliveries set state = 'sending', settled_at = null where state = 'accepted'",
];

/// What it leaves of a freeze that was committed just then.
const NOT_TAKEN: [&str; 3] = [
    "delete from flights",
    "update freezes set sealed_at = null",
    "update nodes set acked_epoch = acked_epoch - 1",
];

/// Waits until the freeze is sealed; the deliveries on its list.
async fn sealed(bench: &Bench, freeze: &str) -> Vec<String> {
    for _ in 0..200 {
        let view = freezes::get(&bench.app, freeze).await.unwrap();
        if view.sealed_at.is_some() {
            return view.in_flight.into_iter().map(|flight| flight.post).collect();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it is not sealed");
}

async fn freeze(bench: &Bench) -> String {
    freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id
}

/// Starts a send whose answer comes late, and waits until it has begun.
async fn under_way(bench: &Bench, worker: &Worker) -> String {
    bench.sandbox.fault("alpha", Fault::Late { ms: 4_000 }, 16);
    let id = post(bench).await;
    for _ in 0..200 {
        if !worker.gate().in_flight().is_empty() {
            return id;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it does not begin");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_put_back_under_the_process_takes_no_more_changes() {
    let new: NewPost = serde_json::from_value(
        json!({ "kind": "routine", "channels": ["alpha"], "source": { "text": "lost" }, "due": "2099-01-01T00:00:00Z" }),
    )
    .unwrap();
    for restored in [true, false] {
        let bench = Bench::new(Database::Sqlite).await;
        let file = bench.folder().join("holdline.db");
        let (copy, aside) = (bench.folder().join("backup.db"), bench.folder().join("aside.db"));
        posts::create(&bench.app, &bench.operator, &new).await.unwrap();
        std::fs::copy(&file, &copy).unwrap();
        posts::create(&bench.app, &bench.operator, &new).await.unwrap();
        std::fs::rename(&file, &aside).unwrap();
        if restored {
            std::fs::rename(&copy, &file).unwrap();
        }
        let refused = posts::create(&bench.app, &bench.operator, &new).await;
        assert!(
            matches!(&refused, Err(why @ AppError::Replaced) if why.to_string().ends_with("; start it again")),
            "{refused:?}"
        );
        // The very file is back.
        std::fs::rename(&aside, &file).unwrap();
        posts::create(&bench.app, &bench.operator, &new).await.unwrap();
    }
}

on_both! {
    async fn what_this_process_has_permitted_is_missed_though_it_has_not_read_the_log_since(bench) {
        post(&bench).await;
        // The last commit that the replica has.
        keep_a_backup(&bench).await;
        assert_eq!(claim(&bench).await.unwrap().len(), 1);
        put_the_backup_back(&bench).await;
        let refused = claim(&bench).await.unwrap_err();
        assert!(refused.to_string().contains("behind"), "{refused}");
    }

    async fn no_permit_is_given_by_another_database_than_the_gate_was_opened_for(bench) {
        let id = post(&bench).await;
        // The replica has all that this node has seen, and may lack what another one has sent.
        bench.sql("update gate set database = 'the one before'").await;
        let refused = claim(&bench).await.unwrap_err();
        assert!(refused.to_string().contains("another one"), "{refused}");
        assert_eq!(state(&bench, &id).await.0, State::Scheduled);
    }

    async fn a_try_from_before_a_confirmation_does_not_go_back_into_the_queue(bench) {
        let ids = [post(&bench).await, post(&bench).await, post(&bench).await];
        let mut permits = claim(&bench).await.unwrap();
        nodes::confirm(&bench.app, &bench.administrator, "the backup of this night").await.unwrap();
        let lost = permits.pop().unwrap();
        let (first, second) = (permits.remove(0), permits.remove(0));
        let outcomes = [
            (first, Outcome::NotBegun { reason: "no room".into(), not_before: None }),
            (second, Outcome::Retry { reason: "503".into(), not_before: None }),
        ];
        sending::settle(&bench.app, &outcomes, |_| true).await.unwrap();
        unbegun::abandon(&bench.app, &[lost.delivery]).await.unwrap();
        for id in &ids {
            let (state, reason) = state(&bench, id).await;
            assert_eq!(state, State::Held);
            assert!(reason.contains("before the database was confirmed"), "{reason}");
        }
        // What is permitted since goes back as always.
        let id = post(&bench).await;
        let app = bench.again().await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 5);
        let permit = permits::claim(&app, 10, 10, &mut rooms).await.unwrap().permits.remove(0);
        let again = Outcome::Retry { reason: "503".into(), not_before: None };
        sending::settle(&app, &[(permit, again)], |_| true).await.unwrap();
        assert_eq!(state(&bench, &id).await.0, State::Scheduled);
    }

    async fn what_the_process_has_in_hand_no_more_is_in_doubt_while_it_runs(bench) {
        let worker = bench.start().await;
        let id = post(&bench).await;
        bench.until(&id, &["accepted"]).await;
        let slow = under_way(&bench, &worker).await;
        bench.meddle(&[NO_OUTCOMES[0], &format!("{} and post_id = '{id}'", NO_OUTCOMES[1])]).await;
        nodes::give_up_unknown(&bench.app).await.unwrap();
        assert_eq!(state(&bench, &id).await.0, State::Sending, "it was permitted a moment ago");
        bench.app.clock().advance(181_000);
        nodes::give_up_unknown(&bench.app).await.unwrap();
        assert_eq!(state(&bench, &id).await.0, State::InDoubt);
        assert_eq!(state(&bench, &slow).await.0, State::Sending, "its answer is waited for");
        bench.until(&slow, &["accepted"]).await;
        assert_eq!(bench.sandbox.arrived(), 2);
        worker.stop().await.unwrap();
    }

    async fn a_node_that_is_closed_gives_up_nothing(bench) {
        let worker = bench.start().await;
        let id = post(&bench).await;
        bench.until(&id, &["accepted"]).await;
        // A person has yet to say whether this is the database.
        worker.gate().shut("in doubt");
        bench.meddle(&NO_OUTCOMES).await;
        bench.app.clock().advance(181_000);
        nodes::give_up_unknown(&bench.app).await.unwrap();
        assert_eq!(state(&bench, &id).await.0, State::Sending);
        worker.stop().await.unwrap();
    }

    async fn a_restore_that_lost_an_acknowledgement_loses_nothing_of_its_list(bench) {
        let worker = bench.start().await;
        let id = post(&bench).await;
        bench.until(&id, &["accepted"]).await;
        let frozen = freeze(&bench).await;
        assert!(sealed(&bench, &frozen).await.is_empty());
        // Put back to where the freeze was committed, its node had not heard of it, and the post was under way.
        bench.meddle(&[&NOT_TAKEN[..], &NO_OUTCOMES].concat()).await;
        assert_eq!(sealed(&bench, &frozen).await, [id]);
        worker.stop().await.unwrap();
    }

    async fn so_does_one_that_a_person_must_confirm(bench) {
        let worker = bench.start().await;
        let id = post(&bench).await;
        bench.until(&id, &["accepted"]).await;
        let slow = under_way(&bench, &worker).await;
        let frozen = freeze(&bench).await;
        assert_eq!(sealed(&bench, &frozen).await, std::slice::from_ref(&slow));
        let behind = ["update gate set database = 'the one before'"];
        bench.meddle(&[&behind[..], &NOT_TAKEN, &NO_OUTCOMES].concat()).await;
        let mut listed = sealed(&bench, &frozen).await;
        listed.sort_unstable();
        assert_eq!(listed, [id, slow]);
        worker.stop().await.unwrap();
    }

    async fn nor_does_one_that_a_person_has_confirmed_before_the_node_looks(bench) {
        let worker = bench.start().await;
        let id = post(&bench).await;
        bench.until(&id, &["accepted"]).await;
        let frozen = freeze(&bench).await;
        assert!(sealed(&bench, &frozen).await.is_empty());
        let gate = "update gate set timeline = 'another', epoch = epoch + 1";
        bench.sql(&[&["begin", gate], &NOT_TAKEN[..], &NO_OUTCOMES, &["commit"]].concat().join("; ")).await;
        assert_eq!(sealed(&bench, &frozen).await, [id]);
        worker.stop().await.unwrap();
    }

    async fn what_is_missing_outlives_the_process_whatever_it_has_added_itself(bench) {
        let worker = bench.start().await;
        opens(&worker).await;
        keep_a_backup(&bench).await;
        let size = log_size(&bench).await;
        // Another process has the log grow, and this one reads it.
        freezes::create(&bench.again().await, &bench.operator, &NewFreeze::default()).await.unwrap();
        closed(&worker).await;
        put_the_backup_back(&bench).await;
        // Before the next look this one adds to the log what makes it longer than ever.
        grow_beyond(&bench, size + 6).await;
        assert!(closed(&worker).await.contains("behind"));
        worker.stop().await.unwrap();
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        assert!(closed(&worker).await.contains("behind"));
        worker.stop().await.unwrap();
    }

    async fn an_attempt_that_the_database_has_lost_keeps_no_gate_closed(bench) {
        let worker = bench.start().await;
        let slow = under_way(&bench, &worker).await;
        bench.meddle(&[
            "delete from attempts",
            &format!("update deliveries set state = 'held', claimed_by = null where post_id = '{slow}'"),
        ])
        .await;
        let frozen = freeze(&bench).await;
        assert!(sealed(&bench, &frozen).await.is_empty(), "it can be on no list of this database");
        opens(&worker).await;
        worker.stop().await.unwrap();
        assert_eq!(state(&bench, &slow).await.0, State::Held, "what came late is in the log");
    }
}
