//! Recognisable credentials that an administrator types, one for each adapter, on networks that repeat whatever they
//! are sent: they are in no log, error, answer, entry of the log or table, also when an adapter panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use channels::{ALL, http};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::channels::{self as app_channels, NewChannel};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::console::sign_in;
use crate::kill::Victim;
use crate::planted::{Lines, around};
use crate::support::caller::Caller;
use crate::support::traces::traces;
use crate::support::visitor::{read, text};
use crate::support::{Bench, Database};

/// A server that refuses, or breaks, and repeats who asks, for what, and with which words.
async fn repeat(State(asked): State<Arc<AtomicUsize>>, request: Request) -> Response {
    const SAID: [u16; 5] = [401, 500, 403, 422, 400];
    let n = asked.fetch_add(1, Ordering::SeqCst);
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 100_000).await.unwrap_or_default();
    let auth = head.headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let words = format!("bad {auth} at {} with {}", head.uri, String::from_utf8_lossy(&body));
    let error = json!({ "error": words, "message": words, "description": words, "errcode": words, "detail": words,
        "title": words, "code": words, "errors": [{ "message": words, "type": words }] });
    (StatusCode::from_u16(SAID[n % SAID.len()]).unwrap(), axum::Json(error)).into_response()
}

async fn start() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let routes = Router::new().fallback(repeat).with_state(Arc::clone(&asked));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (url, asked)
}

/// A mail server that repeats the log-in, and refuses it.
async fn mail_server(logins: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(talk(socket, Arc::clone(&logins)));
        }
    });
    port
}

