//! What the core does with an account on X, which takes the same words only once. The server is a small
//! fake.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use holdline::app::held::{self, Choice, Review, Settle, Settlement};
use holdline::app::{doubts, posts};
use holdline::clock::{Clock, rfc3339};
use serde_json::{Value, json};

use crate::commands::run;
use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::visitor::{read, send, text as text_of};

pub struct Account {
    /// Stamps the posts.
    clock: Clock,
    pub posts: Vec<(String, String)>,
    /// How many were ever made: each has an id of its own.
    made: usize,
    /// The next post is made, and the answer says otherwise.
    pub loses: bool,
    /// The list does not show the posts yet.
    lags: bool,
    /// What each post answers.
    answers: Vec<(String, String)>,
    /// Answers of apps are refused.
    pub takes_no_answers: bool,
    /// The account posts too fast: answers are refused until it has waited so many seconds.
    busy: Option<u32>,
}

impl Account {
    fn refers(&self, id: &str) -> Vec<Value> {
        let own = self.answers.iter().filter(|(answer, _)| answer == id);
        own.map(|(_, to)| json!({ "type": "replied_to", "id": to })).collect()
    }
}

pub type Fake = Arc<Mutex<Account>>;

async fn make(State(fake): State<Fake>, Json(sent): Json<Value>) -> Response {
    if let (Some(seconds), true) = (fake.lock().unwrap().busy, sent["reply"].is_object()) {
        let wait = [("retry-after", seconds.to_string())];
        return (StatusCode::TOO_MANY_REQUESTS, wait, Json(json!({}))).into_response();
    }
    made(&fake, &sent).into_response()
}

fn made(fake: &Fake, sent: &Value) -> (StatusCode, Json<Value>) {
    let mut fake = fake.lock().unwrap();
    let text = sent["text"].as_str().unwrap().to_owned();
    if fake.posts.iter().any(|(_, known)| *known == text) {
        let detail = "You are not allowed to create a Tweet with duplicate content.";
        return (StatusCode::FORBIDDEN, Json(json!({ "detail": detail, "status": 403 })));
    }
    let after = sent["reply"]["in_reply_to_tweet_id"].as_str();
    if after.is_some() && fake.takes_no_answers {
        let detail = "You may not answer this conversation.";
        return (StatusCode::FORBIDDEN, Json(json!({ "detail": detail, "status": 403 })));
    }
    fake.made += 1;
    let id = (1_000 + fake.made).to_string();
    fake.answers.extend(after.map(|after| (id.clone(), after.to_owned())));
    fake.posts.push((id.clone(), text));
    if std::mem::take(&mut fake.loses) {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
    }
    (StatusCode::CREATED, Json(json!({ "data": { "id": id } })))
}

async fn list(State(fake): State<Fake>) -> Json<Value> {
    let fake = fake.lock().unwrap();
    let (posts, now) = (fake.posts.iter().filter(|_| !fake.lags), rfc3339(fake.clock.now()));
    let data =
        posts.map(|(id, text)| json!({ "id": id, "text": text, "created_at": now, "referenced_tweets": fake.refers(id) }));
    let data: Vec<Value> = data.collect();
    Json(json!({ "meta": { "result_count": data.len() }, "data": data }))
}

async fn remove(State(fake): State<Fake>, Path(id): Path<String>) -> Json<Value> {
    fake.lock().unwrap().posts.retain(|(known, _)| *known != id);
    Json(json!({ "data": { "deleted": true } }))
}

async fn connect(bench: &mut Bench) -> Fake {
    connect_with(bench, "").await
}

pub async fn connect_with(bench: &mut Bench, threads: &str) -> Fake {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let clock = bench.app.clock().clone();
    let account = Account {
        clock,
        posts: Vec::new(),
        made: 0,
        loses: false,
        lags: false,
        answers: Vec::new(),
        takes_no_answers: false,
        busy: None,
    };
    let fake = Arc::new(Mutex::new(account));
    let routes = Router::new()
        .route("/2/users/me", get(|| async { Json(json!({ "data": { "id": "7", "username": "bank" } })) }))
        .route("/2/tweets", post(make))
        .route("/2/tweets/{id}", delete(remove))
        .route("/2/users/7/tweets", get(list))
        .with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    bench.connect_with("x", "x", json!({ "server": url, "threads": threads }), Some("hunter2")).await;
    fake
}

