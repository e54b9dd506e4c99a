//! What WhatsApp says later of messages, as Meta calls with it.

use std::time::Duration;

use channels::http::{Answer, Request};
use hmac::{Hmac, KeyInit, Mac};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::posts::{self, DeliveryView};
use holdline::app::reports;
use holdline::domain::delivery::State;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::visitor::read;
use crate::whatsapp::{Meta, new};

const SECRET: &str = "0123456789abcdefhunter2";
const CREDENTIAL: &str = "EAAhunter2 0123456789abcdefhunter2 verify-token-hunter2";
const FIRST: &str = "+41790000001";
const SECOND: &str = "+41790000002";

async fn connect(bench: &mut Bench) -> Meta {
    let meta = Meta::start().await;
    bench.connect_with("wa", "whatsapp", meta.settings(), Some(CREDENTIAL)).await;
    meta
}

fn at(caller: &Caller, channel: &str) -> String {
    caller.url(&format!("/reports/whatsapp/{channel}"))
}

fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// What Meta says of one message.
fn status(name: &str, message: &str, what: &str) -> Value {
    json!({ "id": message, "status": what, "timestamp": "1764410400", "recipient_id": "41790000001",
        "biz_opaque_callback_data": name, "errors": [{ "code": 131_026, "title": "to +41790000001" }] })
}

fn call(number: &str, statuses: &[Value]) -> String {
    let value = json!({ "messaging_product": "whatsapp", "statuses": statuses,
        "metadata": { "display_phone_number": "41790000000", "phone_number_id": number } });
    json!({ "object": "whatsapp_business_account",
        "entry": [{ "id": "2002", "changes": [{ "value": value, "field": "messages" }] }] })
    .to_string()
}

async fn post(caller: &Caller, channel: &str, signature: &str, body: &str) -> Answer {
    let request = Request::post(&at(caller, channel)).body("application/json", body.as_bytes().to_vec());
    caller.http.call(request.header("x-hub-signature-256", signature)).await.unwrap()
}

/// Meta says this of messages of the channel's number.
async fn told(caller: &Caller, channel: &str, statuses: &[Value]) {
    let body = call("1001", statuses);
    let answer = post(caller, channel, &sign(SECRET, &body), &body).await;
    assert!(answer.status == 200 && answer.body.is_empty(), "{answer:?}");
}

async fn shown(bench: &Bench, post: &str) -> DeliveryView {
    posts::get(&bench.app, &bench.operator, post).await.unwrap().deliveries.remove(0)
}

/// The entries of the log with that verb.
async fn logged(bench: &Bench, verb: &str) -> Vec<String> {
    let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
    let all = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
    let all: Vec<Value> = serde_json::from_value(serde_json::to_value(all).unwrap()).unwrap();
    all.into_iter().filter(|entry| entry["entry"]["verb"] == verb).map(|entry| entry.to_string()).collect()
}

