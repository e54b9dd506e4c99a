//! What Twilio says later of messages, as it calls with it.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use channels::http::{Answer, Request};
use hmac::{Hmac, KeyInit, Mac};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::posts::{self, DeliveryView};
use holdline::app::reports;
use holdline::domain::delivery::State;
use serde_json::json;

use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::twilio::{ACCOUNT, Fake, NUMBERS, connect};

/// The account's token, as [`connect`] types it.
const TOKEN: &str = "hunter2";
/// Where the service of a test is seen from outside.
const OWN: &str = "http://localhost:8740";

/// Where a call goes, and what it is signed for.
struct To<'a> {
    /// The path that it is sent to.
    path: &'a str,
    /// The address that is signed.
    signed: String,
    key: &'a str,
}

/// Twilio's address for the message to that number, and its own name of it.
fn of(fake: &Fake, number: &str) -> (String, String) {
    let message = fake.messages(|all| all.iter().rev().find(|m| m["to"] == number).cloned()).unwrap();
    let at = message["status_callback"].as_str().expect("it is told where to report");
    (at.strip_prefix(OWN).unwrap().to_owned(), message["sid"].as_str().unwrap().to_owned())
}

fn form<'a>(sid: &'a str, status: &'a str, code: &'a str) -> BTreeMap<&'a str, &'a str> {
    [
        ("AccountSid", ACCOUNT),
        ("MessageSid", sid),
        ("MessageStatus", status),
        ("ErrorCode", code),
        ("To", "+41790000002"),
    ]
    .into()
}

async fn call(caller: &Caller, to: To<'_>, form: &BTreeMap<&str, &str>) -> Answer {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(to.key.as_bytes()).unwrap();
    mac.update(to.signed.as_bytes());
    for (name, value) in form {
        mac.update(format!("{name}{value}").as_bytes());
    }
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post(&format!("{}{}", caller.base, to.path))
        .body("application/x-www-form-urlencoded", body.into_bytes())
        .header("x-twilio-signature", &signature);
    caller.http.call(request).await.unwrap()
}

/// Twilio calls its address for the message with that.
async fn told(caller: &Caller, path: &str, form: &BTreeMap<&str, &str>) {
    let to = To { path, signed: format!("{OWN}{path}"), key: TOKEN };
    let answer = call(caller, to, form).await;
    assert!(answer.status == 200 && answer.body.is_empty(), "{answer:?}");
}

async fn shown(bench: &Bench, post: &str) -> DeliveryView {
    posts::get(&bench.app, &bench.operator, post).await.unwrap().deliveries.remove(0)
}

/// How often the log has that, and nothing in it that is nobody's business.
async fn logged(bench: &Bench, verb: &str) -> usize {
    let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
    let log = serde_json::to_string(&audit::list(&bench.app, &bench.administrator, &filter).await.unwrap())
        .unwrap();
    for hidden in ["4179000000", TOKEN, "…00"] {
        assert!(!log.contains(hidden), "{hidden}: {log}");
    }
    log.matches(verb).count()
}

async fn approved(bench: &Bench) -> String {
    let new =
        json!({ "kind": "routine", "channels": ["phones"], "source": { "text": "Card payments fail." } });
    bench.approved(new).await.id
}

