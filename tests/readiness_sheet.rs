//! What is known of the channels when somebody decides about a post.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use channels::http::Request;
use holdline::app::approvals::NewDecision;
use holdline::app::channels::ChannelEdit;
use holdline::app::standing::Standing;
use holdline::app::{approvals, bulk, channels as verbs, posts};
use holdline::domain::approval::Decision;
use holdline::domain::role::Role;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::commands::run;
use crate::console::sign_in;
use crate::on_both;
use crate::readiness::{MINUTE, of, routine, silent};
use crate::support::caller::Caller;
use crate::support::visitor::{hidden, read, send, text};
use crate::support::{Bench, person};

/// A server that answers every question after a while, and how often it was asked.
async fn slow(answers_after: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                tokio::time::sleep(answers_after).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                stream.write_all(answer).await.unwrap_or_default();
            });
        }
    });
    (url, asked)
}

/// How often it was asked.
fn times(asked: &AtomicUsize) -> usize {
    asked.load(Ordering::SeqCst)
}

async fn standing(bench: &Bench, by: &holdline::app::Actor, post: &str) -> Vec<(String, Standing)> {
    let sheet = approvals::sheet(&bench.app, by, post).await.unwrap();
    sheet.readiness.into_iter().map(|c| (c.name, c.standing)).collect()
}