/// A post that is sent, and not to its end.
async fn sending(bench: &Bench, meta: &Meta, until: &str) -> String {
    let sent = bench.approved(new("Cards fail.", "en")).await;
    for _ in 0..400 {
        if meta.name(until).is_some() {
            return sent.id;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it is not sent");
}

on_both! {
    async fn calls_that_trickle_in_take_no_more_than_their_room(bench) {
        let mut bench = bench;
        let _meta = connect(&mut bench).await;
        let caller = Caller::new(&bench).await;
        let address = caller.base.trim_start_matches("http://").to_owned();
        let trickle = async || {
            let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
            let head = "POST /api/v1/reports/whatsapp/x HTTP/1.1\r\nhost: bank.example\r\ncontent-type: application/json\r\n\
                content-length: 3000000\r\n\r\n{";
            socket.write_all(head.as_bytes()).await.unwrap();
            socket
        };
        let arrives = || tokio::time::sleep(Duration::from_millis(500));
        let mut open = Vec::new();
        for _ in 0..15 {
            open.push(trickle().await);
        }
        arrives().await;
        assert_eq!(post(&caller, "x", "sha256=00", "{}").await.status, 403, "there is room for one more");
        // One takes it. Those in line have longer than it takes until the room is theirs.
        open.push(trickle().await);
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..16 {
            open.push(trickle().await);
        }
        arrives().await;
        let full = post(&caller, "x", "sha256=00", "{}").await;
        assert_eq!((full.status, full.header("retry-after")), (503, Some("60")), "{full:?}");
        assert!(String::from_utf8_lossy(&full.body).contains("too many calls are under way"), "{full:?}");
        let form = Request::post(&caller.url("/reports/sms/x")).body("application/x-www-form-urlencoded", b"a=b".to_vec());
        assert_eq!(caller.http.call(form).await.unwrap().status, 403, "the others have a room of their own");
        // Who is slow is sent away, and leaves the room to others.
        let mut told = [0; 12];
        open[0].read_exact(&mut told).await.unwrap();
        assert_eq!(&told, b"HTTP/1.1 422");
        assert_eq!(post(&caller, "x", "sha256=00", "{}").await.status, 403, "there is room again");
        drop(open);
        // Whoever hangs up takes no time: all rooms are free at once.
        for _ in 0..3 {
            let all: Vec<_> = futures::future::join_all((0..16).map(|_| trickle())).await;
            arrives().await;
            drop(all);
        }
        let began = std::time::Instant::now();
        assert_eq!(post(&caller, "x", "sha256=00", "{}").await.status, 403);
        assert!(began.elapsed() < Duration::from_secs(3), "nobody is waited for who has gone");
    }

    async fn meta_asks_first_and_only_the_verify_token_is_the_leave(bench) {
        let mut bench = bench;
        let meta = connect(&mut bench).await;
        let channel = bench.channels.last().unwrap().clone();
        bench.connect_with("bare", "whatsapp", meta.settings(), Some("EAAhunter2")).await;
        let (bare, sandbox) = (bench.channels.last().unwrap().clone(), bench.channels[0].clone());
        let caller = Caller::new(&bench).await;
        let ask = async |channel: &str, mode: &str, token: &str, challenge: &str| {
            let mut url: url::Url = at(&caller, channel).parse().unwrap();
            let asked = [("hub.mode", mode), ("hub.verify_token", token), ("hub.challenge", challenge)];
            url.query_pairs_mut().extend_pairs(asked);
            caller.http.call(Request::get(url.as_str())).await.unwrap()
        };
        let token = "verify-token-hunter2";
        let answer = ask(&channel, "subscribe", token, "1158201444").await;
        assert_eq!((answer.status, answer.body.as_ref()), (200, b"1158201444".as_slice()));
        for (channel, mode, token, challenge) in [
            (channel.as_str(), "subscribe", "verify-token-hunter3", "1158201444"),
            (&channel, "subscribe", SECRET, "1158201444"),
            (&channel, "subscribe", "", "1158201444"),
            (&channel, "unsubscribe", token, "1158201444"),
            (&channel, "subscribe", token, "<script>"),
            (&channel, "subscribe", token, &"1".repeat(201)),
            (&bare, "subscribe", token, "1158201444"),
            (&bare, "subscribe", "", "1158201444"),
            (&sandbox, "subscribe", token, "1158201444"),
            ("none", "subscribe", token, "1158201444"),
        ] {
            let answer = ask(channel, mode, token, challenge).await;
            assert_eq!(answer.status, 403, "{channel} {mode} {token} {challenge}: {answer:?}");
            assert!(!String::from_utf8_lossy(&answer.body).contains("hunter"), "{answer:?}");
        }
        // Where Meta is to call is told to those who may connect it.
        let cookie = sign_in(&bench, &bench.administrator).await.cookie;
        let page = read(&caller, &cookie, &format!("/console/settings/channels/{channel}")).await;
        assert!(page.contains(&format!("/api/v1/reports/whatsapp/{channel}")), "{page}");
    }

    async fn a_status_settles_a_doubt_and_nothing_is_sent_again(bench) {
        let mut bench = bench;
        let meta = connect(&mut bench).await;
        *meta.loses.lock().unwrap() = Some(SECOND);
        let channel = bench.channels.last().unwrap().clone();
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let sent = bench.approved(new("Cards fail.", "en")).await;
        let doubt = bench.until(&sent.id, &["in_doubt"]).await.deliveries.remove(0);
        let name = meta.name(SECOND).unwrap();
        let body = call("1001", &[status(&name, "wamid.2", "sent")]);
        for wrong in [String::new(), "sha256=".into(), sign("0123456789abcdef0123456", &body), sign(SECRET, "{}")] {
            let answer = post(&caller, &channel, &wrong, &body).await;
            assert_eq!(answer.status, 403, "{wrong}: {answer:?}");
        }
        let bare = Request::post(&at(&caller, &channel)).body("application/json", body.clone().into_bytes());
        assert_eq!(caller.http.call(bare).await.unwrap().status, 403);
        assert_eq!(shown(&bench, &sent.id).await.reason, doubt.reason);
        assert!(logged(&bench, "delivery.reported").await.is_empty());
        told(&caller, &channel, &[status(&name, "wamid.2", "sent")]).await;
        let after = bench.until(&sent.id, &["accepted"]).await.deliveries.remove(0);
        assert_eq!(after.reason.as_deref(), Some("it went to all 2 recipients"));
        assert_eq!(meta.messages().len(), 2, "nothing is sent again");
        let (reported, settled) = (logged(&bench, "delivery.reported").await, logged(&bench, "doubt.settled").await);
        assert_eq!((reported.len(), settled.len()), (1, 1), "{reported:?} {settled:?}");
        for hidden in ["4179000000", "hunter2", "…00"] {
            assert!(!reported[0].contains(hidden) && !settled[0].contains(hidden), "{reported:?} {settled:?}");
        }
        worker.stop().await.unwrap();
    }

    async fn a_failure_names_who_does_not_have_it_and_no_order_or_stranger_undoes_that(bench) {
        let mut bench = bench;
        let meta = connect(&mut bench).await;
        let channel = bench.channels.last().unwrap().clone();
        let other = json!({ "number": "1002", "account": "2002", "to": FIRST, "templates": "crisis en_US\nNews: {{1}}" });
        bench.connect_with("other", "whatsapp", other, Some(&CREDENTIAL.replace("0123", "9999"))).await;
        let another = bench.channels.last().unwrap().clone();
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let sent = bench.approved(new("Cards fail.", "en")).await;
        let before = bench.until(&sent.id, &["accepted"]).await.deliveries.remove(0);
        let (first, second) = (meta.name(FIRST).unwrap(), meta.name(SECOND).unwrap());
        let gone = status(&second, "wamid.2", "failed");
        // Nothing of these is about a message of this channel's number.
        let unknown = second.replace(&second[..36], &sent.id);
        for statuses in [
            call("1002", std::slice::from_ref(&gone)),
            call("1001", &[status(&unknown, "wamid.2", "failed")]),
            call("1001", &[status("theirs", "wamid.2", "failed"), status(&second, "wamid.7", "failed")]),
            call("1001", &[]),
            "not JSON".to_owned(),
        ] {
            let answer = post(&caller, &channel, &sign(SECRET, &statuses), &statuses).await;
            assert_eq!(answer.status, 200, "{statuses}: {answer:?}");
        }
        // Of another app, as its own secret proves.
        let body = call("1001", std::slice::from_ref(&gone));
        let answer = post(&caller, &another, &sign(&SECRET.replace("0123", "9999"), &body), &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(shown(&bench, &sent.id).await.reason, before.reason);
        assert!(logged(&bench, "delivery.reported").await.is_empty());
        told(&caller, &channel, std::slice::from_ref(&gone)).await;
        let said = "it went to 1 of 2, NOT to 1; namely: …002: not on WhatsApp, or cannot get it there, code 131026";
        assert_eq!(shown(&bench, &sent.id).await.reason.as_deref(), Some(said));
        // Once more; sent after that; read before delivered; and a failure after it was read.
        for (name, message, what) in [
            (&second, "wamid.2", "failed"),
            (&second, "wamid.2", "sent"),
            (&first, "wamid.1", "read"),
            (&first, "wamid.1", "delivered"),
            (&first, "wamid.1", "failed"),
        ] {
            told(&caller, &channel, &[status(name, message, what)]).await;
        }
        let after = shown(&bench, &sent.id).await;
        assert_eq!(after.reason, Some(format!("it arrived for 1 so far, as the network says; {said}")));
        assert_eq!((after.state, after.settled_at), (before.state, before.settled_at));
        assert_eq!(logged(&bench, "delivery.reported").await.len(), 2);
        assert_eq!(meta.messages().len(), 2);
        let large = format!("{body}{}", " ".repeat(3 << 20));
        assert_eq!(post(&caller, &channel, &sign(SECRET, &large), &large).await.status, 413);
        worker.stop().await.unwrap();
    }

    /// The attempt has the ledger in its hands until it ends: what is written into it beside that would be lost.
    async fn a_status_that_comes_before_our_own_answer_is_written_down_waits(bench) {
        let mut bench = bench;
        let meta = connect(&mut bench).await;
        *meta.loses.lock().unwrap() = Some(FIRST);
        meta.answers.forget_permits(1_000);
        let channel = bench.channels.last().unwrap().clone();
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let sent = sending(&bench, &meta, SECOND).await;
        let names = [FIRST, SECOND].map(|number| meta.name(number).unwrap());
        told(&caller, &channel, &[status(&names[0], "wamid.1", "sent"), status(&names[1], "wamid.2", "delivered")]).await;
        told(&caller, &channel, &[status(&names[0], "wamid.1", "sent")]).await;
        reports::apply_waiting(&bench.app).await.unwrap();
        assert_eq!(shown(&bench, &sent).await.state, State::Sending);
        assert!(logged(&bench, "delivery.reported").await.is_empty());
        meta.answers.add_permits(1_000);
        // The first answer was lost: without the status it would be in doubt for ever.
        bench.until(&sent, &["in_doubt"]).await;
        reports::apply_waiting(&bench.app).await.unwrap();
        let after = bench.until(&sent, &["accepted"]).await.deliveries.remove(0);
        let said = "it arrived for 1 so far, as the network says; it went to all 2 recipients";
        assert_eq!(after.reason.as_deref(), Some(said));
        assert_eq!(logged(&bench, "delivery.reported").await.len(), 1);
        assert_eq!(meta.messages().len(), 2, "nothing is sent again");
        worker.stop().await.unwrap();
    }
}
