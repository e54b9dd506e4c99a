//! Answers that no network gives: whatever a server says, an adapter ends, in time and without a panic, and what it
//! cannot read is never an absence.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::secret_tests::{Written, case, everything};
use super::{changed, http, job, read_request, revised};
use crate::http::Http;
use crate::{ALL, Adapter, Channel, Connection, Job, Pass, Sighting};

/// The field names that adapters look for, so that a made-up answer gets past the first look.
const KEYS: [&str; 77] = [
    "id",
    "data",
    "error",
    "errors",
    "message",
    "code",
    "posts",
    "uri",
    "cid",
    "ok",
    "ts",
    "channel",
    "result",
    "message_id",
    "status",
    "title",
    "detail",
    "name",
    "url",
    "link",
    "guid",
    "content",
    "text",
    "created_at",
    "created_time",
    "timestamp",
    "updated_at",
    "date",
    "published_at",
    "meta",
    "pagination",
    "paging",
    "next",
    "cursor",
    "elements",
    "records",
    "value",
    "record",
    "account",
    "accounts",
    "user",
    "user_id",
    "username",
    "did",
    "handle",
    "accessJwt",
    "refreshJwt",
    "expires_in",
    "access_token",
    "scope",
    "configuration",
    "statuses",
    "max_characters",
    "media_attachments",
    "attachments",
    "blob",
    "ref",
    "$link",
    "size",
    "event_id",
    "room_id",
    "chunk",
    "messages",
    "next_page_uri",
    "sid",
    "date_created",
    "contacts",
    "wa_id",
    "next_batch",
    "permalink_url",
    "scheduled_publish_time",
    "is_published",
    "scheduled_status",
    "scheduled_at",
    "next_cursor",
    "tweet_id",
    "permissions",
];

/// Words where an adapter expects a number, a time, an id or an address; and the other way round.
const WORDS: [&str; 16] = [
    "",
    "0",
    "-1",
    "7",
    "99999999999999999999999",
    "1e999",
    "9999-12-31T23:59:60Z",
    "+262143-12-31T23:59:59Z",
    "0000-00-00T00:00:00",
    "2026-11-29T22:00:00.000Z",
    "at://did:plc:bank/app.bsky.feed.post/3k",
    "urn:li:share:7",
    "http://[::1",
    "javascript:alert(1)",
    "100200300400500_9",
    "\u{0}\u{202e}\u{1f3f4}\u{e0067}",
];

/// The body of an answer.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![proptest::sample::select(&WORDS).prop_map(str::to_owned), ".{0,40}", "(é{2000})"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(5, 60, 6, |inner| {
        let entry = (proptest::sample::select(&KEYS), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(Value::from),
            proptest::collection::vec(entry, 0..9).prop_map(|entries| {
                Value::from(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>())
            }),
        ]
    });
    prop_oneof![
        8 => tree.clone().prop_map(|tree| tree.to_string().into_bytes()),
        2 => (tree, any::<prop::sample::Index>()).prop_map(|(tree, at)| {
            let mut text = tree.to_string().into_bytes();
            text.truncate(at.index(text.len()));
            text
        }),
        2 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => Just("[".repeat(20_000).into_bytes()),
        1 => Just("{\"data\":".repeat(6_000).into_bytes()),
        1 => Just(b"{\"id\":1e999,\"ts\":-0,\"ok\":true}".to_vec()),
        1 => Just(vec![b' '; 70_000]),
    ]
}

/// A whole answer, as bytes.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![
        4 => Just(200_u16),
        3 => proptest::sample::select(vec![201, 202, 204, 206, 302, 304, 400, 401, 403, 404, 409, 410, 413, 422, 429]),
        1 => proptest::sample::select(vec![418, 500, 502, 503, 504, 599, 999]),
    ];
    let header = prop_oneof![
        proptest::sample::select(vec![
            "Retry-After: -1",
            "Retry-After: 99999999999999999999",
            "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT",
            "Date: Sat, 31 Dec 9999 23:59:59 GMT",
            "Date: never",
            "RateLimit-Remaining: many",
            "RateLimit-Reset: 18446744073709551615",
            "x-ratelimit-reset: 9999-12-31T23:59:59Z",
            "X-RateLimit-Limit: -3",
            "X-RateLimit-Remaining: 0",
            "x-rate-limit-reset: 0",
            "Location: //",
            "ETag: \"",
            "X-App-Usage: {\"call_count\":1e9}",
            "X-Business-Use-Case-Usage: [[[",
            "X-WP-Total: x",
            "x-restli-id: ",
            "Link: <",
            "Content-Type: text/html; charset=nonsense",
            "Content-Encoding: gzip",
        ])
        .prop_map(str::to_owned),
        "[A-Za-z-]{1,20}: [ -~]{0,40}",
    ];
    (status, proptest::collection::vec(header, 0..4), body(), 0..8_usize).prop_map(
        |(status, headers, body, odd)| {
            let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
            // Now and then there is less than it says, or more.
            let length = match odd {
                0 => body.len() + 10,
                1 => body.len().saturating_sub(3),
                _ => body.len(),
            };
            let head = format!(
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
            );
            [head.as_bytes(), &body].concat()
        },
    )
}

