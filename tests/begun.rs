//! After a crash a node knows from its own disk what has begun: only that is in doubt, and what waited
//! with a permit goes out at once. Without that file everything is in doubt.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdline::app::audit::{self, AuditFilter};
use holdline::app::channels;
use holdline::app::permits::{self, Rooms};
use holdline::app::sending::{self, Outcome};
use holdline::app::{doubts, nodes, posts};
use holdline::domain::delivery::State;
use holdline::sandbox::Fault;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use crate::on_both;
use crate::support::{Bench, start};

/// Posts that are due at once: more than a webhook sends at a time.
const POSTS: usize = 20;
/// How many calls a webhook makes at a time.
const AT_ONCE: usize = 4;

/// A receiver of webhooks that reads every call, notes its id, and answers once it may.
#[derive(Clone)]
struct Receiver {
    url: String,
    answers: Arc<AtomicBool>,
    seen: Arc<Mutex<HashMap<String, usize>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let it = Self { url, answers: Arc::default(), seen: Arc::default() };
        let shared = it.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let it = shared.clone();
                let service = service_fn(move |request| it.clone().answer(request));
                tokio::spawn(async move {
                    // A client that gives up ends the connection.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        it
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let id = request.headers()["webhook-id"].to_str().unwrap().to_owned();
        request.into_body().collect().await.unwrap();
        *self.seen.lock().unwrap().entry(id).or_default() += 1;
        while !self.answers.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Response::new(Full::default()))
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// Waits until so many deliveries are in that state.
async fn until(bench: &Bench, state: &str, wanted: usize) {
    let (look, begun) = (bench.look().await, Instant::now());
    loop {
        let counts = look.count_by_state().await.unwrap();
        let found = counts.iter().find(|(s, _)| s == state).map_or(0, |(_, n)| *n);
        if usize::try_from(found).unwrap() == wanted {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{counts:?}, wanted {wanted} {state}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Ends a sender in the middle of a rush: some calls are under way, and the rest waits with a permit.
async fn crash(bench: &mut Bench) -> Receiver {
    let receiver = Receiver::start().await;
    let secret = Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    bench.connect_with("hook", "webhook", json!({ "url": receiver.url }), secret).await;
    for n in 0..POSTS {
        let text = json!({"text": format!("post {n}")});
        bench.approved(json!({"kind": "routine", "channels": ["hook"], "source": text})).await;
    }
    let worker = bench.start().await;
    until(bench, "sending", POSTS).await;
    let begun = Instant::now();
    while receiver.count() < AT_ONCE {
        assert!(begun.elapsed() < Duration::from_secs(30), "only {} calls came", receiver.count());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    worker.vanish();
    receiver
}

on_both! {
    async fn after_a_crash_only_what_has_begun_is_in_doubt(bench) {
        let mut bench = bench;
        let receiver = crash(&mut bench).await;
        receiver.answers.store(true, Ordering::SeqCst);
        let next = bench.again().await;
        let worker = start(&next, "a", bench.folder()).await;
        until(&bench, "accepted", POSTS - AT_ONCE).await;
        until(&bench, "in_doubt", AT_ONCE).await;
        let seen = receiver.seen.lock().unwrap().clone();
        assert_eq!(seen.len(), POSTS, "nothing is lost");
        assert!(seen.values().all(|n| *n == 1), "nothing comes twice: {seen:?}");
        worker.stop().await.unwrap();
    }

    async fn without_the_marks_every_permit_is_in_doubt(bench) {
        doubts_all(bench, None).await;
    }

    async fn marks_of_a_database_in_doubt_prove_nothing(bench) {
        doubts_all(bench, Some("update gate set database = 'another'")).await;
    }

    async fn marks_from_before_a_confirmation_prove_nothing(bench) {
        // Somebody confirmed the database while this node was down: it may have lost outcomes.
        doubts_all(bench, Some("update gate set timeline = 'another', epoch = epoch + 5")).await;
    }
}

/// After a crash, and this change behind the node's back or the loss of its file, the next process has
/// every permit in doubt and sends nothing.
async fn doubts_all(mut bench: Bench, change: Option<&str>) {
    let receiver = crash(&mut bench).await;
    receiver.answers.store(true, Ordering::SeqCst);
    match change {
        Some(sql) => bench.sql(sql).await,
        None => std::fs::remove_file(bench.folder().join("begun")).unwrap(),
    }
    let next = bench.again().await;
    let worker = start(&next, "a", bench.folder()).await;
    until(&bench, "in_doubt", POSTS).await;
    assert_eq!(receiver.count(), AT_ONCE, "nothing in doubt is sent");
    worker.stop().await.unwrap();
}

/// Puts a delivery in doubt that never arrived, and lets the next process of the node read it back:
/// after how many reads its absence was proof, and it was sent.
async fn reads_until_sent(bench: &Bench) -> i64 {
    let post =
        bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "x"}})).await;
    let mut rooms = Rooms::default();
    rooms.set(&bench.channels[0], 1);
    let permit = permits::claim(&bench.app, 9, 9, &mut rooms).await.unwrap().permits.remove(0);
    let doubt = Outcome::InDoubt { reason: "cut".into(), readable: true };
    sending::settle(&bench.app, &[(permit.clone(), doubt)], |_| true).await.unwrap();
    let next = bench.again().await;
    let worker = start(&next, "a", bench.folder()).await;
    let look = bench.look().await;
    for (reads, wait) in [(1, 6_000), (2, 31_000), (3, 121_000), (4, 601_000)] {
        bench.app.clock().advance(wait);
        let begun = Instant::now();
        loop {
            let attempt = look.attempts(&permit.delivery).await.unwrap().remove(0);
            if attempt.outcome.as_deref() == Some("rejected") {
                bench.app.clock().advance(600_000);
                bench.until(&post.id, &["accepted"]).await;
                assert_eq!(bench.sandbox.arrived(), 1);
                worker.stop().await.unwrap();
                return reads;
            }
            if attempt.reads >= reads {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "not read: {attempt:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    panic!("absence was never proof");
}

on_both! {
    async fn absence_is_no_proof_while_the_process_may_have_something_under_way(bench) {
        // Only on PostgreSQL can another process be there: SQLite has the lock of its folder. What that
        // one began is over after three minutes, and the fourth read is the first one after that.
        let expected = if bench.url().is_some() { 4 } else { 2 };
        assert_eq!(reads_until_sent(&bench).await, expected);
    }

    async fn absence_is_proof_once_the_process_is_surely_no_more(bench) {
        // The process wrote its file into this folder; whoever comes next has the lock of it.
        bench.start().await.vanish();
        assert_eq!(reads_until_sent(&bench).await, 2);
    }

    async fn a_permit_that_nobody_has_in_hand_is_in_doubt_when_it_must_be_over(bench) {
        let post = bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "x"}})).await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 1);
        permits::claim(&bench.app, 9, 9, &mut rooms).await.unwrap();
        // Its commit came after another process of the node had looked at what was in hand.
        let next = bench.again().await;
        let state = || async { posts::get(&bench.app, &bench.operator, &post.id).await.unwrap().deliveries[0].state };
        nodes::take_over_silent(&next).await.unwrap();
        assert_eq!(state().await, State::Sending, "it may be under way");
        bench.app.clock().advance(181_000);
        nodes::take_over_silent(&next).await.unwrap();
        assert_eq!(state().await, State::InDoubt);
    }

