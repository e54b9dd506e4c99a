//! Looking for an event on a strict homeserver: among others, under wrong clocks, and when it is not as expected.

use serde_json::json;

use super::server::{Api, ME, ROOM, TOKEN, event};
use super::*;
use crate::strict::{Fate, Memory, Strict, attempt_of};
use crate::suite;

const EVIL: &str = "@x:evil.example";

async fn open(api: Api, fates: &[Fate]) -> (Strict<Api>, Box<dyn Channel>) {
    let server = Strict::start(api, fates).await;
    let settings = json!({ "server": server.url, "room": ROOM });
    let channel = suite::connect(&ADAPTER, settings, Some(TOKEN)).unwrap();
    (server, channel)
}

/// With an attempt whose answer was lost, and what was written down before it.
async fn in_doubt(api: Api) -> (Strict<Api>, Box<dyn Channel>, Memory) {
    let (server, channel) = open(api, &[Fate::DoneBut(500)]).await;
    let memory = Memory::default();
    let failure = attempt_of(&*channel, &memory).await.unwrap_err();
    assert!(matches!(failure, Failure::InDoubt { .. }), "{failure:?}");
    (server, channel, memory)
}

/// What an event of another delivery holds.
fn other() -> Value {
    json!({ "holdline.delivery": "01936d3c-1c5e-7a3b-8000-000000000000", "body": "x" })
}

/// What an event of this delivery holds.
fn ours() -> Value {
    json!({ "holdline.delivery": suite::job().delivery.to_string(), "body": "x" })
}

/// A room with these events of the account.
fn room(events: Vec<Value>) -> Api {
    Api { events, ..Api::new() }
}

fn unknown(why: &str) -> Sighting {
    Sighting::Unknown(why.to_owned())
}

#[tokio::test]
async fn a_post_is_found_whatever_the_servers_take_for_the_time() {
    // The server's clock is behind or ahead by years; so are those of others in the room.
    for (own, others) in [(1, 1), (1, i64::MAX), (i64::MAX, 1), (1_700_000_060_000, 1)] {
        let (server, channel, memory) = in_doubt(room(vec![event(90, ME, other())])).await;
        let mut api = server.state().network.clone();
        api.events[1]["origin_server_ts"] = own.into();
        for n in 10..30 {
            // Bridges and other servers write any time, and on the account's own server, too.
            let sender = if n % 2 == 0 { EVIL } else { "@bridge:bank.example" };
            let mut event = event(n, sender, json!({ "body": "y" }));
            event["origin_server_ts"] = others.into();
            api.events.push(event);
        }
        let mut newer = event(91, ME, other());
        newer["origin_server_ts"] = own.into();
        api.events.push(newer);
        server.state().network = api;
        let seen = channel.read_back(&memory.job()).await;
        assert!(
            matches!(&seen, Sighting::Found(r) if r.remote_id.ends_with(" $e2")),
            "{own} {others}: {seen:?}"
        );
        // Another attempt sends nothing, whichever device it is.
        let settings = json!({ "server": server.url, "room": ROOM });
        let device = suite::connect(&ADAPTER, settings, Some("syt_hunter2_b")).unwrap();
        assert!(attempt_of(&*device, &memory).await.unwrap().remote_id.ends_with(" $e2"));
        assert_eq!(server.state().network.events.len(), 23);
    }
}

#[tokio::test]
async fn it_is_absent_only_when_the_look_went_back_to_what_was_there_before() {
    let lost = || Fate::Broken { done: false, at: suite::Cut::BeforeStatus };
    let attempted = async |events| {
        let (server, channel) = open(room(events), &[lost()]).await;
        let memory = Memory::default();
        assert!(matches!(attempt_of(&*channel, &memory).await, Err(Failure::InDoubt { .. })));
        (server, channel, memory)
    };
    let (server, channel, memory) = attempted(vec![event(1, ME, other()), event(2, EVIL, ours())]).await;
    assert_eq!(memory.handle(), Some(format!("{ME} $e1")), "the account's newest message");
    assert_eq!(channel.read_back(&memory.job()).await, Sighting::Absent);
    // More messages of the account than a look reads, and then the base once more within reach.
    let many = |n| (0..n).map(|n| event(100 + n, ME, other())).collect::<Vec<_>>();
    server.state().network.events.extend(many(70));
    assert_eq!(channel.read_back(&memory.job()).await, unknown(TOO_MANY));
    server.state().network.events.truncate(40);
    assert_eq!(channel.read_back(&memory.job()).await, Sighting::Absent);
    // The room does not show any more what was there.
    server.state().network.events.remove(0);
    assert_eq!(channel.read_back(&memory.job()).await, unknown(CUT));
    // Without a message of the account the beginning of the room is needed.
    let (server, channel, memory) = attempted(vec![event(2, EVIL, ours())]).await;
    assert_eq!(memory.handle(), Some(format!("{ME} -")));
    assert_eq!(channel.read_back(&memory.job()).await, Sighting::Absent);
    server.state().network.events.extend(many(70));
    assert_eq!(channel.read_back(&memory.job()).await, unknown(TOO_MANY));
}

