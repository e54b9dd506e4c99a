//! Mails that leave under TLS, on real mail servers that `tests/run` starts, with their own authority.

use holdline::app::channels as app_channels;
use serde_json::{Value, json};

use crate::real_channels::{in_the_mail, only, peer, publish, unique, word};
use crate::support::{Bench, Database};

/// Connects a list to the server of that name, whose certificate is its matter.
async fn connect(bench: &mut Bench, server: &Value, by: &str, security: &str, to: &str) {
    let trusted = std::env::var("SSL_CERT_FILE").unwrap_or_default();
    let trusted = std::fs::read_to_string(&trusted).unwrap_or_default();
    let authority = std::fs::read_to_string(word(server, "authority")).unwrap();
    assert!(trusted.contains(authority.trim()), "run the tests with tests/run: it sets SSL_CERT_FILE");
    let settings = json!({
        "host": server["host"], "port": server["ports"][by].to_string(), "security": security,
        "user": server["user"], "from": "Bank <press@bank.example>", "to": to,
    });
    bench.connect_with(by, "email", settings, Some(word(server, "password"))).await;
}

async fn checked(bench: &Bench) -> (bool, String) {
    let id = bench.channels.last().unwrap();
    let health = app_channels::test(&bench.app, &bench.administrator, id).await.unwrap().health;
    (health.ready, health.detail)
}

/// On one database only, as all of these: what the servers do is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_leaves_under_tls_from_the_beginning_or_after_starttls() {
    let (mut bench, server) = (Bench::new(Database::Sqlite).await, peer("smtp"));
    let worker = bench.start().await;
    for by in ["starttls", "tls"] {
        connect(&mut bench, &server, by, by, "ok@example.test, permfail@example.test").await;
        assert_eq!(checked(&bench).await, (true, "logged in at 127.0.0.1 for 2 recipients".to_owned()));
        let text = unique("Your cards work again.");
        let sent = publish(&bench, by, json!({ "text": text, "title": "Cards" })).await;
        assert!(sent.reason.unwrap_or_default().contains("pe…@example.test"), "who was refused is told");
        let kept = in_the_mail(&server, &text).await;
        assert_eq!(kept.len(), 1);
        assert_eq!((&kept[0]["by"], &kept[0]["authenticated"]), (&json!(by), &json!(true)));
    }
    worker.stop().await.unwrap();
}

/// Posts to the list of that name, and waits until it is known why it does not go: the first try, or the check of a new
/// channel, which keeps posts from one that is not ready. Why, and the words.
async fn stopped(bench: &Bench, by: &str) -> (String, String) {
    let text = unique("Nobody reads this.");
    let source = json!({ "text": text, "title": "Cards" });
    let post = bench.approved(json!({ "kind": "routine", "channels": [by], "source": source })).await;
    for _ in 0..400 {
        let seen = only(&bench.until(&post.id, &["scheduled", "claimed", "sending"]).await).clone();
        if let Some(why) = seen.reason {
            return (why, text);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("nothing is said of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_said_to_a_server_whose_certificate_is_wrong() {
    let (mut bench, server) = (Bench::new(Database::Sqlite).await, peer("smtp"));
    let worker = bench.start().await;
    for (by, wrong) in [("other", "not valid for name"), ("stranger", "UnknownIssuer")] {
        connect(&mut bench, &server, by, "starttls", "ok@example.test").await;
        let (why, text) = stopped(&bench, by).await;
        assert!(why.contains(wrong), "{why}");
        assert!(in_the_mail(&server, &text).await.is_empty());
        let (ready, detail) = checked(&bench).await;
        assert!(!ready && detail.contains(wrong), "{detail}");
    }
    // One that waits for STARTTLS does not begin with TLS.
    let settings = json!({
        "host": server["host"], "port": server["ports"]["starttls"].to_string(), "security": "tls",
        "from": "Bank <press@bank.example>", "to": "ok@example.test",
    });
    bench.connect("too early", "email", settings).await;
    assert!(!checked(&bench).await.0);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_somebody_adds_before_tls_begins_are_not_the_servers() {
    let (mut bench, server) = (Bench::new(Database::Sqlite).await, peer("smtp"));
    let worker = bench.start().await;
    // The server would refuse the message, and the answers in between say that it took it.
    connect(&mut bench, &server, "middle", "starttls", "full@example.test").await;
    let (why, _) = stopped(&bench, "middle").await;
    assert!(why.contains("corrupt message"), "{why}");
    let (ready, detail) = checked(&bench).await;
    assert!(!ready, "{detail}");
    worker.stop().await.unwrap();
}
