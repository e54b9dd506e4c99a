//! The adapter for WhatsApp against a scripted server and a strict one.

use std::time::Duration;

use super::server::{ACCOUNT, Cloud, NUMBER, TOKEN};
use super::*;
use crate::Keeper;
use crate::ledger;
use crate::strict::{self, Fate, Memory, Strict};
use crate::suite::{self, Cut, Expected, Kit};

pub(super) const NUMBERS: [&str; 4] = ["+41790000001", "+41790000002", "+41790000003", "+41790000004"];
/// The suite's post inside of fixed words.
const BODY: &str = "Payments are {{1}} We are working on it.";

fn settings(url: &str, to: &[&str]) -> Value {
    json!({ "server": url, "number": NUMBER, "account": ACCOUNT, "to": to.join(", "),
        "templates": format!("crisis_update en\n{BODY}\n---\ncrisis_update it\nParole {{{{1}}}}.") })
}

fn kit() -> Kit {
    let template = json!({ "data": [{ "name": "crisis_update", "language": "en", "status": "APPROVED",
        "components": [{ "type": "BODY", "text": BODY }] }] });
    Kit {
        adapter: ADAPTER,
        settings: |url| settings(url, &NUMBERS[..1]),
        credential: Some(TOKEN),
        secrets: &["hunter2", "41790000001"],
        before: vec![suite::answer(200, "", &template.to_string())],
        quiet: 1,
        accepted: r#"{"messaging_product":"whatsapp","contacts":[{"input":"+41790000001","wa_id":"41790000001"}],
            "messages":[{"id":"wamid.HBgLNDE3OTAwMDAwMDE","message_status":"accepted"}]}"#,
        table: vec![
            (200, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Never)),
            (408, Expected::InDoubt),
            (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
            (500, Expected::InDoubt),
            (502, Expected::InDoubt),
            (503, Expected::InDoubt),
            (504, Expected::InDoubt),
        ],
    }
}

fn to(url: &str, numbers: &[&str]) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, settings(url, numbers), Some(TOKEN)).unwrap()
}

/// A channel object of its own, as after a crash.
fn four(url: &str) -> Box<dyn Channel> {
    to(url, &NUMBERS)
}

fn cloud() -> Cloud {
    Cloud::new("crisis_update", "en", BODY)
}

async fn open(fates: &[Fate]) -> Strict<Cloud> {
    Strict::start(cloud(), fates).await
}

/// How many messages each of the four was sent.
fn copies(server: &Strict<Cloud>) -> [usize; 4] {
    let state = server.state();
    NUMBERS.map(|n| state.network.copies(n))
}

