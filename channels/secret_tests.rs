//! Whatever a server says, and however it repeats what it was sent, no secret of a channel is in anything that comes
//! back from an adapter: one loop over all of them, and over all that is asked of one.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{changed, connect, http, job, read_request, revised};
use crate::http::Http;
use crate::scheduler::{Kept, Scheduler};
use crate::{ALL, Adapter, Channel, Connection, Failure, Job, Keeper, Pass, Receipt};

/// A channel with a secret in all that may hold one.
pub(super) struct Case {
    pub settings: Value,
    /// `{url}` in it is the server's address.
    pub credential: &'static str,
    /// Parts of it that must not be seen.
    secrets: &'static [&'static str],
    /// An id as this network gives them.
    pub id: &'static str,
}

const UUID: &str = "3bbd0951-5b04-432b-b2a0-688588b0720e";
const GHOST_KEY: &str =
    "6489b1a3c0c4d2a1b3e5f701:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
const TEAMS: &str = "{url}/powerautomate/automations/direct/workflows/ab12/triggers/manual/paths/invoke?api-version=1&sig=hunter2%2Bx";

/// A new adapter must be added here.
pub(super) fn case(adapter: &Adapter, url: &str) -> Option<Case> {
    let on = |mut more: Value| {
        more["server"] = url.into();
        more
    };
    let (settings, credential, id) = match adapter.name {
        // The service's own page has neither a server nor a secret, and mail is another protocol: it is tried below.
        "website" | "email" => return None,
        "bluesky" => (
            on(json!({ "account": "bank.test" })),
            "hunter2-app-pass",
            "at://did:plc:bank/app.bsky.feed.post/3k",
        ),
        "buffer" => (on(json!({ "org": "org1" })), "hunter2-key", "p1"),
        "discord" => (json!({}), "{url}/api/webhooks/77/hunter2", "6:101"),
        "discord_bot" => (on(json!({ "channel": "6" })), "MTIz.hunter2.abc", "6:101"),
        "ghost" => (json!({ "url": url }), GHOST_KEY, "6489b1a3c0c4d2a1b3e50001"),
        "linkedin" => (on(json!({ "organization": "4711" })), "hunter2-token", "urn:li:share:7"),
        "facebook" => (on(json!({ "page": "100200300400500" })), "EAAhunter2", "100200300400500_9"),
        "instagram" => (on(json!({ "user": "17841400000000001" })), "EAAhunter2", "18000000000000001"),
        "mastodon" => (on(json!({})), "hunter2-token", "9"),
        "hootsuite" => (on(json!({ "client": "app", "member": "42" })), "hunter2-key", "9"),
        "matrix" => (on(json!({ "room": "!room:bank.example" })), "syt_hunter2_a", "$e1"),
        "mixpost" => (on(json!({ "workspace": UUID })), "hunter2-key", UUID),
        "postiz" => (json!({ "url": url }), "hunter2-key", "p1"),
        "sandbox" => (json!({ "url": format!("{url}/demo?token=hunter2") }), "hunter2", "9"),
        "slack" => {
            (on(json!({ "channel": "C024BE91L" })), "xoxb-hunter2-hunter2", "C024BE91L:1700000100.000100")
        }
        "sms" => (
            on(
                json!({ "account": "AC00000000000000000000000000000001", "from": "+15005550006", "to": "+41790000001" }),
            ),
            "SKbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb:hunter2",
            "SM00000000000000000000000000000001",
        ),
        "teams" => (json!({}), TEAMS, "1"),
        "telegram" => (on(json!({ "chat": "@bank" })), "123456:hunter2-hunter2_hunter2", "123456:-1001:7"),
        "threads" => (on(json!({ "user": "17841400000000001" })), "THAAhunter2", "18000000000000001"),
        "webhook" => (
            json!({ "url": format!("{url}/hunter2?token=hunter2") }),
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "key-1",
        ),
        "whatsapp" => (
            on(json!({ "number": "106540352242922", "account": "102290129340398", "to": "+41790000001",
                "templates": "crisis_update en\nPayments are {{1}} We are working on it." })),
            "EAAhunter2",
            "wamid.HBgL",
        ),
        "wordpress" => (json!({ "url": url, "account": "press" }), "hunter2 abcd efgh", "7"),
        "x" => (on(json!({})), "hunter2-token", "7"),
        "x_ads" => (on(json!({ "account": "18ce54d4x5t" })), "app-key hunter2 75-token hunter2-token", "7"),
        other => panic!("{other} is not tried"),
    };
    let secrets: &[&str] = match adapter.name {
        "ghost" => &["0b0b0b0b0b"],
        "webhook" => &["hunter2", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "sms" | "whatsapp" => &["hunter2", "41790000001"],
        _ => &["hunter2"],
    };
    Some(Case { settings, credential, secrets, id })
}

/// All that servers repeat.
const SECRETS: &str = "hunter2, EAAhunter2, MTIz.hunter2.abc, xoxb-hunter2-hunter2, +41790000001, \
    6489b1a3c0c4d2a1b3e5f701:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b, \
    whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How a server repeats words: in the fields that networks have for them, or bare.
type Shape = fn(&str) -> String;

const SHAPES: [Shape; 6] = [
    |w| {
        json!({ "ok": false, "error": w, "message": w, "description": w, "detail": w, "title": w, "code": w,
            "error_description": w, "errcode": w, "status": w, "type": w, "reason": w, "warning": w, "name": w })
        .to_string()
    },
    |w| {
        json!({ "error": { "code": 190, "message": w, "type": w, "error_user_msg": w, "error_user_title": w, "error_data": { "details": w } } }).to_string()
    },
    |w| {
        json!({ "errors": [{ "message": w, "title": w, "detail": w, "type": w, "context": w, "code": w, "extensions": { "code": w } }], "title": w, "detail": w }).to_string()
    },
    |w| {
        json!({ "code": 1, "message": w, "errors": { "field": [w] }, "more_info": w, "status": 401, "serviceErrorCode": 1, "data": { "error": w } }).to_string()
    },
    |w| {
        json!({ "data": null, "ok": false, "error": w, "needed": w, "provided": w, "response_metadata": { "messages": [w] } }).to_string()
    },
    str::to_owned,
];

const STATUSES: [u16; 10] = [200, 302, 400, 401, 403, 404, 409, 422, 429, 500];

/// A server that repeats the secrets of all channels, and the path and the credential of each request.
async fn echo(status: u16, shape: Shape) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(repeat(socket, status, shape));
        }
    });
    url
}