#[tokio::test]
async fn an_event_of_another_account_is_for_a_person() {
    // The token was replaced by that of another account.
    let (server, channel, memory) = in_doubt(Api::new()).await;
    let mut job = memory.job();
    job.handle = Some("@old:bank.example $e0".to_owned());
    server.state().network.events[0]["sender"] = "@old:bank.example".into();
    assert_eq!(channel.read_back(&job).await, unknown(OTHER));
    let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
    assert_eq!(failure, Failure::InDoubt { reason: OTHER.to_owned() });
    assert_eq!(server.state().network.events.len(), 1, "nothing is sent");
    // One that this account cannot see is not absent.
    server.state().network.events.clear();
    assert_eq!(channel.read_back(&job).await, unknown(CUT));
    server.state().network.events.push(event(0, EVIL, other()));
    assert_eq!(channel.read_back(&job).await, unknown(SENT_BY_OTHER));
    // Without a base all messages are looked at; somebody else's copy hides nothing.
    job.handle = None;
    server.state().network.events.push(event(1, ME, ours()));
    server.state().network.events.push(event(2, EVIL, ours()));
    assert!(matches!(channel.read_back(&job).await, Sighting::Found(_)));
    server.state().network.events.remove(1);
    assert_eq!(channel.read_back(&job).await, unknown(OTHER));
}

#[tokio::test]
async fn what_cannot_be_told_is_not_called_absent() {
    let base = || room(vec![event(90, ME, other())]);
    let taken_down = json!({ "sender": EVIL, "content": {} });
    for (change, expected) in [
        // From another device, and taken down by somebody.
        (json!({ "content": {}, "unsigned": { "redacted_because": taken_down } }), UNCLEAR),
        // The words are gone, or never were as expected.
        (json!({ "content": {} }), UNCLEAR),
        (json!({ "content": null }), UNCLEAR),
        (json!({ "content": [] }), UNCLEAR),
        (json!({ "content": { "body": 7 } }), UNCLEAR),
        // Without an id, a sender.
        (json!({ "content": ours(), "event_id": null }), UNCLEAR),
        (json!({ "content": ours(), "event_id": "e\u{1b}" }), UNCLEAR),
        (json!({ "content": ours(), "sender": 7 }), UNCLEAR),
        // Changed by hand, on a server that shows the change only.
        (json!({ "content": { "body": "z" }, "unsigned": { "m.relations": { "m.replace": {} } } }), UNCLEAR),
    ] {
        let (server, channel, memory) = in_doubt(base()).await;
        let at = change.as_object().unwrap();
        server.state().network.events[1].as_object_mut().unwrap().extend(at.clone());
        if at.get("unsigned").is_none() {
            server.state().network.events[1]["unsigned"] = json!({});
        }
        let mut job = memory.job();
        if at.contains_key("sender") {
            job.handle = None; // A server that is asked for the account's messages gives no others.
        }
        assert_eq!(channel.read_back(&job).await, unknown(expected), "{change}");
    }
    for page in ["{}", "[]", r#"{"chunk":{}}"#, r#"{"chunk":[],"end":7}"#] {
        let (server, channel, memory) = in_doubt(base()).await;
        server.state().others = [Fate::Refused(200, "", page)].into();
        assert!(matches!(channel.read_back(&memory.job()).await, Sighting::Unknown(_)), "{page}");
    }
    // A server that does not say whose token it is.
    for who in ["{}", r#"{"user_id":"bank"}"#, r#"{"user_id":"@a b:c"}"#] {
        let (server, _, memory) = in_doubt(base()).await;
        server.state().others = [Fate::Refused(200, "", who)].into();
        let settings = json!({ "server": server.url, "room": ROOM });
        let channel = suite::connect(&ADAPTER, settings, Some(TOKEN)).unwrap();
        assert!(matches!(channel.read_back(&memory.job()).await, Sighting::Unknown(_)), "{who}");
    }
}

#[tokio::test]
async fn a_post_that_was_taken_down_by_us_stands_in_nobodys_way() {
    let (server, channel) = open(Api::new(), &[]).await;
    let first = Memory::default();
    let before = attempt_of(&*channel, &first).await.unwrap();
    // Another delivery, in doubt: the first one is taken down meanwhile, and its transaction forgotten.
    let mut job = suite::job();
    job.delivery = "01936d3c-1c5e-7a3b-8000-000000000000".parse().unwrap();
    job.handle = Some(format!("{ME} -"));
    assert_eq!(channel.retract(&first.job(), Some(&before.remote_id)).await, Retraction::Gone);
    server.state().network.events[0]["unsigned"].as_object_mut().unwrap().remove("transaction_id");
    assert_eq!(channel.read_back(&job).await, Sighting::Absent);
    assert_eq!(channel.read_back(&first.job()).await, unknown(TAKEN_DOWN));
    // A redaction of somebody else can say anything.
    server.state().network.events[0]["unsigned"]["redacted_because"]["sender"] = EVIL.into();
    assert_eq!(channel.read_back(&job).await, unknown(UNCLEAR));
}