on_both! {
    async fn whoever_approves_sees_the_channels_as_they_are_now(bench) {
        let mut bench = bench;
        let (listener, url) = silent().await;
        bench.connect("slow", "sandbox", url).await;
        let worker = bench.start().await;
        for channel in bench.channels.iter().take(3) {
            verbs::test(&bench.app, &bench.operator, channel).await.unwrap();
        }
        let post = bench.submit(routine(&["alpha", "beta"])).await;
        let standings = async || {
            let sheet = approvals::sheet(&bench.app, &bench.approver, &post.id).await.unwrap();
            sheet.readiness.iter().map(|c| (c.name.clone(), c.standing)).collect::<Vec<_>>()
        };
        let ready = |name: &str| (name.to_owned(), Standing::Ready);
        assert_eq!(standings().await, [ready("alpha"), ready("beta")]);
        // What was seen a moment ago is not asked again; after ten minutes it is.
        bench.sandbox.set_health("beta", false);
        assert_eq!(standings().await, [ready("alpha"), ready("beta")]);
        bench.app.clock().advance(10 * MINUTE);
        let seen = standings().await;
        assert_eq!(seen[0], ("beta".to_owned(), Standing::NotReady), "{seen:?}");
        // One that does not answer delays nobody for long, and is not called ready.
        let post = bench.submit(routine(&["alpha", "slow"])).await;
        let asked = Instant::now();
        let sheet = approvals::sheet(&bench.app, &bench.approver, &post.id).await.unwrap();
        assert!(asked.elapsed() < Duration::from_millis(4_500), "{:?}", asked.elapsed());
        let slow = sheet.readiness.iter().find(|c| c.name == "slow").unwrap();
        assert_eq!(slow.standing, Standing::Unknown, "{slow:?}");
        drop(listener);
        worker.stop().await.unwrap();
    }

    async fn a_channel_that_is_disabled_is_red_on_the_sheet(bench) {
        let worker = bench.start().await;
        verbs::check_due(&bench.app).await.unwrap();
        let post = bench.submit(routine(&["alpha", "beta"])).await;
        let edit = ChannelEdit { disabled: Some(true), ..ChannelEdit::default() };
        verbs::edit(&bench.app, &bench.administrator, &bench.channels[1], None, edit).await.unwrap();
        let sheet = approvals::sheet(&bench.app, &bench.approver, &post.id).await.unwrap();
        let beta = &sheet.readiness[0];
        assert_eq!((&*beta.name, beta.standing, &*beta.remarks[0].words), ("beta", Standing::NotReady, "the channel is disabled"));
        assert_eq!(sheet.readiness.len(), 2);
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        let page = read(&caller, &cookie, &format!("/console/approvals/{}?lang=fr", post.id)).await;
        assert!(page.contains("le canal est désactivé") || page.contains("Le canal est désactivé"), "{page}");
        worker.stop().await.unwrap();
    }

    async fn who_may_not_ask_the_networks_reads_what_is_known(bench) {
        let auditor = person(&bench.app, &bench.administrator, "auditor", Role::Auditor).await;
        let worker = bench.start().await;
        verbs::check_due(&bench.app).await.unwrap();
        let post = bench.submit(routine(&["alpha"])).await;
        bench.sandbox.set_health("alpha", false);
        bench.app.clock().advance(11 * MINUTE);
        let ready = [("alpha".to_owned(), Standing::Ready)];
        assert_eq!(standing(&bench, &auditor, &post.id).await, ready, "nobody was asked for an auditor");
        // Who decides without having looked is told what a check says now.
        let sheet = approvals::sheet(&bench.app, &auditor, &post.id).await.unwrap();
        let mut new =
            NewDecision { decision: Decision::Approve, bundle: sheet.bundle, comment: None, unready: Vec::new() };
        let refused = approvals::decide(&bench.app, &bench.approver, &post.id, &new).await.unwrap_err();
        assert_eq!(
            refused.in_full(),
            "unready: the channel alpha is not ready: the sandbox answered 503; name it in unready to approve all the same"
        );
        let seen = standing(&bench, &auditor, &post.id).await;
        assert_eq!(seen, [("alpha".to_owned(), Standing::NotReady)]);
        new.unready.push("beta".to_owned());
        assert!(approvals::decide(&bench.app, &bench.approver, &post.id, &new).await.is_err(), "another channel");
        new.unready.push("alpha".to_owned());
        let after = approvals::decide(&bench.app, &bench.approver, &post.id, &new).await.unwrap();
        assert_eq!(after.decisions.len(), 1);
        worker.stop().await.unwrap();
    }

    async fn eight_are_asked_at_once_and_who_comes_later_waits_for_them(bench) {
        let mut bench = bench;
        let (url, asked) = slow(Duration::from_millis(900)).await;
        let names: Vec<String> = (0..12).map(|n| format!("s{n}")).collect();
        for name in &names {
            bench.connect(name, "sandbox", json!({ "url": format!("{url}{name}") })).await;
        }
        let worker = bench.start().await;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let post = bench.submit(routine(&names)).await;
        let mut most = 0;
        let (both, ()) = tokio::join!(
            async {
                let (app, by) = (&bench.app, &bench.approver);
                tokio::join!(approvals::sheet(app, by, &post.id), approvals::sheet(app, by, &post.id))
            },
            async {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_millis(700) {
                    most = most.max(times(&asked));
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        );
        assert!((1..=8).contains(&most), "{most} were asked before the first answered");
        for sheet in [both.0.unwrap(), both.1.unwrap()] {
            let standings: Vec<_> = sheet.readiness.iter().map(|c| c.standing).collect();
            assert_eq!(standings, [Standing::Ready; 12], "both have waited for the answers");
        }
        assert_eq!(times(&asked), 12, "each was asked once");
        worker.stop().await.unwrap();
    }

    async fn a_page_of_several_posts_waits_once(bench) {
        let mut bench = bench;
        let (listener, url) = silent().await;
        for name in ["slow", "slower"] {
            bench.connect(name, "sandbox", url.clone()).await;
        }
        let worker = bench.start().await;
        let one = bench.submit(routine(&["slow"])).await;
        let other = bench.submit(routine(&["slower"])).await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        let asked = Instant::now();
        let page = read(&caller, &cookie, &format!("/console/approvals/{}?with={}", one.id, other.id)).await;
        assert!(asked.elapsed() < Duration::from_millis(5_000), "{:?}", asked.elapsed());
        assert!(page.contains("slow") && page.contains("slower"), "{page}");
        drop(listener);
        worker.stop().await.unwrap();
    }

    async fn the_command_line_says_how_ready_the_channels_are(bench) {
        let worker = bench.start().await;
        bench.sandbox.set_health("beta", false);
        verbs::check_due(&bench.app).await.unwrap();
        let mut post = routine(&["alpha", "beta"]);
        post["labels"] = json!(["sunday"]);
        let post = bench.submit(post).await;
        let caller = Caller::new(&bench).await;
        let told: Value = caller.call(Request::get(&caller.url("/approvals/bulk?label=sunday"))).await.json().unwrap();
        assert_eq!(told["readiness"].as_array().unwrap().len(), 2);
        for words in [["approvals", "show", &post.id].as_slice(), &["approvals", "preview", "--label", "sunday"]] {
            let (code, out, errors) = run(&caller, &caller.operator, words).await;
            assert_eq!(code, Some(0), "{errors}");
            assert!(out.contains("--- beta: not ready: the sandbox answered 503"), "{out}");
            assert!(out.contains("--- alpha: ready"), "{out}");
        }
        assert_eq!(of(&bench, "alpha").await.standing, Standing::Ready);
        assert_eq!(bulk::preview(&bench.app, &bench.approver, "sunday").await.unwrap().readiness.len(), 2);
        worker.stop().await.unwrap();
    }

    async fn who_approves_many_is_told_of_each_channel_that_is_not_ready(bench) {
        let worker = bench.start().await;
        verbs::check_due(&bench.app).await.unwrap();
        for channel in ["alpha", "beta"] {
            let mut post = routine(&[channel]);
            post["labels"] = json!(["sunday"]);
            bench.submit(post).await;
        }
        let hash = bulk::preview(&bench.app, &bench.approver, "sunday").await.unwrap().hash;
        bench.sandbox.set_health("beta", false);
        bench.app.clock().advance(11 * MINUTE);
        let caller = Caller::new(&bench).await;
        let words = ["approvals", "bulk", "--label", "sunday", "--hash", &hash];
        let (code, _, errors) = run(&caller, &caller.approver, &words).await;
        assert_eq!(code, Some(3), "{errors}");
        assert!(errors.contains("the channel beta is not ready"), "{errors}");
        assert_eq!(bulk::preview(&bench.app, &bench.approver, "sunday").await.unwrap().count, 2);
        let words = [&words[..], &["--unready", "beta"]].concat();
        let (code, out, errors) = run(&caller, &caller.approver, &words).await;
        assert_eq!(code, Some(0), "{out}{errors}");
        worker.stop().await.unwrap();
    }

    async fn that_the_words_have_changed_is_told_before_that_a_channel_is_not_ready(bench) {
        let worker = bench.start().await;
        verbs::check_due(&bench.app).await.unwrap();
        let post = bench.submit(routine(&["alpha"])).await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        let path = format!("/console/approvals/{}", post.id);
        let bundle = hidden(&read(&caller, &cookie, &path).await, &format!("bundle-{}", post.id));
        let mut other = routine(&["alpha"]);
        other["source"] = json!({ "text": "words that nobody has read" });
        other["submit"] = true.into();
        let edit = serde_json::from_value(other).unwrap();
        posts::edit(&bench.app, &bench.operator, &post.id, None, &edit).await.unwrap();
        bench.sandbox.set_health("alpha", false);
        bench.app.clock().advance(11 * MINUTE);
        let form = format!("decision=approve&bundle-{}={bundle}", post.id);
        let back = send(&caller, &cookie, "/console/me", &format!("{path}/decide"), &form).await;
        let html = text(&back);
        assert!(html.contains("the post has changed since you read it"), "{} {html}", back.status);
        assert!(!html.contains("Approve again if the post is to go out"), "{html}");
        worker.stop().await.unwrap();
    }

    async fn a_page_that_is_older_than_a_failure_comes_back_with_it(bench) {
        let worker = bench.start().await;
        verbs::check_due(&bench.app).await.unwrap();
        let post = bench.submit(routine(&["alpha"])).await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        let path = format!("/console/approvals/{}", post.id);
        let page = read(&caller, &cookie, &path).await;
        assert!(!page.contains("name=\"unready\""), "{page}");
        bench.sandbox.set_health("alpha", false);
        bench.app.clock().advance(11 * MINUTE);
        let bundle = hidden(&page, &format!("bundle-{}", post.id));
        let form = format!("decision=approve&bundle-{}={bundle}", post.id);
        let decide = async |form: &str| send(&caller, &cookie, "/console/me", &format!("{path}/decide"), form).await;
        let back = decide(&form).await;
        let html = text(&back);
        assert_eq!(back.status, 422, "{html}");
        assert!(html.contains("Nothing was approved") && html.contains("the sandbox answered 503"), "{html}");
        let known = hidden(&html, "unready");
        assert_eq!(known, bench.channels[0]);
        assert_eq!(decide(&format!("{form}&unready={known}")).await.status, 303);
        worker.stop().await.unwrap();
    }
}