async fn repeat(mut socket: TcpStream, status: u16, shape: Shape) {
    let mut request = Vec::new();
    read_request(&mut socket, true, |bytes| request.extend_from_slice(bytes)).await;
    let request = String::from_utf8_lossy(&request).into_owned();
    let line = request.lines().next().unwrap_or_default().to_owned();
    let shown = request.lines().find(|l| l.to_lowercase().starts_with("authorization")).unwrap_or_default();
    let body = shape(&format!("bad {SECRETS} at {line} with {shown}"));
    let secret = "hunter2";
    let said = format!(
        "HTTP/1.1 {status} {secret}\r\nContent-Type: application/json\r\nConnection: close\r\nLocation: /{secret}\r\n\
         Retry-After: {secret}\r\nRateLimit-Reset: {secret}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = socket.write_all(said.as_bytes()).await;
}

fn published(result: &Result<Receipt, Failure>) -> String {
    match result {
        Ok(receipt) => format!("{receipt:?}"),
        Err(failure) => format!("{failure:?} {failure}"),
    }
}

/// Remembers a handle as the core does, and what it was.
#[derive(Default)]
pub(super) struct Written(pub std::sync::Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Keeper for Written {
    async fn keep(&self, handle: &str) -> Result<(), String> {
        self.0.lock().unwrap().push(handle.to_owned());
        Ok(())
    }
}

/// All that is asked of a channel: what each call was, and all that it says.
pub(super) async fn everything(channel: &dyn Channel, id: &str) -> Vec<(&'static str, String)> {
    let keeper = std::sync::Arc::new(Written::default());
    let pass = || Pass::open_for_tests().kept_by(keeper.clone());
    let job =
        Job { media: vec![vec![1]], media_urls: vec!["https://status.bank.example/media/1".into()], ..job() };
    let mut pictured = job.clone();
    pictured.rendition.media =
        vec![crate::MediaRef { sha256: "ab".into(), mime: "image/jpeg".into(), alt: "A".into() }];
    let since = job.created_at;
    let mut said = vec![
        ("publish", published(&channel.publish(&job, &pass()).await)),
        ("publish a picture", published(&channel.publish(&pictured, &pass()).await)),
        ("read back", format!("{:?}", channel.read_back(&job).await)),
        ("revise", published(&channel.revise(&changed(id), &revised(id), &pass()).await)),
        ("read revised", format!("{:?}", channel.read_revised(&changed(id), &revised(id)).await)),
        ("by words", format!("{:?}", channel.by_words(&job, Some(id)).await)),
        ("by words alone", format!("{:?}", channel.by_words(&job, None).await)),
        ("watch", format!("{:?}", channel.watch(since).await)),
        ("retract", format!("{:?}", channel.retract(&job, Some(id)).await)),
        ("retract what was seen", format!("{:?}", channel.retract(&job, None).await)),
        ("pin", format!("{:?}", channel.pin(id, true).await)),
        ("unpin", format!("{:?}", channel.pin(id, false).await)),
        ("check", format!("{:?}", channel.check().await)),
        ("limits", format!("{:?}", channel.limits())),
    ];
    if let Some(scheduler) = channel.scheduler() {
        said.extend(scheduled(scheduler, id, &pass()).await);
    }
    said.push(("what is written down", format!("{:?}", keeper.0.lock().unwrap())));
    said
}

async fn scheduled(scheduler: &dyn Scheduler, id: &str, pass: &Pass) -> Vec<(&'static str, String)> {
    let due = job().created_at + TimeDelta::hours(3);
    let (remote_id, mark) = (format!("posts/{id}"), "m".to_owned());
    let post = crate::scheduler::Scheduled {
        remote_id: remote_id.clone(),
        due,
        words: "Sale".to_owned(),
        snapshot: json!({}),
        mark: mark.clone(),
    };
    let kept = Kept { remote_id, due, snapshot: json!({}), mark, taken: Vec::new() };
    vec![
        ("whose", format!("{:?}", scheduler.whose().await)),
        ("list", format!("{:?}", scheduler.list().await)),
        ("hold", format!("{:?}", scheduler.hold(&post).await)),
        ("read", format!("{:?}", scheduler.read(&post).await)),
        ("restore", format!("{:?}", scheduler.restore(&kept, due, pass).await)),
        ("restored", format!("{:?}", scheduler.restored(&kept, due).await)),
        ("prolong", format!("{:?}", scheduler.prolong(&kept).await)),
        ("discard", format!("{:?}", scheduler.discard(&kept).await)),
        ("spare", format!("{:?}", scheduler.spare())),
    ]
}

/// What a channel of that adapter says to servers of that status: how much it was, and what of it shows a secret.
async fn leaks(
    adapter: &'static Adapter,
    status: u16,
    urls: Vec<String>,
    http: Arc<Http>,
) -> (usize, Vec<String>) {
    let (mut said, mut seen) = (0, Vec::new());
    for url in urls {
        let Some(case) = case(adapter, &url) else { break };
        let credential = Some(case.credential.replace("{url}", &url).into());
        let clock = Arc::new(|| DateTime::from_timestamp(1_700_000_100, 0).unwrap());
        let (http, public_url) = (Arc::clone(&http), "https://status.bank.example".parse().ok());
        let connection = Connection { settings: case.settings, credential, http, clock, public_url };
        let channel = (adapter.connect)(&connection).unwrap();
        for (call, words) in everything(&*channel, case.id).await {
            said += 1;
            if case.secrets.iter().any(|secret| words.contains(secret)) {
                seen.push(format!("{} {call} on {status}: {words}", adapter.name));
            }
        }
    }
    (said, seen)
}

#[tokio::test]
async fn no_adapter_says_a_secret_again_whatever_a_server_repeats() {
    let (http, mut tasks) = (http(), tokio::task::JoinSet::new());
    for status in STATUSES {
        let mut urls = Vec::new();
        for shape in SHAPES {
            urls.push(echo(status, shape).await);
        }
        ALL.iter().for_each(|adapter| {
            tasks.spawn(leaks(adapter, status, urls.clone(), Arc::clone(&http)));
        });
    }
    let (said, seen): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().unzip();
    let (said, seen) = (said.into_iter().sum::<usize>(), seen.concat());
    assert!(said > 15_000, "{said} answers were looked at");
    assert!(seen.is_empty(), "{} of {said}:\n{}", seen.len(), seen.join("\n"));
}

/// A mail server that takes everything up to a word, and then repeats the password, its forms, and who gets mail.
async fn mail_server(word: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(talk(socket, word));
        }
    });
    port
}