pub async fn deliver(bench: &Bench, text: &str, state: &str) -> String {
    let new = json!({ "kind": "routine", "channels": ["x"], "source": { "text": text } });
    let sent = bench.approved(new).await;
    bench.until(&sent.id, &[state]).await.deliveries.remove(0).id
}

/// The state of a delivery, and why it is so.
pub async fn told(bench: &Bench, delivery: &str) -> (String, String) {
    let doubt = doubts::get(&bench.app, &bench.approver, delivery).await.unwrap();
    let state = serde_json::to_value(doubt.state).unwrap().as_str().unwrap().to_owned();
    (state, doubt.reason.unwrap_or_default())
}

/// Two parts that together are too long for one post.
pub fn parts() -> [String; 2] {
    ["It began at nine.", "Cards work again."].map(|words| format!("{words} {}", "Safe. ".repeat(25)))
}

/// Waits until something is so.
pub async fn until(what: impl AsyncFn() -> bool) {
    for _ in 0..400 {
        if what().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come to that");
}

async fn read_back(bench: &Bench, delivery: &str) -> String {
    doubts::read_back(&bench.app, &bench.approver, delivery).await.unwrap();
    told(bench, delivery).await.0
}

on_both! {
    async fn the_same_words_twice_are_refused_at_first_and_a_doubt_after_a_doubt(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        let worker = bench.start().await;
        let already = "X says that the account has posted these words already (status 403): You are not allowed";
        let first = deliver(&bench, "Cards fail.", "accepted").await;
        // Nobody tried this one before: what is there is another's.
        let second = deliver(&bench, "Cards fail.", "failed").await;
        assert!(told(&bench, &second).await.1.starts_with(already));
        // It is out, and the network says neither that nor shows it; a person is mistaken, and it is tried again.
        { let mut fake = fake.lock().unwrap(); fake.loses = true; fake.lags = true; }
        let lost = deliver(&bench, "Cards work again.", "in_doubt").await;
        assert_eq!(read_back(&bench, &lost).await, "in_doubt");
        let word = Settle { settlement: Settlement::TryAgain, note: "not there".into(), url: None };
        held::settle(&bench.app, &bench.approver, &lost, &word).await.unwrap();
        for _ in 0..200 {
            if told(&bench, &lost).await.1.starts_with(already) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (state, why) = told(&bench, &lost).await;
        assert!(state == "in_doubt" && why.starts_with(already), "{state}: {why}");
        assert_eq!(read_back(&bench, &lost).await, "in_doubt", "not to be seen yet, which proves nothing");
        fake.lock().unwrap().lags = false;
        assert_eq!(read_back(&bench, &lost).await, "accepted");
        assert_eq!(fake.lock().unwrap().posts.len(), 2, "one copy of each");
        // Each takes down its own.
        for delivery in [&lost, &first] {
            let gone = held::retract(&bench.app, &bench.approver, delivery, "wrong").await.unwrap();
            assert_eq!(gone, ::channels::Retraction::Gone);
        }
        assert!(fake.lock().unwrap().posts.is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_thread_stops_where_x_takes_no_answers_and_nothing_is_sent_twice(bench) {
        let mut bench = bench;
        let fake = connect_with(&mut bench, "on").await;
        fake.lock().unwrap().takes_no_answers = true;
        let worker = bench.start().await;
        let stopped = deliver(&bench, &parts().join("\n---\n"), "in_doubt").await;
        let said = "parts out: 1 of 2; X may take no answer to the account's own post: X refuses the post (status 403)";
        assert!(told(&bench, &stopped).await.1.starts_with(said), "{:?}", told(&bench, &stopped).await);
        assert_eq!(read_back(&bench, &stopped).await, "in_doubt");
        assert!(told(&bench, &stopped).await.1.starts_with(said), "why it stopped is told still");
        let again = Settle { settlement: Settlement::TryAgain, note: "perhaps now".into(), url: None };
        held::settle(&bench.app, &bench.approver, &stopped, &again).await.unwrap();
        for _ in 0..200 {
            let tries = bench.look().await.attempts(&stopped).await.unwrap().len();
            if tries > 1 && told(&bench, &stopped).await.0 == "in_doubt" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(told(&bench, &stopped).await.1.starts_with(said));
        assert_eq!(fake.lock().unwrap().posts.len(), 1, "the first part, once");
        // X lets the account have its way: the thread goes on after what is out.
        fake.lock().unwrap().takes_no_answers = false;
        held::settle(&bench.app, &bench.approver, &stopped, &again).await.unwrap();
        let accepted = async || told(&bench, &stopped).await.0 == "accepted";
        for _ in 0..200 {
            if accepted().await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(accepted().await);
        let (posts, answers) = { let fake = fake.lock().unwrap(); (fake.posts.clone(), fake.answers.clone()) };
        assert_eq!((posts.len(), answers), (2, vec![(posts[1].0.clone(), posts[0].0.clone())]));
        let gone = held::retract(&bench.app, &bench.approver, &stopped, "wrong").await.unwrap();
        assert_eq!((gone, fake.lock().unwrap().posts.len()), (::channels::Retraction::Gone, 0));
        worker.stop().await.unwrap();
    }

    async fn a_thread_that_was_taken_down_is_not_tried_again(bench) {
        let mut bench = bench;
        let fake = connect_with(&mut bench, "on").await;
        fake.lock().unwrap().takes_no_answers = true;
        let worker = bench.start().await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        let stopped = deliver(&bench, &parts().join("\n---\n"), "in_doubt").await;
        let page = format!("/console/doubts/{stopped}");
        let offers = async || read(&caller, &cookie, &page).await.contains("value=\"try_again\"");
        assert!(offers().await);
        // Nobody saw the second part, so it is not said to be gone.
        let down = held::retract(&bench.app, &bench.approver, &stopped, "wrong").await.unwrap();
        let why = "parts taken down: 1 of 2; look whether another one is there";
        assert_eq!((down, told(&bench, &stopped).await), (::channels::Retraction::StillLive(why.into()), ("in_doubt".into(), why.into())));
        fake.lock().unwrap().takes_no_answers = false;
        // What a look sees by what is written down is gone by now.
        assert_eq!(read_back(&bench, &stopped).await, "in_doubt");
        assert!(!offers().await);
        let again = Settle { settlement: Settlement::TryAgain, note: "perhaps now".into(), url: None };
        let refused = held::settle(&bench.app, &bench.approver, &stopped, &again).await.unwrap_err().to_string();
        assert!(refused.contains("no part is sent after those; settle it as not published, and write a new post"), "{refused}");
        let words = ["held", "settle", &stopped, "try_again", "--note", "perhaps now"];
        let (code, _, said) = run(&caller, &caller.operator, &words).await;
        assert!(code != Some(0) && said.contains("write a new post"), "{said}");
        assert!(read(&caller, &cookie, &page).await.contains("value=\"taken_down\""));
        let no = Settle { settlement: Settlement::NotPublished, note: "nothing is there".into(), url: None };
        held::settle(&bench.app, &bench.approver, &stopped, &no).await.unwrap();
        let release = Review { choice: Choice::Release, deliveries: vec![stopped.clone()], label: None, hash: None,
            expected: None, at: None, zone: None, spread_minutes: 0 };
        let left = held::review(&bench.app, &bench.approver, &release).await.unwrap();
        assert_eq!((left.changed, left.left[0].1.as_str()), (0, "a person wanted it taken down, so it is not sent on; cancel it, and write a new post"));
        // However it comes back into the queue, the sender knows it, too.
        bench.sql(&format!("update deliveries set state = 'scheduled', ready_at = 0 where id = '{stopped}'")).await;
        let failed = async || told(&bench, &stopped).await == ("failed".into(), "a person wanted it taken down, so nothing more of it is sent".into());
        until(async || failed().await).await;
        assert!(fake.lock().unwrap().posts.is_empty(), "nothing was sent after what is gone");
        worker.stop().await.unwrap();
    }

    async fn a_stopped_thread_of_which_all_is_taken_down_is_retracted(bench) {
        let mut bench = bench;
        let fake = connect_with(&mut bench, "on").await;
        fake.lock().unwrap().takes_no_answers = true;
        let worker = bench.start().await;
        let text = parts().join("\n---\n");
        let stopped = deliver(&bench, &text, "in_doubt").await;
        // The answer to the second part was lost: it is out, and not written down.
        { let mut fake = fake.lock().unwrap(); fake.takes_no_answers = false; fake.loses = true; }
        let again = Settle { settlement: Settlement::TryAgain, note: "one is there".into(), url: None };
        held::settle(&bench.app, &bench.approver, &stopped, &again).await.unwrap();
        until(async || fake.lock().unwrap().posts.len() == 2 && told(&bench, &stopped).await.0 == "in_doubt").await;
        let gone = held::retract(&bench.app, &bench.approver, &stopped, "wrong").await.unwrap();
        assert_eq!((gone, fake.lock().unwrap().posts.len()), (::channels::Retraction::Gone, 0));
        assert_eq!(told(&bench, &stopped).await.0, "retracted");
        assert!(held::settle(&bench.app, &bench.approver, &stopped, &again).await.is_err());
        // The same words as a new post, with an approval of its own, begin with the first part.
        let new = deliver(&bench, &text, "accepted").await;
        assert_eq!((new == stopped, fake.lock().unwrap().posts.len()), (false, 2));
        worker.stop().await.unwrap();
    }

    async fn a_thread_that_met_a_busy_network_is_for_a_person_and_goes_on_once(bench) {
        let mut bench = bench;
        let fake = connect_with(&mut bench, "on").await;
        fake.lock().unwrap().busy = Some(3_600);
        let worker = bench.start().await;
        let stopped = deliver(&bench, &parts().join("\n---\n"), "in_doubt").await;
        assert_eq!(told(&bench, &stopped).await.1, "parts out: 1 of 2; X asks us to wait (status 429)");
        fake.lock().unwrap().busy = None;
        let again = Settle { settlement: Settlement::TryAgain, note: "the wait is over".into(), url: None };
        held::settle(&bench.app, &bench.approver, &stopped, &again).await.unwrap();
        until(async || told(&bench, &stopped).await.0 == "accepted").await;
        let (posts, answers) = { let fake = fake.lock().unwrap(); (fake.posts.clone(), fake.answers.clone()) };
        assert_eq!((posts.len(), answers), (2, vec![(posts[1].0.clone(), posts[0].0.clone())]), "each part once");
        worker.stop().await.unwrap();
    }

    async fn a_parted_text_is_one_post_on_x_unless_the_channel_asks_for_threads(bench) {
        let mut bench = bench;
        let _fake = connect(&mut bench).await;
        let text = format!("{}\n---\n{}", "a ".repeat(90), "b ".repeat(90));
        let new = serde_json::from_value(json!({ "kind": "routine", "channels": ["x"], "source": { "text": text } })).unwrap();
        let seen = posts::preview(&bench.app, &bench.operator, &new).await.unwrap();
        assert!(seen.channels[0].rendition.more.is_empty() && !seen.channels[0].problems.is_empty());
        bench.sql("update channels set settings = '{\"threads\":\"on\"}' where name = 'x'").await;
        let seen = posts::preview(&bench.app, &bench.operator, &new).await.unwrap();
        assert_eq!((seen.channels[0].rendition.more.len(), seen.channels[0].problems.len()), (1, 0));
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let page = "/console/compose";
        let form = format!("kind=routine&language=en&text-en={text}&brand=main&channel={}&do=preview", seen.channels[0].id);
        let form = form.replace('\n', "%0A");
        let html = text_of(&send(&caller, &cookie, page, page, &form).await);
        assert!(html.contains("X may refuse the second part; then the first stands alone."), "{html}");
    }
}
