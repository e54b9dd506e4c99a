//! Mails that come back after the mail server took them, as a mail server hands them in. The report is made by the server itself
//! (`tests/peers/smtp/sink.py`).

use std::process::Stdio;

use channels::http::{Answer, Request};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::people::{self, NewToken};
use holdline::app::posts::{self, DeliveryView};
use holdline::app::{incidents, signals};
use holdline::domain::role::Role;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::console::sign_in;
use crate::on_both;
use crate::real_channels::{get, in_the_mail, only, peer, unique, word};
use crate::support::caller::Caller;
use crate::support::{Bench, person};

const GONE: &str = "bounce@example.test";

async fn list(bench: &mut Bench, server: &Value, to: &str) -> String {
    let settings = json!({
        "host": server["host"], "port": server["port"].to_string(), "security": "none", "user": server["user"],
        "from": "Bank <press@bank.example>", "to": to, "unsubscribe": "mailto:out@bank.example?subject=out",
    });
    bench.connect_with("list", "email", settings, Some(word(server, "password"))).await;
    bench.channels.last().unwrap().clone()
}

/// The token of a mail server.
async fn postmaster(bench: &Bench) -> SecretString {
    let who = person(&bench.app, &bench.administrator, "relay", Role::Postmaster).await;
    let new = NewToken { label: "relay".into(), roles: Vec::new(), days: None };
    people::create_token(&bench.app, &who, &who.id, &new).await.unwrap().1
}

async fn hand_in(caller: &Caller, token: &SecretString, channel: &str, mail: &str) -> Answer {
    let request = Request::post(&caller.url(&format!("/channels/{channel}/bounces")));
    caller.http.call(request.body("message/rfc822", mail.as_bytes().to_vec()).bearer(token)).await.unwrap()
}

fn said(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json().unwrap()
}

/// A post with that text, as the list got it: its id, and the delivery.
async fn published(bench: &Bench, text: &str) -> (String, DeliveryView) {
    let source = json!({ "text": text, "title": "Cards" });
    let post = bench.approved(json!({ "kind": "routine", "channels": ["list"], "source": source })).await;
    (post.id.clone(), only(&bench.until(&post.id, &["accepted"]).await).clone())
}

async fn shown(bench: &Bench, post: &str) -> DeliveryView {
    only(&posts::get(&bench.app, &bench.operator, post).await.unwrap()).clone()
}

/// The report that came back for the mail with this text.
async fn returned(server: &Value, text: &str) -> String {
    let kept = in_the_mail(server, text).await;
    word(&kept[0], "returned").to_owned()
}

/// The entries of the log about returned mails.
async fn logged(bench: &Bench) -> Vec<Value> {
    let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
    let all = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
    let all: Vec<Value> = serde_json::from_value(serde_json::to_value(all).unwrap()).unwrap();
    all.into_iter().filter(|entry| entry.to_string().contains("delivery.bounced")).collect()
}

