//! The adapter for SMS against a scripted server and a strict one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

pub(super) use super::server::{ACCOUNT, KEY};
use super::server::{SECRET, SENDER, SERVICE, Twilio};
use super::*;
use crate::ledger::{Ledger, Recipient};
use crate::money::{Level, Money};
use crate::strict::{self, Fate, Memory, Strict};
use crate::suite::{self, Cut, Expected, Kit};
use crate::{Gate, Keeper, Other, Retry};

pub(super) const NUMBERS: [&str; 4] = ["+41790000001", "+41790000002", "+41790000003", "+41790000004"];
pub(super) const CREDENTIAL: &str = "SKbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb:hunter2";

pub(super) fn settings(url: &str, to: &[&str]) -> Value {
    json!({ "server": url, "account": ACCOUNT, "from": SENDER, "to": to.join(", ") })
}

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| settings(url, &NUMBERS[..1]),
        credential: Some(CREDENTIAL),
        secrets: &[SECRET, "41790000001"],
        before: vec![],
        quiet: 0,
        accepted: r#"{"sid":"SM00000000000000000000000000000001","status":"queued","to":"+41790000001"}"#,
        table: vec![
            (200, Expected::Accepted),
            (201, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Reconnect)),
            (408, Expected::InDoubt),
            (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
            (500, Expected::InDoubt),
            (502, Expected::InDoubt),
            (503, Expected::InDoubt),
            (504, Expected::InDoubt),
        ],
    }
}

fn one(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, settings(url, &NUMBERS[..1]), Some(CREDENTIAL)).unwrap()
}

/// A channel object of its own, as after a crash.
pub(super) fn four(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, settings(url, &NUMBERS), Some(CREDENTIAL)).unwrap()
}

pub(super) async fn open(fates: &[Fate]) -> Strict<Twilio> {
    Strict::start(Twilio::new(), fates).await
}

/// How many messages each of the four was sent.
pub(super) fn copies(server: &Strict<Twilio>) -> [usize; 4] {
    let state = server.state();
    NUMBERS.map(|n| state.network.copies(n))
}

fn note(receipt: &Receipt) -> &str {
    receipt.note.as_deref().unwrap()
}