/// A server whose answers are `next`'s.
async fn server(next: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let next = Arc::new(next);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(reply(socket, next()));
        }
    });
    url
}

async fn reply(mut socket: TcpStream, said: Vec<u8>) {
    read_request(&mut socket, true, |_| {}).await;
    let _ = socket.write_all(&said).await;
}

/// A channel of that adapter whose network is at this address, and an id as the network gives them.
fn channel(adapter: &Adapter, url: &str, http: &Arc<Http>) -> Option<(Box<dyn Channel>, &'static str)> {
    let case = case(adapter, url)?;
    let credential = Some(case.credential.replace("{url}", url).into());
    let clock = Arc::new(|| DateTime::from_timestamp(1_700_000_100, 0).unwrap());
    let (http, public_url) = (Arc::clone(http), "https://status.bank.example".parse().ok());
    let connection = Connection { settings: case.settings, credential, http, clock, public_url };
    Some(((adapter.connect)(&connection).unwrap(), case.id))
}

/// How often each adapter is asked everything.
const SEEDS: u8 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_makes_an_adapter_panic_or_hang() {
    let (http, mut tasks) = (http(), JoinSet::new());
    let mut names = std::collections::HashMap::new();
    for (adapter, seed) in ALL.iter().flat_map(|a| (0..SEEDS).map(move |seed| (a, seed))) {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let runner = Mutex::new(TestRunner::new_with_rng(Config::default(), rng));
        let url = server(move || said().new_tree(&mut runner.lock().unwrap()).unwrap().current()).await;
        let http = Arc::clone(&http);
        let task = tasks.spawn(async move {
            let Some((channel, id)) = channel(adapter, &url, &http) else { return 0 };
            let all = tokio::time::timeout(Duration::from_secs(240), everything(&*channel, id)).await;
            all.expect("it ends").len()
        });
        names.insert(task.id(), format!("{} with seed {seed}", adapter.name));
    }
    let mut asked = 0;
    while let Some(ended) = tasks.join_next().await {
        asked += ended.unwrap_or_else(|e| panic!("{}: {e}", names[&e.id()]));
    }
    assert!(asked > 3_000, "{asked} calls were made");
}

/// What a look may be told and cannot read, with a 200.
const UNREADABLE: [&str; 9] = [
    "",
    "null",
    "7",
    "\"posts\"",
    "{}",
    "[7]",
    "{\"data\":7}",
    "<html>Please sign in</html>",
    "{\"data\":[{\"id\":",
];

/// The delivery after an attempt whose answers could not be read, with what was written down for it.
async fn tried(adapter: &Adapter, channel: &dyn Channel) -> Job {
    let keeper = Arc::new(Written::default());
    let _ = channel.publish(&job(), &Pass::open_for_tests().kept_by(keeper.clone())).await;
    let kept = keeper.0.lock().unwrap().pop();
    let prepared = || "17841400000000001:18000000000000001".to_owned();
    let handle = kept.or_else(|| ["instagram", "threads"].contains(&adapter.name).then(prepared));
    Job { handle, ..job() }
}

/// What a look comes to, and whether the network was asked.
async fn looks(
    adapter: &Adapter,
    channel: &dyn Channel,
    id: &str,
    asked: &AtomicUsize,
) -> (bool, Vec<String>) {
    let (job, of) = (tried(adapter, channel).await, changed(id));
    let mut seen = Vec::new();
    let mut was_asked = false;
    for call in ["read back", "read revised", "by words"] {
        let before = asked.load(Ordering::SeqCst);
        let sighting = match call {
            "read back" => Some(channel.read_back(&job).await),
            "read revised" => Some(channel.read_revised(&of, &revised(id)).await),
            _ => channel.by_words(&job, None).await,
        };
        if asked.load(Ordering::SeqCst) == before {
            continue;
        }
        was_asked |= call == "read back";
        if matches!(sighting, Some(Sighting::Absent | Sighting::Gone(_))) {
            seen.push(format!("{} {call}: {sighting:?}", adapter.name));
        }
    }
    (was_asked, seen)
}

#[tokio::test]
async fn what_cannot_be_read_is_no_absence() {
    let (http, mut absent, mut asking) = (http(), Vec::new(), BTreeSet::new());
    for body in UNREADABLE {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let url = server(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            [head.as_bytes(), body.as_bytes()].concat()
        })
        .await;
        for adapter in ALL {
            let Some((channel, id)) = channel(adapter, &url, &http) else { continue };
            let (was_asked, seen) = looks(adapter, &*channel, id, &asked).await;
            absent.extend(seen.into_iter().map(|said| format!("{said} on {body:?}")));
            if was_asked {
                asking.insert(adapter.name);
            }
        }
    }
    let others = ["email", "website"];
    let readable = ALL.iter().filter(|a| a.capabilities.readable(false) && !others.contains(&a.name));
    assert_eq!(asking, readable.map(|a| a.name).collect(), "who asks the network when it reads back");
    assert!(absent.is_empty(), "{}", absent.join("\n"));
}