on_both! {
    async fn a_mail_that_comes_back_is_told_and_counts_once(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        let channel = list(&mut bench, &server, &format!("ok@example.test, {GONE}")).await;
        let worker = bench.start().await;
        let (caller, relay) = (Caller::new(&bench).await, postmaster(&bench).await);
        let text = unique("Your cards work again.");
        let (post, sent) = published(&bench, &text).await;
        assert_eq!(sent.reason.as_deref(), Some("it went to all 2 recipients"));
        assert_eq!(in_the_mail(&server, &text).await[0]["headers"]["list-unsubscribe"], "<mailto:out@bank.example?subject=out>");
        let report = returned(&server, &text).await;
        // What is not about this, or about nobody, changes nothing: another channel, another mail, another address.
        let alpha = hand_in(&caller, &relay, &bench.channels[0], &report).await;
        assert_eq!(alpha.status, 409, "{alpha:?}");
        for (mail, why) in [
            ("Subject: I am away\r\n\r\nuntil Monday".to_owned(), "no report"),
            (report.replace(&sent.id, &post), "this channel did not send"),
            (report.replace(GONE, "eve@example.test"), "nobody who was thought to have it"),
            (report.replace("failed", "delayed"), "nobody who was thought to have it"),
        ] {
            let answer = said(&hand_in(&caller, &relay, &channel, &mail).await);
            assert!(word(&answer, "said").contains(why) && word(&answer, "said").contains("nothing was changed"), "{answer}");
        }
        assert_eq!(shown(&bench, &post).await.reason, sent.reason);
        assert!(logged(&bench).await.is_empty());
        let answer = said(&hand_in(&caller, &relay, &channel, &report).await);
        assert_eq!(answer["recipients"], json!([{"recipient": "bo…@example.test", "result": "hard"}]));
        assert_eq!(answer["delivery"], sent.id);
        let after = shown(&bench, &post).await;
        let reason = "it went to 1 of 2, NOT to 1; namely: bo…@example.test: the mailbox does not exist. Correct the \
            address or remove it from the channel (550 5.1.1 <…>: nobody is there)";
        assert_eq!(after.reason.as_deref(), Some(reason));
        assert_eq!((after.state, after.settled_at), (sent.state, sent.settled_at));
        // Once more, and a weaker word: it is known.
        for again in [report.clone(), report.replace("5.1.1", "4.4.7")] {
            let answer = said(&hand_in(&caller, &relay, &channel, &again).await);
            assert_eq!(answer["recipients"][0]["result"], "known");
        }
        assert_eq!(shown(&bench, &post).await.reason, after.reason);
        let logged = logged(&bench).await;
        assert_eq!(logged.len(), 1, "{logged:?}");
        let entry = logged[0].to_string();
        assert!(entry.contains("hard") && !entry.contains("bounce@") && !entry.contains("bo…"), "{entry}");
        worker.stop().await.unwrap();
    }

    async fn the_screen_of_the_post_says_who_to_take_off_the_list(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        let channel = list(&mut bench, &server, &format!("ok@example.test, {GONE}")).await;
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let text = unique("Two branches are open.");
        let (post, _) = published(&bench, &text).await;
        said(&hand_in(&caller, &caller.operator, &channel, &returned(&server, &text).await).await);
        let cookie = format!("holdline={}", sign_in(&bench, &bench.operator).await.cookie);
        for (language, words) in [
            ("en", "bo…@example.test: the mailbox does not exist. Correct the address or remove it from the channel"),
            ("fr", "bo…@example.test : cette boîte n’existe pas. Corrigez l’adresse ou retirez-la du canal"),
        ] {
            let request = Request::get(&format!("{}/console/posts/{}", caller.base, post));
            let request = request.header("cookie", &cookie).header("accept-language", language);
            let page = caller.http.call(request).await.unwrap();
            let page = String::from_utf8_lossy(&page.body).replace(['\u{a0}', '\u{202f}'], " ");
            assert!(page.contains(words), "{page}");
        }
        worker.stop().await.unwrap();
    }

    async fn an_alarm_says_once_that_most_do_not_have_a_crisis_post_and_that_nobody_has(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        let channel = list(&mut bench, &server, &format!("ok@example.test, ana@example.test, {GONE}")).await;
        let worker = bench.start().await;
        let (caller, relay) = (Caller::new(&bench).await, postmaster(&bench).await);
        let title = json!({ "title": "Cards", "severity": "major", "freeze": false });
        let incident = incidents::open(&bench.app, &bench.operator, &serde_json::from_value(title).unwrap()).await.unwrap();
        let alarms = async || {
            let all = signals::list(&bench.app, &bench.approver, false).await.unwrap();
            all.into_iter().map(|s| (s.title, s.url.unwrap_or_default())).collect::<Vec<_>>()
        };
        for kind in ["routine", "tip"] {
            let text = unique("Keep your card.");
            let mut new = json!({ "kind": kind, "channels": ["list"], "source": { "text": text, "title": "Cards" } });
            if kind == "tip" {
                new["incident"] = incident.incident.id.clone().into();
            }
            let post = bench.approved(new).await.id;
            bench.until(&post, &["accepted"]).await;
            let report = returned(&server, &text).await;
            let come = async |who: &str| {
                let answer = said(&hand_in(&caller, &relay, &channel, &report.replace(GONE, who)).await);
                assert_eq!(answer["recipients"][0]["result"], "hard", "{answer}");
            };
            let page = format!("http://localhost:8740/console/posts/{post}");
            let said = |title: &str| if kind == "tip" { vec![(title.to_owned(), page.clone())] } else { Vec::new() };
            come(GONE).await;
            assert_eq!(alarms().await, [], "one of three");
            come("ana@example.test").await;
            assert_eq!(alarms().await, said("most people on list have not got a post: what was sent to them did not arrive"));
            come("ok@example.test").await;
            assert_eq!(alarms().await, said("nobody on list has got a post: nothing that was sent arrived"));
        }
        let filter = AuditFilter { verb: Some("signal.".into()), limit: 9, ..AuditFilter::default() };
        assert_eq!(audit::list(&bench.app, &bench.administrator, &filter).await.unwrap().len(), 2, "said twice, each once");
        let cookie = format!("holdline={}", sign_in(&bench, &bench.operator).await.cookie);
        let request = Request::get(&format!("{}/console/signals", caller.base));
        let request = request.header("cookie", &cookie).header("accept-language", "fr");
        let page = String::from_utf8_lossy(&caller.http.call(request).await.unwrap().body).replace(['\u{a0}', '\u{202f}'], " ");
        assert!(page.contains("personne sur list n’a reçu une publication : rien de ce qui a été envoyé n’est arrivé"), "{page}");
        worker.stop().await.unwrap();
    }

    /// The attempt has the ledger in its hands until it ends: what is written into it beside that would be lost.
    async fn a_mail_that_comes_back_while_it_is_being_sent_on_waits(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        let channel = list(&mut bench, &server, &format!("slow@example.test, {GONE}")).await;
        let worker = bench.start().await;
        let (caller, relay) = (Caller::new(&bench).await, postmaster(&bench).await);
        let text = unique("Slowly.");
        let post = bench.approved(json!({ "kind": "routine", "channels": ["list"],
            "source": { "text": text, "title": "Slowly" } })).await;
        // The server keeps it, and answers three seconds later.
        while in_the_mail(&server, &text).await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let report = returned(&server, &text).await;
        let early = hand_in(&caller, &relay, &channel, &report).await;
        assert_eq!(early.status, 503, "{early:?}");
        bench.until(&post.id, &["accepted"]).await;
        assert_eq!(said(&hand_in(&caller, &relay, &channel, &report).await)["recipients"][0]["result"], "hard");
        let after = shown(&bench, &post.id).await;
        assert!(after.reason.as_ref().unwrap().contains("NOT to 1"), "{after:?}");
        worker.stop().await.unwrap();
    }

    async fn a_mail_server_pipes_mails_in_and_keeps_what_is_not_taken(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        let channel = list(&mut bench, &server, &format!("ok@example.test, {GONE}")).await;
        let worker = bench.start().await;
        let (caller, relay) = (Caller::new(&bench).await, postmaster(&bench).await);
        let text = unique("Piped.");
        published(&bench, &text).await;
        let report = returned(&server, &text).await;
        let long = format!("{report}{}", "x".repeat(3 << 20));
        for (server, channel, mail, code, words) in [
            ("http://127.0.0.1:1", channel.as_str(), &report, 75, "cannot reach the service"),
            (&caller.base, "none", &report, 75, "there is no channel none"),
            (&caller.base, &channel, &long, 0, "it is written down who does not have it"),
            (&caller.base, &channel, &report, 0, "nothing was changed"),
        ] {
            let (found, out) = piped(server, &relay, channel, mail).await;
            assert!(found == Some(code) && out.contains(words), "{found:?}: {out}");
        }
        // Such a token does nothing else.
        let posts = caller.http.call(Request::get(&caller.url("/posts")).bearer(&relay)).await.unwrap();
        assert_eq!(posts.status, 403);
        assert_eq!(get(&caller.url("/posts")).await.status, 401);
        worker.stop().await.unwrap();
    }
}

/// Pipes a mail into the program; its exit code, and all that it printed.
async fn piped(server: &str, token: &SecretString, channel: &str, mail: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
    command.env("HOLDLINE_SERVER", server).env("HOLDLINE_TOKEN", token.expose_secret());
    command
        .args(["bounces", "--channel", channel])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(mail.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let all = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&all).into_owned())
}
