//! The e-mail adapter against a scripted mail server. The real one is in `tests/real_channels.rs`.

use std::sync::Mutex;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::strict::{self, Memory};
use crate::{ledger, suite};

/// What the server says to the first command that begins with a word. Empty: it hangs up.
type Script = &'static [(&'static str, &'static str)];

/// Says nothing, and listens on.
const SILENCE: &str = "(silence)";

/// Says yes after a while.
const SLOW: &str = "(slow)";

/// A mail server that says yes to all but its script.
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let server = Self { port: listener.local_addr().unwrap().port(), heard: Arc::clone(&heard) };
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, script, Arc::clone(&heard)));
            }
        });
        server
    }

    /// All lines that came in.
    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn heard_message(&self) -> bool {
        self.heard().iter().any(|line| line.starts_with("Subject:"))
    }

    fn settings(&self) -> Value {
        json!({
            "host": "127.0.0.1", "port": self.port, "security": "none", "user": "holdline",
            "from": "Bank <press@bank.example>", "to": "a@example.test, b@example.test, a@example.test",
        })
    }

    fn channel(&self) -> Box<dyn Channel> {
        suite::connect(&ADAPTER, self.settings(), Some("hunter2")).unwrap()
    }
}

async fn converse(mut socket: TcpStream, script: Script, heard: Arc<Mutex<Vec<String>>>) {
    let (read, mut write) = socket.split();
    let mut lines = BufReader::new(read).lines();
    let _ = write.write_all(b"220 ready\r\n").await;
    let mut content = false;
    while let Ok(Some(line)) = lines.next_line().await {
        heard.lock().unwrap().push(line.clone());
        let said = match (content, line.as_str()) {
            (true, ".") => {
                content = false;
                "250 queued"
            }
            // A line of the message: no answer, unless the script hangs up there.
            (true, l) if script.iter().any(|(word, _)| l.starts_with(word)) => "",
            (true, _) => continue,
            (_, l) if l.starts_with("EHLO") => "250-me\r\n250 AUTH PLAIN",
            (_, l) if l.starts_with("AUTH") => "235 in",
            (_, "DATA") => "354 go on",
            _ => "250 ok",
        };
        let said = script.iter().find(|(word, _)| line.starts_with(word)).map_or(said, |(_, said)| *said);
        if said == SILENCE {
            continue;
        }
        let said = if said == SLOW {
            tokio::time::sleep(Duration::from_millis(150)).await;
            "250 ok"
        } else {
            said
        };
        content = content || said.starts_with("354");
        if said.is_empty() || write.write_all(format!("{said}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

fn job() -> Job {
    let mut job = suite::job();
    job.rendition.title = Some("Payments are slow – été".to_owned());
    job
}

async fn publish(script: Script) -> (Server, Result<Receipt, Failure>) {
    let server = Server::start(script).await;
    let result = server.channel().publish(&job(), &Pass::open_for_tests()).await;
    assert!(!format!("{result:?}").contains("hunter2"));
    (server, result)
}

#[tokio::test]
async fn the_message_goes_to_each_recipient_once_and_names_none() {
    let (server, result) = publish(&[]).await;
    let receipt = result.unwrap();
    assert_eq!(receipt.remote_id, "<01936d3c-1c5e-7a3b-8000-3f2f5a8c9d10@bank.example>");
    assert_eq!(receipt.note.unwrap(), "it went to all 2 recipients");
    let heard = server.heard();
    let count = |word: &str| heard.iter().filter(|l| l.starts_with(word)).count();
    assert_eq!((count("RCPT TO:<a@"), count("RCPT TO:<b@"), count("DATA")), (1, 1, 1), "{heard:?}");
    assert!(heard.contains(&"To: undisclosed-recipients:;".to_owned()), "{heard:?}");
    assert!(heard.contains(&"Auto-Submitted: auto-generated".to_owned()));
    assert!(heard.iter().any(|l| l.starts_with("Message-ID: <01936d3c-")), "{heard:?}");
    assert!(heard.iter().any(|l| l == "Date: Tue, 14 Nov 2023 22:15:00 +0000"), "{heard:?}");
    assert_eq!(count("Bcc"), 0);
    assert_eq!((count("Content-Type: text/plain"), count("Content-Type: text/html")), (1, 1), "{heard:?}");
    assert!(
        heard.iter().any(|l| l.contains("boundary=\"part-01936d3c-")),
        "the same in every attempt: {heard:?}"
    );
}

#[tokio::test]
async fn a_closed_gate_stops_before_data() {
    let server = Server::start(&[]).await;
    let result = server.channel().publish(&job(), &suite::closed_pass()).await;
    assert!(matches!(result, Err(Failure::Closed { partly: false, .. })), "{result:?}");
    assert!(!server.heard().iter().any(|l| l == "DATA"));
}

#[tokio::test]
async fn a_gate_that_closes_while_the_server_thinks_stops_the_message() {
    let server = Server::start(&[]).await;
    let gate = crate::Gate::closed(Duration::from_secs(60));
    let looks = std::sync::atomic::AtomicUsize::new(0);
    let frozen = move |_: &&str| {
        let first = looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        (!first).then(|| "f1".to_owned())
    };
    gate.open(1, Arc::new(frozen), crate::gate::now());
    let pass = gate.admit("a", "routine", Box::new(|| true), crate::gate::now());
    let pass = pass.kept_by(Arc::new(strict::Memory::default()));
    let result = server.channel().publish(&job(), &pass).await;
    assert!(matches!(result, Err(Failure::Closed { partly: false, .. })), "{result:?}");
    let heard = server.heard();
    assert_eq!(heard.last().map(String::as_str), Some("DATA"), "{heard:?}");
}

/// An attempt at what is remembered, of that number, against a new server.
async fn try_again(memory: &Memory, number: i64, script: Script) -> (Server, Result<Receipt, Failure>) {
    let server = Server::start(script).await;
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    let job = Job { number, rendition: job().rendition, ..memory.job() };
    let result = server.channel().publish(&job, &pass).await;
    (server, result)
}

fn named(server: &Server) -> Vec<String> {
    server.heard().into_iter().filter(|line| line.starts_with("RCPT")).collect()
}

#[tokio::test]
async fn who_is_refused_is_named_with_what_to_do_and_the_others_are_served() {
    let (_, result) = publish(&[("RCPT TO:<b@", "550 5.1.1 <B@example.test> nobody here")]).await;
    let note = result.unwrap().note.unwrap();
    assert!(
        note.starts_with("it went to 1 of 2, NOT to 1; namely: b…@example.test: the mailbox does"),
        "{note}"
    );
    assert!(note.contains("Correct the address") && note.contains("<…> nobody here"), "{note}");
    assert!(!ledger::public(&note).contains("example.test"), "the log names nobody: {note}");
}

#[tokio::test]
async fn nobody_has_a_message_that_was_refused_and_all_may_have_one_whose_answer_was_lost() {
    let memory = Memory::default();
    try_again(&memory, 1, &[(".", "451 4.3.0 later")]).await.1.unwrap_err();
    let (server, result) = try_again(&memory, 2, &[(".", "")]).await;
    assert!(matches!(result, Err(Failure::InDoubt { .. })) && named(&server).len() == 2, "{result:?}");
    let (server, result) = try_again(&memory, 3, &[]).await;
    assert!(matches!(result, Err(Failure::InDoubt { .. })), "nobody decided: {result:?}");
    assert!(server.heard().is_empty());
    // What a person decides is good for one message.
    let judged = ledger::judged(&memory.handle().unwrap(), true).unwrap();
    crate::Keeper::keep(&memory, &judged).await.unwrap();
    let (server, result) = try_again(&memory, 4, &[(".", "")]).await;
    assert!(matches!(result, Err(Failure::InDoubt { .. })) && server.heard_message(), "{result:?}");
    let (server, _) = try_again(&memory, 5, &[]).await;
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn when_nobody_is_taken_one_who_may_be_later_is_tried_again() {
    let (_, result) = publish(&[("RCPT TO:<a@", "451 4.7.1 later"), ("RCPT TO:<b@", "550 no")]).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Later(_), .. })), "{result:?}");
}

/// Publishes to twelve people, with little patience.
async fn publish_to_many(script: Script, prepare: Duration) -> (Server, Result<Receipt, Failure>) {
    let server = Server::start(script).await;
    let many: Vec<_> = (0..12).map(|n| format!("p{n}@example.test")).collect();
    let mut settings = server.settings();
    settings["to"] = many.into();
    let (step, farewell) = (Duration::from_secs(1), Duration::from_millis(100));
    let patience = Patience { step, prepare, farewell, ..PATIENCE };
    let email = Email { patience, ..email(settings) };
    let result = email.publish(&job(), &Pass::open_for_tests()).await;
    (server, result)
}

#[tokio::test]
async fn a_server_that_takes_its_time_over_each_recipient_gets_the_message() {
    let (server, result) = publish_to_many(&[("RCPT", SLOW)], Duration::from_secs(20)).await;
    assert!(result.is_ok() && server.heard_message(), "{result:?}");
    let (server, result) = publish_to_many(&[("RCPT", SLOW)], Duration::from_secs(1)).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{result:?}");
    assert!(!server.heard().iter().any(|l| l == "DATA"), "all of it has an end");
}

#[tokio::test]
async fn what_a_large_message_leaves_of_the_time_is_the_servers_and_not_too_short_by_us() {
    let server = Server::start(&[("RCPT", SLOW)]).await;
    let mut settings = server.settings();
    settings["to"] = (0..12).map(|n| format!("p{n}@example.test")).collect::<Vec<_>>().into();
    let (step, farewell) = (Duration::from_secs(1), Duration::from_millis(100));
    // A second and a half is left for what comes before the message.
    let whole = PATIENCE.message + step * 5 / 2;
    let email = Email { patience: Patience { step, farewell, whole, ..PATIENCE }, ..email(settings) };
    let result = email.publish(&job(), &Pass::open_for_tests()).await;
    let Err(Failure::Rejected { reason, retry: Retry::Backoff }) = &result else { panic!("{result:?}") };
    assert!(reason.contains("no answer within 1 s"), "{reason}");
}

#[tokio::test]
async fn a_server_that_leaves_a_command_without_an_answer_is_given_up() {
    for word in ["MAIL", "RCPT", "DATA"] {
        let script: Script = Box::leak(Box::new([(word, SILENCE)]));
        let (server, result) = publish_to_many(script, Duration::from_secs(20)).await;
        assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{result:?}");
        assert!(!server.heard_message(), "{word}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_after_its_last_word_keeps_nobody() {
    let soon = Duration::from_secs(20);
    let (_, result) = timeout(soon, publish(&[("QUIT", SILENCE)])).await.expect("no wait");
    assert!(result.is_ok(), "{result:?}");
    let server = Server::start(&[("QUIT", SILENCE)]).await;
    let (channel, closed) = (server.channel(), suite::closed_pass());
    let result = timeout(soon, channel.publish(&job(), &closed)).await.expect("no wait");
    assert!(matches!(result, Err(Failure::Closed { partly: false, .. })), "{result:?}");
    assert!(timeout(soon, channel.check()).await.expect("no wait").ready);
}

#[tokio::test]
async fn every_answer_has_its_meaning() {
    use Retry::{Backoff, Never, Reconnect};
    let table: [(Script, Retry); 9] = [
        (&[("EHLO", "")], Backoff),
        (&[("AUTH", "535 5.7.8 wrong")], Reconnect),
        (&[("AUTH", "454 4.7.0 later")], Backoff),
        (&[("MAIL", "550 5.7.1 not you")], Never),
        (&[("RCPT", "451 4.7.1 later")], Retry::Later(Duration::from_secs(60))),
        (&[("RCPT", "550 5.1.1 nobody")], Never),
        (&[("DATA", "451 4.3.0 later")], Backoff),
        (&[("DATA", "")], Backoff),
        (&[(".", "552 5.2.2 full")], Never),
    ];
    for (script, expected) in table {
        let (server, result) = publish(script).await;
        let seen = matches!(&result, Err(Failure::Rejected { retry, .. }) if *retry == expected);
        assert!(seen, "{script:?}: {result:?}");
        assert_eq!(server.heard_message(), script[0].0 == ".", "{script:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_after_the_message_is_in_doubt() {
    for script in [&[(".", "")] as Script, &[("Subject", "")]] {
        let (server, result) = publish(script).await;
        let _ = server;
        assert!(matches!(result, Err(Failure::InDoubt { .. })), "{script:?}: {result:?}");
    }
}

#[tokio::test]
async fn a_temporary_refusal_after_the_message_is_no_effect() {
    let (server, result) = publish(&[(".", "451 4.3.0 later")]).await;
    assert!(server.heard_message());
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{result:?}");
}

#[tokio::test]
async fn without_starttls_nothing_is_said_in_the_clear() {
    let server = Server::start(&[]).await;
    let mut settings = server.settings();
    settings["security"] = "starttls".into();
    let channel = suite::connect(&ADAPTER, settings, Some("hunter2")).unwrap();
    let health = channel.check().await;
    assert!(!health.ready && health.detail.contains("STARTTLS"), "{health:?}");
    assert!(!server.heard().iter().any(|l| l.starts_with("AUTH")));
}

#[tokio::test]
async fn the_check_logs_in_and_sends_nothing() {
    let server = Server::start(&[]).await;
    let health = server.channel().check().await;
    assert!(health.ready && health.detail.contains("2 recipients"), "{health:?}");
    assert!(!server.heard().iter().any(|l| l.starts_with("MAIL")));
    let wrong = Server::start(&[("AUTH", "535 5.7.8 wrong")]).await;
    assert!(!wrong.channel().check().await.ready);
}

#[test]
fn settings_are_checked_with_a_remedy() {
    assert!(recipients("").unwrap_err().contains("nobody"));
    assert!(recipients("a@example.test, b").unwrap_err().contains("\"b\""));
    let many = (0..101).map(|n| format!("p{n}@example.test")).collect::<Vec<_>>().join(",");
    assert!(recipients(&many).unwrap_err().contains("at most 100"));
    assert_eq!(recipients("a@example.test; a@example.test\nb@example.test").unwrap().len(), 2);
}

fn email(settings: Value) -> Email {
    let clock: Clock = Arc::new(chrono::DateTime::default);
    let credential = settings.get("user").map(|_| "hunter2".into());
    let connection = Connection { settings, credential, http: suite::http(), clock, public_url: None };
    let to = recipients(&connection.setting("to").unwrap()).unwrap();
    Email::new(&connection, to).unwrap()
}

#[test]
fn a_line_break_in_the_subject_starts_no_header() {
    let server = json!({
        "host": "127.0.0.1", "security": "none", "from": "press@bank.example", "to": "a@example.test",
    });
    let mut job = job();
    job.rendition.title = Some("Hello\r\nBcc: spy@example.test".to_owned());
    job.rendition.language = "en\r\nX-Evil: 1".to_owned();
    let (_, message) = email(server).message(&job).unwrap();
    let text = String::from_utf8(message).unwrap();
    let head = text.split("\r\n\r\n").next().unwrap();
    assert!(!head.lines().any(|l| l.starts_with("Bcc") || l.starts_with("X-Evil")), "{head}");
}

#[path = "email_later_tests.rs"]
mod later;
#[path = "email_pictures_tests.rs"]
mod pictures_tests;
#[path = "email_server.rs"]
mod server;
#[path = "email_strict_tests.rs"]
mod strict_tests;