async fn talk(mut socket: TcpStream, word: &'static str) {
    let (read, mut write) = socket.split();
    let mut lines = BufReader::new(read).lines();
    let _ = write.write_all(b"220 ready\r\n").await;
    let (mut content, mut login) = (false, String::new());
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("AUTH") {
            login.clone_from(&line);
        }
        let said = match line.as_str() {
            "." if content => "250 queued".to_owned(),
            _ if content => continue,
            l if l.starts_with(word) => {
                format!("550 5.7.1 {l}: hunter2 of holdline, a@example.test, {login}")
            }
            l if l.starts_with("EHLO") => "250-me\r\n250 AUTH PLAIN LOGIN".to_owned(),
            l if l.starts_with("AUTH") => "235 in".to_owned(),
            "DATA" => "354 go on".to_owned(),
            _ => "250 ok".to_owned(),
        };
        let said =
            if line == "." && word == "." { "550 hunter2 for a@example.test".to_owned() } else { said };
        content = said.starts_with("354");
        if write.write_all(format!("{said}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_mail_server_that_repeats_the_password_shows_it_to_nobody() {
    let encoded = "AGhvbGRsaW5lAGh1bnRlcjI";
    for word in ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."] {
        let port = mail_server(word).await;
        let settings = json!({ "host": "127.0.0.1", "port": port, "security": "none", "user": "holdline",
            "from": "Bank <press@bank.example>", "to": "a@example.test" });
        let adapter = crate::adapter("email").unwrap();
        let channel = connect(adapter, settings, Some("hunter2")).unwrap();
        for (call, said) in everything(&*channel, "<1@bank.example>").await {
            for secret in ["hunter2", encoded, "a@example.test"] {
                assert!(!said.contains(secret), "{call}, {word}: {secret} in {said}");
            }
        }
        let said = channel.publish(&job(), &Pass::open_for_tests()).await;
        assert!(said.is_err(), "{word}: {said:?}");
    }
}
