//! What the core does on a network that sends to each recipient by itself: who has the post is written down before
//! each request, so that nobody gets it twice.

use std::time::Duration;

use channels::Retraction;
use channels::http::Request;
use holdline::app::audit::{self, AuditFilter};
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Settle, Settlement};
use holdline::app::{AppError, approvals, channels as app_channels, doubts, media, posts, take_downs};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::drawn;
use crate::support::twilio::{Fake, GONE, NUMBERS, connect};

/// The whole log, as text.
async fn log(bench: &Bench) -> String {
    let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
    serde_json::to_string(&audit::list(&bench.app, &bench.administrator, &filter).await.unwrap()).unwrap()
}

fn try_again() -> Settle {
    Settle { settlement: Settlement::TryAgain, note: "the rest must know".into(), url: None }
}

async fn deliver(bench: &Bench, state: &str) -> (String, String) {
    let text = "Card payments fail. Your money is safe.";
    let new = json!({ "kind": "routine", "channels": ["phones"], "source": { "text": text } });
    let sent = bench.approved(new).await;
    (sent.id.clone(), bench.until(&sent.id, &[state]).await.deliveries.remove(0).id)
}

/// A post that the first number has, whose request is not answered yet.
async fn first_is_out(bench: &Bench, fake: &Fake) -> posts::PostView {
    fake.answers.forget_permits(1_000);
    let new = json!({ "kind": "routine", "channels": ["phones"], "source": { "text": "Summer offer." } });
    let sent = bench.approved(new).await;
    for _ in 0..400 {
        if fake.copies()[0] == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    sent
}

/// Why a delivery is as it is.
async fn told(bench: &Bench, delivery: &str) -> String {
    doubts::get(&bench.app, &bench.approver, delivery).await.unwrap().reason.unwrap_or_default()
}

/// What is known of each recipient by the newest ledger, in their order.
async fn marks(bench: &Bench, delivery: &str) -> Vec<String> {
    let all = bench.look().await.attempts(delivery).await.unwrap();
    let ledger: Value = serde_json::from_str(all.last().unwrap().handle.as_deref().unwrap()).unwrap();
    assert_eq!(ledger["withdrawn"], true);
    let mark = |line: &Value| match &line["is"] {
        Value::Object(is) => is.keys().next().unwrap().clone(),
        word => word.as_str().unwrap().to_owned(),
    };
    ledger["ledger"].as_array().unwrap().iter().map(mark).collect()
}

/// Waits until one has it, and the others wait for their turn.
async fn is_waiting(bench: &Bench, delivery: &str) {
    for _ in 0..800 {
        if told(bench, delivery).await.ends_with("it went to 1 of 4, and 3 still wait") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it does not stop after the first: {}", told(bench, delivery).await);
}

on_both! {
    async fn a_list_of_numbers_is_told_apart_and_no_number_is_in_the_log(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &[NUMBERS[0], GONE, NUMBERS[2]]).await;
        let worker = bench.start().await;
        let tested = app_channels::test(&bench.app, &bench.administrator, bench.channels.last().unwrap()).await.unwrap();
        let health = tested.health;
        assert!(health.ready && health.detail == "sends to its list of 3", "{health:?}");
        let (_, delivery) = deliver(&bench, "accepted").await;
        assert_eq!(fake.copies(), [1, 0, 1, 0]);
        let said = "it went to 2 of 3, NOT to 1; namely: …009: the recipient has opted out";
        assert_eq!(told(&bench, &delivery).await, said);
        let log = log(&bench).await;
        assert!(log.contains("attempt.prepared") && log.contains("it went to 2 of 3, NOT to 1"), "{log}");
        for hidden in ["4179000000", "hunter2", "…009", "opted out"] {
            assert!(!log.contains(hidden), "{hidden}: {log}");
        }
        worker.stop().await.unwrap();
    }

    async fn a_lost_answer_is_read_back_for_its_recipient(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS).await;
        let worker = bench.start().await;
        fake.loses(&[NUMBERS[1]]);
        let (_, delivery) = deliver(&bench, "in_doubt").await;
        assert_eq!(fake.copies(), [1; 4], "the others wait for nobody");
        let said = "it went to 3 of 4, 0 still wait, and nobody knows of 1; namely: …002";
        assert!(told(&bench, &delivery).await.contains(said));
        doubts::read_back(&bench.app, &bench.approver, &delivery).await.unwrap();
        assert_ne!(told(&bench, &delivery).await, "it went to all 4 recipients");
        fake.set(|account| account.lags = false);
        doubts::read_back(&bench.app, &bench.approver, &delivery).await.unwrap();
        assert_eq!(told(&bench, &delivery).await, "it went to all 4 recipients");
        assert_eq!(fake.copies(), [1; 4]);
        fake.fail_but(&[]);
        let gone = held::retract(&bench.app, &bench.approver, &delivery, "wrong").await.unwrap();
        assert!(matches!(&gone, Retraction::Gone), "{gone:?}");
        assert!(!log(&bench).await.contains("…002"));
        worker.stop().await.unwrap();
    }

    async fn what_was_taken_down_is_not_sent_on_and_never_told_as_sent_to_all(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS).await;
        let worker = bench.start().await;
        fake.loses(&[NUMBERS[1]]);
        let (post, delivery) = deliver(&bench, "in_doubt").await;
        let retract = async || held::retract(&bench.app, &bench.approver, &delivery, "wrong").await.unwrap();
        fake.fail_but(&[NUMBERS[3]]);
        let Retraction::StillLive(why) = retract().await else { panic!() };
        let said = "it never arrives for 2; it is out, or may be, for 2; send a correction; namely: …002, …004";
        assert_eq!(why, said);
        assert_eq!(told(&bench, &delivery).await, said, "the page says so, too");
        assert_eq!(marks(&bench, &delivery).await, ["failed", "open", "failed", "has"], "what it found is in the ledger");
        let log = log(&bench).await;
        assert!(log.contains("it never arrives for 2") && !log.contains("…00"), "{log}");
        let again = held::settle(&bench.app, &bench.approver, &delivery, &try_again()).await;
        assert!(again.unwrap_err().to_string().contains("wanted it taken down"));
        let word = Settle { settlement: Settlement::TakenDown, note: "I asked them".into(), url: None };
        let gone = held::settle(&bench.app, &bench.approver, &delivery, &word).await.unwrap_err().to_string();
        assert!(gone.contains("nobody can take it out of their hands"), "{gone}");
        // What the network shows by now makes it no success.
        fake.set(|account| account.lags = false);
        doubts::read_back(&bench.app, &bench.approver, &delivery).await.unwrap();
        bench.until(&post, &["in_doubt"]).await;
        fake.fail_but(&[]);
        assert!(matches!(retract().await, Retraction::Gone));
        assert_eq!(marks(&bench, &delivery).await, ["failed"; 4]);
        let gone = bench.until(&post, &["retracted"]).await.deliveries.remove(0);
        assert_eq!(gone.so_far, None, "it arrives for nobody");
        assert!(doubts::read_back(&bench.app, &bench.approver, &delivery).await.is_err());
        assert_eq!(fake.copies(), [1; 4]);
        worker.stop().await.unwrap();
    }

    async fn a_wait_leaves_the_rest_to_the_next_attempt_and_nothing_to_a_person(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS).await;
        let worker = bench.start().await;
        fake.set(|account| account.busy = Some(NUMBERS[1]));
        let source = json!({ "text": "Card payments fail. Your money is safe." });
        let new = json!({ "kind": "routine", "channels": ["phones"], "source": source });
        let sent = bench.approved(new).await;
        let delivery = sent.deliveries[0].id.clone();
        is_waiting(&bench, &delivery).await;
        let view = bench.until(&sent.id, &["scheduled"]).await;
        assert_eq!((view.deliveries[0].attempts, fake.copies()), (1, [1, 0, 0, 0]), "what was tried is not edited");
        // It would go on by itself, so it is cancelled before what is out is taken down.
        let early = held::retract(&bench.app, &bench.approver, &delivery, "wrong").await;
        assert!(early.unwrap_err().to_string().contains("cancel the post or freeze first"));
        posts::cancel(&bench.app, &bench.operator, &sent.id).await.unwrap();
        assert!(told(&bench, &delivery).await.ends_with("it went to 1 of 4, and 3 still wait"), "it is still told");
        fake.fail_but(&[]);
        let gone = held::retract(&bench.app, &bench.approver, &delivery, "wrong").await.unwrap();
        assert!(matches!(gone, Retraction::Gone), "{gone:?}");
        bench.until(&sent.id, &["cancelled"]).await;
        worker.stop().await.unwrap();
    }

    async fn a_freeze_between_two_attempts_does_not_hide_how_far_it_came(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS).await;
        let worker = bench.start().await;
        fake.set(|account| account.busy = Some(NUMBERS[1]));
        let source = json!({ "text": "Card payments fail. Your money is safe." });
        let sent = bench.approved(json!({ "kind": "routine", "channels": ["phones"], "source": source })).await;
        let delivery = sent.deliveries[0].id.clone();
        is_waiting(&bench, &delivery).await;
        let view = bench.until(&sent.id, &["scheduled"]).await;
        assert_eq!(view.deliveries[0].so_far, None, "the reason says so");
        freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        // Its turn comes, and the gate is closed.
        bench.app.clock().advance(700_000);
        let held = bench.until(&sent.id, &["held"]).await.deliveries.remove(0);
        assert!(!held.reason.unwrap_or_default().contains("it went to"));
        assert_eq!(held.so_far.as_deref(), Some("it went to 1 of 4"));
        worker.stop().await.unwrap();
    }

    async fn lists_of_one_account_that_share_a_number_are_told_apart(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS[..2]).await;
        bench.connect_with("desks", "sms", fake.settings(&[NUMBERS[0], NUMBERS[2]]), Some("hunter2")).await;
        let worker = bench.start().await;
        // Each has a number of its own that is lost, and one of them the number that both have.
        fake.loses(&[NUMBERS[0], NUMBERS[1], NUMBERS[2]]);
        let source = json!({ "text": "Card payments fail. Your money is safe." });
        let new = json!({ "kind": "routine", "channels": ["phones", "desks"], "source": source });
        let post = bench.approved(new).await.id;
        let view = bench.until(&post, &["in_doubt"]).await;
        assert_eq!(fake.copies(), [2, 1, 1, 0]);
        fake.set(|account| account.lags = false);
        for delivery in view.deliveries {
            // It may have been read by itself meanwhile.
            let _ = doubts::read_back(&bench.app, &bench.approver, &delivery.id).await;
        }
        let view = bench.until(&post, &["accepted"]).await;
        for delivery in view.deliveries {
            assert_eq!(delivery.reason.as_deref(), Some("it went to all 2 recipients"));
        }
        worker.stop().await.unwrap();
    }

    async fn a_post_that_is_cancelled_in_the_middle_goes_to_nobody_more(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS).await;
        let worker = bench.start().await;
        let sent = first_is_out(&bench, &fake).await;
        posts::cancel(&bench.app, &bench.operator, &sent.id).await.unwrap();
        fake.answers.add_permits(1_000);
        bench.until(&sent.id, &["scheduled"]).await;
        // It waited for its next attempt, which there is none of.
        bench.app.clock().advance(700_000);
        let delivery = bench.until(&sent.id, &["cancelled"]).await.deliveries.remove(0);
        assert_eq!(fake.copies(), [1, 0, 0, 0]);
        assert!(delivery.reason.unwrap().contains("it went to 1 of 4"));
        worker.stop().await.unwrap();
    }

    async fn a_freeze_in_the_middle_leaves_the_rest_to_a_person(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS).await;
        let worker = bench.start().await;
        let sent = first_is_out(&bench, &fake).await;
        // Nothing is taken down of what goes on.
        let delivery = sent.deliveries[0].id.clone();
        let early = held::retract(&bench.app, &bench.approver, &delivery, "wrong").await;
        assert!(early.unwrap_err().to_string().contains("cancel the post or freeze first"));
        let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        for _ in 0..400 {
            if freezes::get(&bench.app, &freeze.id).await.unwrap().sealed_at.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        fake.answers.add_permits(1_000);
        let delivery = bench.until(&sent.id, &["in_doubt"]).await.deliveries.remove(0).id;
        assert_eq!(fake.copies(), [1, 0, 0, 0]);
        // What is out can be taken down at once, or the rest get it after the freeze.
        freezes::thaw(&bench.app, &bench.approver, &freeze.id, "over").await.unwrap();
        doubts::read_back(&bench.app, &bench.approver, &delivery).await.unwrap();
        let detail = doubts::get(&bench.app, &bench.approver, &delivery).await.unwrap().attempt.unwrap().detail;
        assert!(detail.unwrap().contains("it went to 1 of 4, and 3 still wait; another try goes on"));
        held::settle(&bench.app, &bench.approver, &delivery, &try_again()).await.unwrap();
        let view = bench.until(&sent.id, &["accepted"]).await;
        assert_eq!(view.deliveries[0].reason.as_deref(), Some("it went to all 4 recipients"));
        assert_eq!(fake.copies(), [1; 4]);
        fake.fail_but(&[]);
        let all = take_downs::all(&bench.app, &bench.approver, &sent.id, "wrong").await.unwrap();
        assert!(all[0].gone, "{all:?}");
        worker.stop().await.unwrap();
    }
    async fn a_picture_is_fetched_while_its_message_can_wait(bench) {
        let mut bench = bench;
        let caller = Caller::new(&bench).await;
        let fake = Fake::start(bench.app.clock().clone()).await;
        let mut settings = fake.settings(&["+12125550101"]);
        bench.connect_with("texts", "sms", settings.clone(), Some("hunter2")).await;
        settings["pictures"] = "on".into();
        bench.connect_with("phones", "sms", settings, Some("hunter2")).await;
        let kept = media::upload(&bench.app, &bench.operator, drawn::png(20, 10)).await.unwrap();
        let picture = json!({ "sha256": kept.sha256, "mime": kept.mime, "alt": "A map" });
        let new = |channel: &str| json!({ "kind": "routine", "channels": [channel],
            "source": { "text": "Two branches are open.", "media": [picture] } });
        let off = serde_json::from_value(new("texts")).unwrap();
        let refused = posts::create(&bench.app, &bench.operator, &off).await;
        assert!(matches!(&refused, Err(AppError::Invalid(p)) if p[0].message.contains("at most 0 are possible")), "{refused:?}");
        let worker = bench.start().await;
        let sent = bench.approved(new("phones")).await;
        let sheet = approvals::sheet(&bench.app, &bench.approver, &sent.id).await.unwrap();
        assert!(sheet.unsaid.iter().any(|p| p.message.contains("no place for the words of a picture")), "{sheet:?}");
        bench.until(&sent.id, &["accepted"]).await;
        let url = fake.messages(|all| all[0]["media"].as_str().unwrap().to_owned());
        let look = async || {
            let here = url.replacen("http://localhost:8740", &caller.base, 1);
            caller.http.call(Request::get(&here)).await.unwrap()
        };
        bench.app.clock().advance(35 * 60_000);
        let seen = look().await;
        assert_eq!((seen.status, &seen.body[..], seen.header("cache-control")), (200, &drawn::png(20, 10)[..], Some("no-store")));
        bench.app.clock().advance(6 * 60_000);
        assert_eq!(look().await.status, 404);
        worker.stop().await.unwrap();
    }
}