pub(super) fn doubt(result: Result<Receipt, Failure>) -> String {
    match result {
        Err(Failure::InDoubt { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

pub(super) fn refusal(result: Result<Receipt, Failure>) -> (String, Retry) {
    match result {
        Err(Failure::Rejected { reason, retry }) => (reason, retry),
        other => panic!("{other:?}"),
    }
}

fn after(n: usize, fate: Fate) -> Vec<Fate> {
    std::iter::repeat_n(Fate::Done, n).chain([fate]).collect()
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most() {
    strict::outcomes(cloud(), |url| to(url, &NUMBERS[..1]), |c| c.messages.len(), false).await;
}

#[tokio::test]
async fn people_read_what_was_approved_word_for_word() {
    let server = open(&[]).await;
    let memory = Memory::default();
    let frame = (ADAPTER.frame.unwrap())(&settings(&server.url, &NUMBERS), "en-GB", false).unwrap();
    let mut job = memory.job();
    job.rendition.text =
        frame.around("slow: 50 % & \"more\" \\ *now* {{1}} ⚠️ https://bank.example/?a=1&b=2");
    let receipt = four(&server.url).publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.note.as_deref(), Some("it went to all 4 recipients"));
    assert_eq!(receipt.remote_id, format!("wamid.HBgL{:030}", 1));
    assert_eq!(copies(&server), [1; 4]);
    assert!(server.state().network.messages.iter().all(|m| m["text"] == job.rendition.text));
    // The template is read before the first message, over two pages, and once.
    let read = format!("GET /v26.0/{ACCOUNT}/message_templates");
    let sent = format!("POST /v26.0/{NUMBER}/messages");
    let mut asked = vec![read.clone(), read];
    asked.extend(std::iter::repeat_n(sent, 4));
    assert_eq!(server.state().requests, asked);
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    // The fixed words count, too.
    job.rendition.text = frame.around(&"a".repeat(1_024));
    let over = frame.around("").len();
    let said = format!("is {over} too long; the limit is 1024");
    assert_eq!(text::check(&job.rendition, &ADAPTER.limits)[0].message, said);
}

#[tokio::test]
async fn who_is_in_doubt_is_sent_it_no_second_time_and_the_rest_get_theirs() {
    let server = open(&after(1, Fate::DoneBut(500))).await;
    let (memory, channel) = (Memory::default(), four(&server.url));
    let why = doubt(strict::attempt_of(&*channel, &memory).await);
    assert!(why.ends_with("it went to 3 of 4, 0 still wait, and nobody knows of 1; namely: …002"), "{why}");
    assert_eq!(copies(&server), [1; 4]);
    assert!(matches!(channel.read_back(&memory.job()).await, Sighting::Unknown(_)));
    // Whoever wants it.
    for _ in 0..2 {
        memory.keep(&ledger::judged(&memory.handle().unwrap(), true).unwrap()).await.unwrap();
        let why = doubt(strict::attempt_of(&*four(&server.url), &memory).await);
        assert!(why.starts_with(NO_LOOK) && why.contains("nobody knows of 1"), "{why}");
        assert_eq!(copies(&server), [1; 4]);
    }
    // Three lost answers in a row stop it; the last one gets it afterwards.
    let server = open(&vec![Fate::Broken { done: true, at: Cut::BeforeStatus }; 3]).await;
    let memory = Memory::default();
    doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    assert_eq!(copies(&server), [1, 1, 1, 0]);
    doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    assert_eq!(copies(&server), [1; 4]);
}

#[tokio::test]
async fn nothing_leaves_when_the_template_is_another_one_at_meta() {
    let body = |text: &str| json!([{ "type": "BODY", "text": text }]);
    let footer = json!([{ "type": "BODY", "text": BODY }, { "type": "FOOTER", "text": "Win a car!" }]);
    for (field, value, said) in [
        ("status", json!("PAUSED"), "is PAUSED at Meta"),
        ("status", json!("pending\u{202e}"), "is pending at Meta"),
        ("language", json!("en_US"), "Meta has no template crisis_update in en;"),
        ("name", json!("crisis_update_2"), "Meta has no template crisis_update in en;"),
        ("components", body("Payments are {{1}} All is well."), "other words at Meta"),
        ("components", json!([{ "type": "HEADER", "text": BODY }]), "other words at Meta"),
        ("components", json!([]), "more than a body"),
        ("components", footer, "more than a body"),
    ] {
        let server = open(&[]).await;
        server.state().network.template()[field] = value;
        let memory = Memory::default();
        let (reason, retry) = refusal(strict::attempt_of(&*four(&server.url), &memory).await);
        assert!(reason.contains(said) && retry == Retry::Reconnect, "{reason}");
        assert!(server.state().requests.iter().all(|asked| asked.starts_with("GET")), "{said}");
        assert!(!ledger::is_out(&memory.handle().unwrap()));
        let health = four(&server.url).check().await;
        assert!(!health.ready && health.detail == reason, "the check says it before: {health:?}");
        *server.state().network.template() = cloud().template().clone();
        assert!(strict::attempt_of(&*four(&server.url), &memory).await.is_ok(), "once it is mended");
        assert_eq!(copies(&server), [1; 4]);
    }
    // How its lines end, and blanks around it, are no other words.
    let server = open(&[]).await;
    server.state().network.template()["components"] = body(&format!("\r\n{BODY} "));
    assert!(strict::attempt(&*four(&server.url)).await.is_ok());
}

#[tokio::test]
async fn a_template_that_cannot_be_read_sends_nothing_and_is_read_again() {
    for fate in [Fate::Refused(500, "", ""), Fate::Refused(200, "", "{}"), Fate::Refused(404, "", "")] {
        let server = open(&[]).await;
        server.state().others.push_back(fate.clone());
        let (reason, retry) = refusal(strict::attempt(&*four(&server.url)).await);
        assert_eq!((retry, copies(&server)), (Retry::Backoff, [0; 4]), "{fate:?}: {reason}");
    }
    // It became another one while the rest waited: they do not get it, and what is out is not forgotten.
    let wait = Fate::Refused(429, "Retry-After: 600\r\n", "");
    let server = open(&after(1, wait)).await;
    let memory = Memory::default();
    let (_, retry) = refusal(strict::attempt_of(&*four(&server.url), &memory).await);
    assert_eq!(retry, Retry::Later(Duration::from_secs(600)));
    server.state().network.template()["status"] = "DISABLED".into();
    let why = doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    assert!(
        why.contains("is DISABLED at Meta") && why.ends_with("it went to 1 of 4, and 3 still wait"),
        "{why}"
    );
    server.state().network.template()["status"] = "APPROVED".into();
    assert!(strict::attempt_of(&*four(&server.url), &memory).await.is_ok());
    assert_eq!(copies(&server), [1; 4]);
}

#[tokio::test]
async fn what_is_no_message_of_the_settings_is_refused_without_a_request() {
    let server = open(&[]).await;
    let with = async |text: &str, language: &str| {
        let mut job = suite::job();
        (job.rendition.text, job.rendition.language) = (text.to_owned(), language.to_owned());
        refusal(four(&server.url).publish(&job, &Pass::open_for_tests()).await)
    };
    for (text, language, said) in [
        ("Payments are slow.", "en", OTHER_WORDS),
        ("Payments are slow. We are working on it.", "it", OTHER_WORDS),
        ("Payments are slow. We are working on it.", "fr", NO_TEMPLATE),
        ("Payments are slow,\nthat is. We are working on it.", "en", "the text holds a line break"),
        ("Payments are very\tslow. We are working on it.", "en", "the text holds a line break"),
        ("Payments are      slow. We are working on it.", "en", "the text holds more than four blanks"),
        ("Payments are  We are working on it.", "en", "the text is empty"),
    ] {
        let (reason, retry) = with(text, language).await;
        assert!(reason.starts_with(said) && retry == Retry::Never, "{text:?}: {reason}");
    }
    assert!(server.state().requests.is_empty());
}

#[tokio::test]
async fn a_refusal_of_one_number_stops_no_other_and_names_none() {
    let server = open(&[]).await;
    let refuse = |n: usize, code| server.state().network.refuses.insert(NUMBERS[n].to_owned(), code);
    refuse(0, 131_026);
    refuse(2, 131_050);
    let receipt = strict::attempt(&*four(&server.url)).await.unwrap();
    assert_eq!(copies(&server), [0, 1, 0, 1]);
    let told = "it went to 2 of 4, NOT to 2; namely: …001 (not on WhatsApp, or cannot get it there), …003 (the \
         recipient has opted out)";
    assert_eq!(receipt.note.as_deref(), Some(told));
    // What may be our fault is nobody's refusal.
    for (code, said) in [
        (131_030, "a number for tests"),
        (130_497, "may not send to that country"),
        (131_056, "too much in a short time"),
        (131_009, "Meta refuses the post (status 400)"),
        (139_999, "Meta refuses the post (status 400)"),
        (100, "Meta refuses the post"),
    ] {
        server.state().network.refuses.clear();
        refuse(1, code);
        let memory = Memory::default();
        let why = doubt(strict::attempt_of(&*four(&server.url), &memory).await);
        assert!(why.contains(said) && !why.contains("4179"), "{code}: {why}");
        assert!(why.ends_with("it went to 3 of 4, and 1 still wait"), "{code}: {why}");
    }
}

#[tokio::test]
async fn what_is_the_same_for_all_stops_at_once() {
    for (status, code, said, wanted) in [
        (401, 190, "the access token is refused", Retry::Reconnect),
        (403, 131_005, "lacks a permission", Retry::Reconnect),
        (403, 131_031, "Meta has restricted the account", Retry::Reconnect),
        (403, 368, "Meta has restricted the account", Retry::Reconnect),
        (400, 131_037, "the name of the number", Retry::Reconnect),
        (400, 131_042, "no valid payment", Retry::Reconnect),
        (500, 131_045, "is not registered", Retry::Reconnect),
        (400, 131_048, "called it spam", Retry::Reconnect),
        (404, 132_001, "no such approved template", Retry::Reconnect),
        (400, 132_015, "paused or disabled", Retry::Reconnect),
        (400, 132_018, "does not take these words", Retry::Never),
        (500, 131_057, "in maintenance", Retry::Backoff),
        (400, 130_429, "Meta asks us to wait", Retry::After(Duration::from_secs(60))),
    ] {
        let words = format!(r#"{{"error":{{"code":{code},"message":"(#{code}) odd +41 79 000 00 01"}}}}"#);
        let server = open(&[Fate::refused(status, "", words)]).await;
        let memory = Memory::default();
        let (reason, retry) = refusal(strict::attempt_of(&*four(&server.url), &memory).await);
        assert!(reason.contains(said) || reason.starts_with("Meta refuses the post"), "{code}: {reason}");
        assert!(retry == wanted && !reason.contains("79 000"), "{code}: {retry:?} {reason}");
        assert_eq!(copies(&server), [0; 4], "{code}");
        assert!(strict::attempt_of(&*four(&server.url), &memory).await.is_ok());
        assert_eq!(copies(&server), [1; 4], "{code}: once the cause is mended");
    }
    // A code that does not say what was done is a doubt.
    for (status, code) in [(500, 131_000), (400, 131_000), (500, 131_016), (503, 2), (400, 1), (500, 131_026)]
    {
        let told = format!(r#"{{"error":{{"code":{code},"message":"odd"}}}}"#);
        let server = open(&[Fate::DoneButTold(status, told)]).await;
        let why = doubt(strict::attempt(&*to(&server.url, &NUMBERS[..1])).await);
        assert!(why.contains("nobody knows of 1"), "{code}: {why}");
    }
}

#[tokio::test]
async fn what_meta_holds_back_is_told() {
    let server = open(&[]).await;
    server.state().network.holds = true;
    let receipt = strict::attempt(&*four(&server.url)).await.unwrap();
    let told =
        "Meta holds 4 of them back to look at the template, and may drop them; it went to all 4 recipients";
    assert_eq!(receipt.note.as_deref(), Some(told));
    // What names no message may have made one.
    for id in ["", "1", "wamid.", "wamid.a b"] {
        let told = json!({ "messages": [{ "id": id }] }).to_string();
        let server = open(&[Fate::DoneButTold(200, told)]).await;
        assert!(doubt(strict::attempt(&*to(&server.url, &NUMBERS[..1])).await).contains("names no message"));
    }
}

#[tokio::test]
async fn nothing_is_taken_back_and_who_has_it_is_told() {
    let server = open(&after(1, Fate::DoneBut(500))).await;
    let (memory, channel) = (Memory::default(), four(&server.url));
    assert_eq!(channel.retract(&memory.job(), None).await, Retraction::StillLive(NOT_OURS.to_owned()));
    doubt(strict::attempt_of(&*channel, &memory).await);
    let Retraction::StillLive(why) = channel.retract(&memory.job(), None).await else { panic!() };
    let said =
        "WhatsApp takes no message back; it is out, or may be, for 4; send a correction; namely: …002, …001";
    assert!(why.starts_with(said), "{why}");
    assert!(!ledger::public(&why).contains("…00"));
    assert!(server.state().requests.iter().all(|asked| !asked.starts_with("DELETE")));
}

#[tokio::test]
async fn a_check_tells_name_quality_limit_and_what_arrives_late() {
    let server = open(&[]).await;
    let check = async || four(&server.url).check().await;
    let well = check().await;
    let said = "sends as Bank AG to its list of 4; quality at Meta: GREEN, people a day at most: 2K";
    assert_eq!((well.ready, well.detail.as_str(), well.facts.account.as_deref()), (true, said, Some(NUMBER)));
    for ttl in [Value::Null, json!(-1), json!(86_400)] {
        server.state().network.template()["message_send_ttl_seconds"] = ttl;
        let late = check().await;
        assert!(late.ready && late.detail.ends_with("at Meta: crisis_update"), "{late:?}");
    }
    server.state().network.scopes = vec!["whatsapp_business_messaging"];
    assert!(!check().await.ready);
    server.state().others.push_back(Fate::Refused(401, "", ""));
    assert!(!check().await.ready);
}

#[test]
fn settings_are_checked_and_no_number_is_repeated() {
    let with = |name: &str, value: &str| {
        let mut settings = settings("http://127.0.0.1:1", &NUMBERS);
        settings[name] = value.into();
        suite::connect(&ADAPTER, settings, Some(TOKEN)).err().unwrap_or_default()
    };
    for (name, value, said) in [
        ("number", "+41790000009", "digits only"),
        ("account", "me/../x", "digits only"),
        ("to", "+41790000001, 0790000002", "the setting to: entry 2"),
        ("templates", "Bank AG: {{1}}", "the setting templates"),
        ("version", "26", "the setting version"),
    ] {
        let error = with(name, value);
        assert!(error.contains(said) && !error.contains("90000002"), "{name}: {error}");
    }
    let error = suite::connect(&ADAPTER, settings("http://127.0.0.1:1", &NUMBERS), Some("hunter 2"));
    assert!(!error.err().unwrap().contains("hunter"));
    let shown = ADAPTER.shown(&settings("http://127.0.0.1:1", &NUMBERS));
    assert!(shown["to"].as_str().unwrap().starts_with("4 numbers (sha256"), "{shown}");
    assert!(shown["templates"].as_str().unwrap().contains(BODY), "approvers see the fixed words");
}
