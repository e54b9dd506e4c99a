//! What every adapter must pass: the status table, cuts at six points, no secret in any error.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{Http, Policy};
use crate::{Adapter, Connection, Failure, Job, Pass, Receipt, Rendition};

/// What a status must lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Accepted,
    Rejected,
    InDoubt,
}

/// Where the server cuts the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    BeforeReading,
    MidRequest,
    BeforeStatus,
    MidHeaders,
    MidBody,
}

fn job() -> Job {
    Job {
        delivery: "01890000-0000-7000-8000-000000000001".parse().unwrap(),
        created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        idempotency_key: "key-1".into(),
        kind: "update".into(),
        incident: None,
        rendition: Rendition {
            title: None,
            text: "content-marker".into(),
            language: "en".into(),
            media: Vec::new(),
        },
        media: Vec::new(),
    }
}

async fn publish(
    adapter: &Adapter,
    secret: Option<&str>,
    setting: &str,
    url: &str,
) -> Result<Receipt, Failure> {
    let policy = Policy {
        allow_private: vec!["127.0.0.0/8".parse().unwrap()],
        timeout: Duration::from_secs(3),
        ..Policy::default()
    };
    let connection = Connection {
        settings: json!({ setting: format!("{url}/planted-path") }),
        credential: secret.map(|s| s.to_owned().into()),
        http: Arc::new(Http::new(policy).unwrap()),
        clock: Arc::new(|| "2026-01-01T00:00:00Z".parse().unwrap()),
    };
    let channel = (adapter.connect)(&connection).unwrap();
    let result = channel.publish(&job(), &Pass::open_for_tests()).await;
    let words = format!("{result:?}");
    assert!(!words.contains("planted-path") || result.is_ok(), "{}: {words}", adapter.name);
    for secret in secret.iter().flat_map(|s| [*s, s.trim_start_matches("whsec_")]) {
        assert!(!words.contains(secret), "{}: {words}", adapter.name);
    }
    result
}

/// Serves one connection with the answer, cut where asked.
async fn serve(answer: String, cut: Option<Cut>) -> (String, tokio::task::JoinHandle<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let saw_content = read(&mut socket, cut).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let part = match cut {
            None => answer.clone(),
            Some(Cut::MidHeaders) => head[..head.len() / 2].to_owned(),
            Some(Cut::MidBody) => format!("{head}\r\n\r\n{}", &body[..body.len() / 2]),
            Some(_) => String::new(),
        };
        let _ = socket.write_all(part.as_bytes()).await;
        saw_content
    });
    (url, task)
}

/// Reads the request as far as the cut lets it; whether content was read.
async fn read(socket: &mut TcpStream, cut: Option<Cut>) -> bool {
    let (mut got, mut buffer) = (Vec::new(), [0; 64]);
    while cut != Some(Cut::BeforeReading) {
        let n = tokio::time::timeout(Duration::from_millis(400), socket.read(&mut buffer)).await;
        let Ok(Ok(n @ 1..)) = n else { break };
        got.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&got);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if cut == Some(Cut::MidRequest) && !body.is_empty() {
            return true;
        }
        if length.is_some_and(|l| body.len() >= l) {
            break;
        }
    }
    String::from_utf8_lossy(&got).contains("content-marker")
}

/// Runs the whole suite. `answer` is the body of a good answer; `expect` says what each status
/// must lead to.
pub async fn run(
    adapter: &Adapter,
    secret: Option<&str>,
    setting: &str,
    answer: &str,
    expect: fn(u16) -> Expect,
) {
    let reply = |status: u16| {
        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nretry-after: 7\r\n\r\n{answer}", answer.len())
    };
    for status in [200, 201, 400, 401, 403, 404, 410, 429, 500, 502, 503, 504] {
        let (url, task) = serve(reply(status), None).await;
        let result = publish(adapter, secret, setting, &url).await;
        let got = match &result {
            Ok(_) => Expect::Accepted,
            Err(Failure::InDoubt { .. }) => Expect::InDoubt,
            Err(_) => Expect::Rejected,
        };
        assert_eq!(got, expect(status), "{} {status}: {result:?}", adapter.name);
        assert!(task.await.unwrap(), "{} {status}: the content did not arrive", adapter.name);
    }
    for cut in [Cut::BeforeReading, Cut::MidRequest, Cut::BeforeStatus, Cut::MidHeaders, Cut::MidBody] {
        let (url, task) = serve(reply(200), Some(cut)).await;
        let result = publish(adapter, secret, setting, &url).await;
        let saw = task.await.unwrap();
        assert!(
            result.is_err() || cut == Cut::MidBody && answer.len() < 4,
            "{} {cut:?}: {result:?}",
            adapter.name
        );
        if saw {
            assert!(
                matches!(result, Err(Failure::InDoubt { .. }) | Ok(_)),
                "{} {cut:?}: content arrived, so it is in doubt: {result:?}",
                adapter.name
            );
        }
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let result = publish(adapter, secret, setting, &format!("http://{nobody}")).await;
    assert!(matches!(result, Err(Failure::Rejected { .. })), "{}: {result:?}", adapter.name);
}