    async fn what_is_in_hand_is_not_read_back_and_a_person_is_told(bench) {
        bench.sandbox.fault("alpha", Fault::Late { ms: 4_000 }, 1);
        let post = bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "x"}})).await;
        let worker = bench.start().await;
        until(&bench, "sending", 1).await;
        // To another process it is over; this one has it in hand.
        let next = bench.again().await;
        next.clock().advance(181_000);
        nodes::take_over_silent(&next).await.unwrap();
        let delivery = bench.until(&post.id, &["in_doubt"]).await.deliveries.remove(0).id;
        let told = doubts::read_back(&bench.app, &bench.approver, &delivery).await.unwrap_err();
        assert!(told.to_string().contains("still under way"), "{told}");
        bench.until(&post.id, &["accepted"]).await;
        worker.stop().await.unwrap();
    }

    async fn what_is_permitted_does_not_go_where_the_channel_leads_since(bench) {
        const SLOW: usize = 16;
        bench.sandbox.fault("alpha", Fault::Late { ms: 1_500 }, SLOW);
        for n in 0..SLOW + 4 {
            let text = json!({"text": format!("post {n}")});
            bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": text})).await;
        }
        let worker = bench.start().await;
        until(&bench, "sending", SLOW + 4).await;
        let edit = serde_json::from_value(json!({"name": "alpha again"})).unwrap();
        channels::edit(&bench.app, &bench.administrator, &bench.channels[0], None, edit).await.unwrap();
        until(&bench, "accepted", SLOW + 4).await;
        let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
        let told = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
        let again = told.iter().filter(|e| format!("{e:?}").contains("the channel was changed meanwhile")).count();
        assert_eq!(again, 4, "those that waited are permitted anew");
        assert_eq!(bench.sandbox.arrived(), SLOW + 4);
        worker.stop().await.unwrap();
    }
}