async fn talk(mut socket: TcpStream, logins: Arc<AtomicUsize>) {
    let (read, mut write) = socket.split();
    let mut lines = BufReader::new(read).lines();
    let _ = write.write_all(b"220 ready\r\n").await;
    while let Ok(Some(line)) = lines.next_line().await {
        let said = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-me\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" => {
                logins.fetch_add(1, Ordering::SeqCst);
                format!("535 5.7.8 planted-typed-mail is wrong: {line}")
            }
            _ => "250 ok".to_owned(),
        };
        if write.write_all(format!("{said}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The key and the token say who asks, and stand in each request; the secrets never do.
const X_ADS: &str = "plantedtypedkey plantedtypedappsecret 75-plantedtypedtoken plantedtypedtokensecret";

/// Settings, the credential, and the words of it that must be nowhere.
type Typed = (Value, String, Vec<String>);

/// A new adapter must be added here.
fn typed(adapter: &str, url: &str, port: u16) -> Option<Typed> {
    let on = |mut more: Value| {
        more["server"] = url.into();
        more
    };
    let word = format!("planted-typed-{adapter}");
    let (settings, credential) = match adapter {
        // They have no credential.
        "website" | "sandbox" => return None,
        "bluesky" => (on(json!({ "account": "bank.test" })), word),
        "buffer" => (on(json!({ "org": "org1" })), word),
        "discord" => (json!({}), format!("{url}/api/webhooks/77/{word}")),
        "discord_bot" => (on(json!({ "channel": "6" })), "MTIz.planted.typed-bot".into()),
        "ghost" => (json!({ "url": url }), format!("6489b1a3c0c4d2a1b3e5f701:{}", "0c".repeat(32))),
        "linkedin" => (on(json!({ "organization": "4711" })), word),
        "facebook" => (on(json!({ "page": "100200300400500" })), "EAAplantedtypedfacebook".into()),
        "instagram" => (on(json!({ "user": "17841400000000001" })), "EAAplantedtypedinstagram".into()),
        "mastodon" | "x" => (on(json!({})), word),
        "postiz" => (json!({ "url": url }), word),
        "hootsuite" => (on(json!({ "client": "app", "member": "42" })), word),
        "x_ads" => (on(json!({ "account": "18ce54d4x5t" })), X_ADS.into()),
        "matrix" => (on(json!({ "room": "!room:bank.example" })), "syt_planted_typed_matrix".into()),
        "mixpost" => (on(json!({ "workspace": "3bbd0951-5b04-432b-b2a0-688588b0720e" })), word),
        "slack" => (on(json!({ "channel": "C024BE91L" })), "xoxb-planted-typed-slack".into()),
        "sms" => (
            on(
                json!({ "account": "AC00000000000000000000000000000001", "from": "+15005550006", "to": "+41790000001" }),
            ),
            "SKbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb:plantedtypedsms:plantedtypedtoken".into(),
        ),
        "teams" => (
            json!({}),
            format!(
                "{url}/powerautomate/automations/direct/workflows/ab12/triggers/manual/paths/invoke?api-version=1&sig={word}"
            ),
        ),
        "telegram" => (on(json!({ "chat": "@bank" })), "123456:planted-typed_telegram".into()),
        "threads" => (on(json!({ "user": "17841400000000001" })), "THAAplantedtypedthreads".into()),
        "webhook" => (json!({ "url": url }), "whsec_planted/typed/webhook/key/that+is+long+AAAAA".into()),
        "whatsapp" => (
            on(json!({ "number": "106540352242922", "account": "102290129340398", "to": "+41790000001",
                "templates": "crisis_update en\nNews: {{1}} More follows." })),
            "EAAplantedtypedwhatsapp plantedtypedappsecret plantedtypedverifytoken".into(),
        ),
        "wordpress" => (json!({ "url": url, "account": "press" }), "planted typed word press".into()),
        "email" => (
            json!({ "host": "127.0.0.1", "port": port, "security": "none", "user": "holdline",
                "from": "Bank <press@bank.example>", "to": "ana@example.org" }),
            "planted-typed-mail".into(),
        ),
        other => panic!("{other} is not planted"),
    };
    let mut words = vec![credential.rsplit(['/', ':', '=']).next().unwrap().to_owned()];
    words.push(credential.clone());
    let login = |user: &str| STANDARD_NO_PAD.encode(format!("{user}{credential}"));
    match adapter {
        "wordpress" => words.extend([login("press:"), credential.replace(' ', "")]),
        "email" => words.extend([login("\0holdline\0"), login("")]),
        "sms" => {
            let sent = credential.rsplit_once(':').unwrap().0;
            words.extend(["plantedtypedsms".to_owned(), STANDARD_NO_PAD.encode(sent), login("")]);
        }
        "x_ads" => words.extend(["plantedtypedappsecret", "plantedtypedtokensecret"].map(str::to_owned)),
        "whatsapp" => words.extend(credential.split(' ').map(str::to_owned)),
        _ => {}
    }
    Some((settings, credential, words))
}

/// Connects a channel of each adapter; their names, and what must be nowhere.
async fn connect(bench: &mut Bench, url: &str, port: u16) -> (Vec<&'static str>, Vec<String>) {
    let (mut names, mut planted) = (Vec::new(), Vec::new());
    for adapter in ALL {
        let Some((settings, credential, words)) = typed(adapter.name, url, port) else { continue };
        bench.connect_with(adapter.name, adapter.name, settings, Some(&credential)).await;
        // Instagram takes no post without a picture; its check asks all the same.
        if adapter.capabilities.publishes && adapter.name != "instagram" {
            names.push(adapter.name);
        }
        planted.extend(words);
    }
    (names, planted)
}

async fn story(database: Database) {
    let lines = Lines::default();
    let every = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone());
    // One thread does all of it, so that all of it is seen.
    let _logs = tracing::subscriber::set_default(every.finish());
    let mut bench = Bench::new(database).await;
    let (url, asked) = start().await;
    let logins = Arc::new(AtomicUsize::new(0));
    let port = mail_server(Arc::clone(&logins)).await;
    let (names, planted) = connect(&mut bench, &url, port).await;
    let worker = bench.start().await;
    let source = json!({ "title": "Cards", "text": "Payments are slow." });
    let sent = bench.approved(json!({ "kind": "routine", "channels": names, "source": source })).await;
    let until = Instant::now() + Duration::from_secs(60);
    while asked.load(Ordering::SeqCst) < names.len() || logins.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < until, "{asked:?} requests, {logins:?} log-ins");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut answers = String::new();
    let all = bench.channels.clone();
    for id in &all {
        let tested = app_channels::test(&bench.app, &bench.administrator, id).await;
        answers +=
            &format!("{tested:?} {}", tested.as_ref().err().map(ToString::to_string).unwrap_or_default());
    }
    let view = bench.until(&sent.id, &["failed", "in_doubt", "scheduled", "sending", "accepted"]).await;
    answers += &serde_json::to_string(&view).unwrap();
    let caller = Caller::new(&bench).await;
    let channel_paths = all.iter().map(|id| format!("/channels/{id}"));
    let paths = ["/channels", "/readiness", "/audit?limit=500"].map(str::to_owned).into_iter();
    for path in paths.chain(channel_paths).chain([format!("/posts/{}", sent.id)]) {
        answers += &text(&caller.administer(http::Request::get(&caller.url(&path))).await);
    }
    let signed = sign_in(&bench, &bench.administrator).await;
    for path in ["/console/settings/channels", "/console/settings/readiness", "/console/audit"] {
        answers += &read(&caller, &signed.cookie, path).await;
    }
    worker.stop().await.unwrap();
    let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
    for entry in audit::list(&bench.app, &bench.administrator, &filter).await.unwrap() {
        answers += &entry.entry.to_string();
    }
    let logged = lines.text();
    assert!(logged.contains("TRACE") && answers.contains("refuse"), "something was said");
    assert!(planted.len() > 2 * names.len(), "{planted:?}");
    for word in planted {
        assert!(!answers.contains(&word), "{word} is in an answer: {}", around(&answers, &word));
        assert!(!logged.contains(&word), "{word} is in the log: {}", around(&logged, &word));
        assert_eq!(traces(&bench, &word).await, Vec::<String>::new(), "{word} is in the database");
    }
}

#[tokio::test]
async fn no_typed_credential_is_anywhere_on_sqlite() {
    story(Database::Sqlite).await;
}

#[tokio::test]
async fn no_typed_credential_is_anywhere_on_postgres() {
    story(Database::Postgres).await;
}

/// The real service, whose adapter panics in the middle of a request with the credential in its hands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_an_adapter_shows_no_credential() {
    let (url, asked) = start().await;
    let new = |adapter: &str| {
        let (settings, credential, _) = typed(adapter, &url, 1).unwrap();
        let (name, brand) = (adapter.into(), "main".into());
        NewChannel {
            name,
            adapter: adapter.into(),
            brand,
            settings,
            credential: Some(credential.into()),
            drill: false,
        }
    };
    let victim = Victim::with(Database::Sqlite, ["telegram", "x"].map(new).into()).await;
    victim.queue().await;
    let mut child = victim.serve(Some(("HOLDLINE_PANIC_AT", "begun:1")));
    let until = Instant::now() + Duration::from_secs(90);
    let log = loop {
        let log = std::fs::read_to_string(victim.log()).unwrap_or_default();
        if log.contains("an adapter has panicked") && asked.load(Ordering::SeqCst) > 2 {
            break log;
        }
        assert!(Instant::now() < until, "no panic: {log}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    child.kill().await.unwrap();
    assert!(!log.contains("planted"), "{log}");
}