on_both! {
    async fn a_doubt_whose_message_twilio_names_is_accepted(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS[..2]).await;
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        fake.loses(&[NUMBERS[1]]);
        let post = approved(&bench).await;
        let doubt = bench.until(&post, &["in_doubt"]).await.deliveries.remove(0);
        let (path, sid) = of(&fake, NUMBERS[1]);
        let other = path.replace(&doubt.id, &post);
        let sent = form(&sid, "sent", "");
        for (path, signed, key) in [
            (&path, format!("{OWN}{path}"), "hunter3"),
            (&path, format!("{OWN}{other}"), TOKEN),
            (&path, format!("https://evil.example{path}"), TOKEN),
            (&other, format!("{OWN}{other}"), TOKEN),
            (&"/api/v1/reports/sms/x".to_owned(), format!("{OWN}/api/v1/reports/sms/x"), TOKEN),
        ] {
            let answer = call(&caller, To { path, signed, key }, &sent).await;
            assert_eq!(answer.status, 403, "{path} {key}: {answer:?}");
        }
        let large = "x".repeat(64 << 10);
        let to = To { path: &path, signed: format!("{OWN}{path}"), key: TOKEN };
        assert_eq!(call(&caller, to, &form(&sid, "sent", &large)).await.status, 413);
        // Of another account, and a status that says nothing.
        let mut theirs = sent.clone();
        theirs.insert("AccountSid", "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
        told(&caller, &path, &theirs).await;
        told(&caller, &path, &form(&sid, "receiving", "")).await;
        assert_eq!(logged(&bench, "delivery.reported").await, 0);
        assert_eq!(shown(&bench, &post).await.state, State::InDoubt);
        told(&caller, &path, &sent).await;
        let after = bench.until(&post, &["accepted"]).await.deliveries.remove(0);
        assert_eq!(after.reason.as_deref(), Some("it went to all 2 recipients"));
        assert_eq!((logged(&bench, "delivery.reported").await, logged(&bench, "doubt.settled").await), (1, 1));
        assert_eq!(fake.copies(), [1, 1, 0, 0], "nothing is sent again");
        worker.stop().await.unwrap();
    }

    async fn what_does_not_arrive_is_told_with_its_code_and_what_arrived_stays_so(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS[..2]).await;
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let post = approved(&bench).await;
        bench.until(&post, &["accepted"]).await;
        let [first, second] = [NUMBERS[0], NUMBERS[1]].map(|number| of(&fake, number));
        for ((path, sid), status, code) in [
            (&second, "undelivered", "30003"),
            (&second, "undelivered", "30003"),
            (&second, "sent", ""),
            (&first, "delivered", ""),
            (&first, "sent", ""),
            (&first, "failed", "30008"),
        ] {
            told(&caller, path, &form(sid, status, code)).await;
        }
        let said = "it arrived for 1 so far, as the network says; it went to 1 of 2, NOT to 1; namely: …002: the \
            phone is off or out of reach, code 30003";
        assert_eq!(shown(&bench, &post).await.reason.as_deref(), Some(said));
        assert_eq!(logged(&bench, "delivery.reported").await, 2);
        assert_eq!(fake.copies(), [1, 1, 0, 0]);
        worker.stop().await.unwrap();
    }

    /// The attempt has the ledger in its hands until it ends: what is written into it beside that would be lost.
    async fn a_report_that_comes_before_our_own_answer_is_written_down_waits(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS[..2]).await;
        fake.answers.forget_permits(1_000);
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        fake.loses(&[NUMBERS[0]]);
        let post = approved(&bench).await;
        for _ in 0..400 {
            if fake.copies()[0] == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let (path, sid) = of(&fake, NUMBERS[0]);
        for _ in 0..2 {
            told(&caller, &path, &form(&sid, "delivered", "")).await;
        }
        reports::apply_waiting(&bench.app).await.unwrap();
        assert_eq!(shown(&bench, &post).await.state, State::Sending);
        assert_eq!(logged(&bench, "delivery.reported").await, 0);
        fake.answers.add_permits(1_000);
        // Its answer was lost, and the list shows nothing: without the report it would be in doubt for ever.
        bench.until(&post, &["in_doubt"]).await;
        reports::apply_waiting(&bench.app).await.unwrap();
        let after = bench.until(&post, &["accepted"]).await.deliveries.remove(0);
        let said = "it arrived for 1 so far, as the network says; it went to all 2 recipients";
        assert_eq!(after.reason.as_deref(), Some(said));
        assert_eq!(logged(&bench, "delivery.reported").await, 1);
        assert_eq!(fake.copies(), [1, 1, 0, 0], "nothing is sent again");
        worker.stop().await.unwrap();
    }
}