pub(super) fn doubt(result: Result<Receipt, Failure>) -> String {
    match result {
        Err(Failure::InDoubt { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

/// A place before the one that a test is about.
pub(super) fn after(n: usize, fate: Fate) -> Vec<Fate> {
    std::iter::repeat_n(Fate::Done, n).chain([fate]).collect()
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most_and_it_is_found() {
    strict::outcomes(Twilio::new(), one, |twilio| twilio.messages.len(), true).await;
}

#[tokio::test]
async fn each_gets_what_was_approved() {
    let server = open(&[]).await;
    let memory = Memory::default();
    let mut job = memory.job();
    job.rendition.text = "Cards & payments: 50% + more\nhttps://bank.example/?a=1&b=2 ⚠️".to_owned();
    let receipt = four(&server.url).publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(note(&receipt), "it went to all 4 recipients");
    assert_eq!(receipt.remote_id, "SM00000000000000000000000000000001");
    assert_eq!(copies(&server), [1; 4]);
    assert!(server.state().network.messages.iter().all(|m| m["body"] == job.rendition.text));
    // Over a messaging service, and no later than the post's end.
    let mut settings = settings(&server.url, &NUMBERS[..1]);
    settings.as_object_mut().unwrap().remove("from");
    settings["messaging_service"] = SERVICE.into();
    let channel = suite::connect(&ADAPTER, settings, Some(CREDENTIAL)).unwrap();
    let pass = || Pass::open_for_tests().kept_by(std::sync::Arc::new(memory.clone()));
    job.valid_until = Some(job.permitted_at + chrono::TimeDelta::minutes(5));
    server.state().fates.push_back(Fate::DoneBut(500));
    doubt(channel.publish(&job, &pass()).await);
    let was_sent = copies(&server)[0];
    let validity = server.state().network.validity;
    assert!(validity < 300 && was_sent == 2, "{validity} {was_sent}");
    let seen = channel.read_back(&Job { handle: memory.handle(), ..job }).await;
    assert!(matches!(seen, Sighting::Unknown(_)), "two messages of that time: {seen:?}");
}

#[tokio::test]
async fn a_look_finds_what_was_sent_and_calls_nothing_absent() {
    let server = open(&after(1, Fate::DoneBut(500))).await;
    server.state().network.lags = true;
    let (memory, channel) = (Memory::default(), four(&server.url));
    assert_eq!(channel.read_back(&memory.job()).await, Sighting::Absent, "no request was made");
    doubt(strict::attempt_of(&*channel, &memory).await);
    let unknown = channel.read_back(&memory.job()).await;
    assert!(matches!(&unknown, Sighting::Unknown(why) if why.contains("sends it once more")), "{unknown:?}");
    let words = r#"{"code":20001,"message":"The 'To' number '+41 79 000 00 02' is odd"}"#;
    let odd = Fate::refused(400, "", words);
    for fate in [Fate::Refused(401, "", ""), Fate::Refused(200, "", "{}"), Fate::DoneBut(500), odd] {
        server.state().others.push_back(fate.clone());
        let seen = channel.read_back(&memory.job()).await;
        let Sighting::Unknown(why) = seen else { panic!("{fate:?}: {seen:?}") };
        assert!(why.contains("it went to 3 of 4") && !why.contains("79 000"), "{why}");
    }
    server.state().network.lags = false;
    let Sighting::Found(receipt) = channel.read_back(&memory.job()).await else { panic!() };
    assert_eq!(note(&receipt), "it went to all 4 recipients");
}

#[tokio::test]
async fn other_messages_to_a_number_are_not_taken_for_ours() {
    let server = open(&[Fate::Broken { done: false, at: Cut::BeforeStatus }]).await;
    let text = suite::job().rendition.text;
    server.state().network.other(NUMBERS[0], &text, 1_700_000_000);
    server.state().network.other(NUMBERS[0], "Other words.", 1_700_000_100);
    server.state().network.other(NUMBERS[1], &text, 1_700_000_100);
    let memory = Memory::default();
    server.state().network.other(NUMBERS[0], &text, 1_700_000_190);
    // Older, other words, another number, and made when no request was under way.
    doubt(strict::attempt_of(&*one(&server.url), &memory).await);
    let look = async |job: &Job| one(&server.url).read_back(job).await;
    assert!(matches!(look(&memory.job()).await, Sighting::Unknown(_)));
    server.state().network.other(NUMBERS[0], &text, 1_700_000_100);
    server.state().network.other(NUMBERS[0], &text, 1_700_000_101);
    let seen = look(&memory.job()).await;
    assert!(matches!(seen, Sighting::Unknown(_)), "two: nobody knows which is ours: {seen:?}");
    let sent = copies(&server)[0];
    memory.keep(&crate::ledger::judged(&memory.handle().unwrap(), true).unwrap()).await.unwrap();
    doubt(strict::attempt_of(&*one(&server.url), &memory).await);
    assert_eq!(copies(&server)[0], sent, "one of them may be ours, so no other is sent, whoever wants it");
    // Another delivery has the newer one.
    let newer = server.state().network.messages[0]["sid"].as_str().unwrap().to_owned();
    let delivery = "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d11".parse().unwrap();
    let mut theirs = Ledger::default();
    theirs.set(&Recipient::new(delivery, NUMBERS[0], "…001".to_owned()), Mark::Has(newer.clone()));
    let others = vec![Other { delivery, handle: theirs.written() }];
    let Sighting::Found(receipt) = look(&Job { others, ..memory.job() }).await else { panic!() };
    assert_ne!(receipt.remote_id, newer);
    for _ in 0..5 {
        server.state().network.other(NUMBERS[0], "Other words.", 1_700_000_300);
    }
    let seen = look(&memory.job()).await;
    assert!(matches!(&seen, Sighting::Unknown(why) if why.contains("only newer messages")), "{seen:?}");
}

/// A pass of a gate that a freeze closes after so many first bytes.
fn frozen_after(n: usize, memory: &Memory) -> Pass {
    let gate = Gate::closed(Duration::from_secs(60));
    let begun = AtomicUsize::new(0);
    let judge = move |_: &&str| (begun.fetch_add(1, Ordering::SeqCst) >= n).then(|| "freeze-1".to_owned());
    gate.open(1, Arc::new(judge), crate::gate::now());
    let pass = gate.admit("attempt-1", "routine", Box::new(|| true), crate::gate::now());
    pass.kept_by(Arc::new(memory.clone()))
}

#[tokio::test]
async fn a_freeze_in_the_middle_stops_there_and_the_rest_get_it_later() {
    let server = open(&[]).await;
    let memory = Memory::default();
    let stopped = four(&server.url).publish(&memory.job(), &frozen_after(2, &memory)).await;
    assert!(matches!(stopped, Err(Failure::Closed { partly: true, .. })), "{stopped:?}");
    assert_eq!(copies(&server), [1, 1, 0, 0]);
    let seen = four(&server.url).read_back(&memory.job()).await;
    let why = "it went to 2 of 4, and 2 still wait; another try goes on with them and doubles nothing";
    assert_eq!(seen, Sighting::Unknown(why.to_owned()));
    let receipt = strict::attempt_of(&*four(&server.url), &memory).await.unwrap();
    assert_eq!((copies(&server), note(&receipt)), ([1; 4], "it went to all 4 recipients"));
    // Nobody has it: nothing is partly out.
    let memory = Memory::default();
    let stopped = four(&server.url).publish(&memory.job(), &frozen_after(0, &memory)).await;
    assert!(matches!(stopped, Err(Failure::Closed { partly: false, .. })), "{stopped:?}");
    assert!(!crate::ledger::is_out(&memory.handle().unwrap()));
}

#[tokio::test]
async fn a_number_that_is_refused_stops_no_other() {
    let server = open(&[]).await;
    let refuse = |n: usize, code| server.state().network.refuses.insert(NUMBERS[n].to_owned(), code);
    refuse(0, 21_211);
    refuse(2, 21_610);
    let memory = Memory::default();
    let receipt = strict::attempt_of(&*four(&server.url), &memory).await.unwrap();
    assert_eq!(copies(&server), [0, 1, 0, 1]);
    let told = "it went to 2 of 4, NOT to 2; namely: …001 (no number that can be reached), …003 (the \
         recipient has opted out)";
    assert_eq!(note(&receipt), told);
    // What stood in the way of one may be mended by the next attempt.
    server.state().network.refuses.remove(NUMBERS[2]);
    assert!(strict::attempt_of(&*four(&server.url), &memory).await.is_ok());
    assert_eq!(copies(&server), [0, 1, 1, 1]);
    for n in 1..4 {
        refuse(n, 21_610);
    }
    let nobody = strict::attempt(&*four(&server.url)).await;
    let Err(Failure::Rejected { reason, retry: Retry::Never }) = nobody else { panic!("{nobody:?}") };
    assert!(reason.starts_with("it went to nobody; namely: …001 ("), "{reason}");
}

#[tokio::test]
async fn what_may_be_our_fault_is_nobodys_refusal_and_stops_no_other() {
    let server = open(&[]).await;
    let refuse = |n: usize, code| server.state().network.refuses.insert(NUMBERS[n].to_owned(), code);
    refuse(1, 21_408);
    refuse(2, 99_999);
    let memory = Memory::default();
    let why = doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    assert_eq!(copies(&server), [1, 0, 0, 1]);
    assert!(why.starts_with("the account may not send to that country; allow it"), "{why}");
    assert!(why.ends_with("; it went to 2 of 4, and 2 still wait"), "{why}");
    server.state().network.refuses.clear();
    assert!(strict::attempt_of(&*four(&server.url), &memory).await.is_ok());
    assert_eq!(copies(&server), [1; 4], "once the cause is mended");
    // Nobody has it.
    for (code, wanted) in [(21_608, Retry::Reconnect), (99_999, Retry::Never)] {
        for n in 0..4 {
            refuse(n, code);
        }
        let refused = strict::attempt(&*four(&server.url)).await;
        let Err(Failure::Rejected { reason, retry }) = refused else { panic!("{refused:?}") };
        assert!(retry == wanted && !reason.contains("4179"), "{retry:?} {reason}");
        assert!(code != 99_999 || reason.contains("code 99999"), "{reason}");
    }
}

#[tokio::test]
async fn what_is_the_same_for_all_stops_at_once() {
    let sender = || Fate::refused(400, "", r#"{"code":21603,"message":"The From number is missing"}"#);
    for (fate, said) in [(Fate::Refused(401, "", ""), "credential"), (sender(), "The From number")] {
        let server = open(&after(1, fate.clone())).await;
        let memory = Memory::default();
        let why = doubt(strict::attempt_of(&*four(&server.url), &memory).await);
        assert!(why.contains(said) && why.ends_with("it went to 1 of 4, and 3 still wait"), "{why}");
        assert_eq!(server.state().requests.len(), 2);
        assert!(strict::attempt_of(&*four(&server.url), &memory).await.is_ok());
        assert_eq!(copies(&server), [1; 4], "the rest get it once the cause is mended");
    }
    let server = open(&[sender()]).await;
    let refused = strict::attempt(&*four(&server.url)).await;
    assert!(matches!(refused, Err(Failure::Rejected { retry: Retry::Reconnect, .. })), "{refused:?}");
}

#[tokio::test]
async fn an_answer_that_asks_to_wait_is_waited_for() {
    let busy = Fate::Refused(429, "", r#"{"code":20429,"message":"Too Many Requests"}"#);
    let fates = [Fate::Done, busy.clone(), busy.clone(), Fate::Done, busy];
    let server = open(&fates).await;
    assert!(strict::attempt(&*four(&server.url)).await.is_ok());
    assert_eq!((copies(&server), server.state().requests.len()), ([1; 4], 7));
    // Longer than an attempt may take: those who have it have it, and the next attempt goes on by itself.
    let server = open(&after(1, Fate::Refused(429, "Retry-After: 600\r\n", ""))).await;
    let memory = Memory::default();
    let waits = strict::attempt_of(&*four(&server.url), &memory).await;
    let Err(Failure::Rejected { reason, retry }) = waits else { panic!("{waits:?}") };
    assert_eq!(retry, Retry::Later(Duration::from_secs(600)));
    assert!(reason.ends_with("it went to 1 of 4, and 3 still wait"), "{reason}");
    assert!(strict::attempt_of(&*four(&server.url), &memory).await.is_ok());
    assert_eq!(copies(&server), [1; 4]);
    // One answer after the other is lost: no more are risked.
    let server = open(&vec![Fate::Broken { done: false, at: Cut::BeforeStatus }; 4]).await;
    doubt(strict::attempt(&*four(&server.url)).await);
    let sent = server.state().requests.iter().filter(|asked| asked.starts_with("POST")).count();
    assert_eq!(sent, 3);
}

#[tokio::test]
async fn what_never_arrives_is_gone_and_what_is_out_is_named() {
    let server = open(&[]).await;
    let (memory, channel) = (Memory::default(), four(&server.url));
    assert_eq!(channel.retract(&memory.job(), None).await, Retraction::StillLive(NOT_OURS.to_owned()));
    let receipt = strict::attempt_of(&*channel, &memory).await.unwrap();
    let id = Some(receipt.remote_id.as_str());
    let said = channel.retract(&memory.job(), id).await;
    let told = "it never arrives for 0; it is out, or may be, for 4";
    assert!(matches!(&said, Retraction::StillLive(why) if why.starts_with(told)), "{said:?}");
    // The list is newest first.
    server.state().network.fail_but(&[1]);
    let Retraction::StillLive(why) = channel.retract(&memory.job(), id).await else { panic!() };
    let told = "it is out, or may be, for 1; send a correction; namely: …003";
    assert_eq!(why, format!("it never arrives for 3; {told}"));
    server.state().network.fail_but(&[]);
    server.state().others.push_back(Fate::Broken { done: true, at: Cut::BeforeStatus });
    let said = channel.retract(&memory.job(), id).await;
    assert!(matches!(&said, Retraction::StillLive(why) if why.contains("never arrives for 3")), "{said:?}");
    assert_eq!(channel.retract(&memory.job(), id).await, Retraction::Gone);
}

#[tokio::test]
async fn one_that_cannot_be_asked_for_stops_no_other() {
    let server = open(&after(1, Fate::DoneBut(500))).await;
    let memory = Memory::default();
    doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    server.state().network.fail_but(&[]);
    server.state().others.push_back(Fate::Refused(401, "", ""));
    let said = four(&server.url).retract(&memory.job(), None).await;
    let told = "it never arrives for 3; it is out, or may be, for 1; send a correction; namely: …002";
    assert!(matches!(&said, Retraction::StillLive(why) if why.ends_with(told)), "{said:?}");
    // Nothing more is sent of it, whoever asks.
    memory.keep(&crate::ledger::withdrawn(&memory.handle().unwrap()).unwrap()).await.unwrap();
    let down = strict::attempt_of(&*four(&server.url), &memory).await;
    assert!(matches!(down, Err(Failure::Rejected { retry: Retry::Never, .. })), "{down:?}");
    let seen = four(&server.url).read_back(&memory.job()).await;
    assert!(matches!(&seen, Sighting::Unknown(why) if why.contains("wanted it taken down")), "{seen:?}");
    assert_eq!(four(&server.url).retract(&memory.job(), None).await, Retraction::Gone);
}

#[tokio::test]
async fn a_check_tells_whether_the_account_is_active() {
    let server = open(&[]).await;
    let check = async || one(&server.url).check().await;
    let well = check().await;
    assert_eq!((well.ready, &*well.detail), (true, "sends to its list of 1"));
    assert_eq!(well.facts.account.as_deref(), Some(ACCOUNT));
    server.state().network.kind = "Trial";
    assert!(check().await.detail.contains("on trial"));
    for status in ["suspended", "closed"] {
        server.state().network.status = Some(status);
        let health = check().await;
        assert!(!health.ready && health.detail.contains(status), "{health:?}");
    }
    server.state().network.status = None;
    assert!(check().await.ready, "a standard key may send all the same");
    server.state().others.extend([Fate::Refused(401, "", ""), Fate::Refused(401, "", "")]);
    assert!(!check().await.ready);
}

#[tokio::test]
async fn a_check_tells_the_money_and_is_not_ready_without_any() {
    let server = open(&[]).await;
    let check = async |warn_below: Option<&str>| {
        let mut with = settings(&server.url, &NUMBERS[..1]);
        if let Some(least) = warn_below {
            with["warn_below"] = least.into();
        }
        suite::connect(&ADAPTER, with, Some(CREDENTIAL)).unwrap().check().await
    };
    let level = |health: &Health| match &health.facts.money {
        Some(Money::Told { amount, currency, level }) => Some((format!("{amount} {currency}"), *level)),
        _ => None,
    };
    let told = |amount: &str, level| Some((format!("{amount} USD"), level));
    let well = check(None).await;
    assert_eq!((well.ready, level(&well)), (true, told("57.20", Level::Enough)));
    let low = check(Some("57.21")).await;
    assert_eq!((low.ready, level(&low)), (true, told("57.20", Level::Low)));
    for gone in ["0", "0.00", "-12.5"] {
        server.state().network.balance = Some(gone);
        let seen = check(None).await;
        assert_eq!((seen.ready, level(&seen)), (false, told(gone, Level::Gone)));
        assert_eq!(seen.detail, crate::money::NO_MONEY);
    }
    for (balance, status) in [(None, Some("active")), (Some("much"), Some("active")), (Some("5"), None)] {
        server.state().network.balance = balance;
        server.state().network.status = status;
        let seen = check(Some("50")).await;
        assert_eq!((seen.ready, seen.facts.money), (true, None), "{balance:?} {status:?}");
    }
}
