//! The watch over accounts where a look takes from the calls of a day, or costs money (I13): a page of Facebook
//! and an account on X. The servers are small fakes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use holdline::app::channels::{self, ChannelEdit};
use holdline::app::doubts;
use holdline::clock::{Clock, date_time, rfc3339};
use serde_json::{Value, json};

use crate::on_both;
use crate::real_channels::publish;
use crate::support::Bench;
use crate::support::meta::{Answer, form, good, refused};
use crate::watches::{alarms, entries, look, seen, states};

const PAGE: &str = "100200300400500";
const TOKEN: &str = "EAAhunter2";
const MINUTE: i64 = 60_000;

/// An account of either network.
pub struct Account {
    /// Stamps the posts.
    clock: Clock,
    /// The newest first.
    pub posts: Vec<Value>,
    made: usize,
    /// How often its posts were listed for the watch.
    pub looks: usize,
    /// Whether the token may read for the watch.
    reads: bool,
    /// The next post is made, and the answer is lost; reading back does not see it.
    pub loses: bool,
    /// Whoever posts waits.
    pub holds: bool,
    /// Who waits, or has waited.
    pub held: usize,
    /// Whoever looks for the watch waits.
    pub holds_looks: bool,
}

pub type Fake = Arc<Mutex<Account>>;

fn account(bench: &Bench) -> Fake {
    let clock = bench.app.clock().clone();
    let (posts, reads) = (Vec::new(), true);
    let (loses, holds, holds_looks) = (false, false, false);
    Arc::new(Mutex::new(Account {
        clock,
        posts,
        made: 0,
        looks: 0,
        reads,
        loses,
        holds,
        held: 0,
        holds_looks,
    }))
}

async fn serve(routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

/// A post of the page: what stands before so many others.
pub fn add(fake: &Fake, before: usize, message: &str, at: &str) -> String {
    let mut fake = fake.lock().unwrap();
    fake.made += 1;
    let id = format!("{PAGE}_{}", 900 + fake.made);
    let now = date_time(fake.clock.now()).format("%Y-%m-%dT%H:%M:%S+0000").to_string();
    let at = if at.is_empty() { now } else { at.to_owned() };
    let place = fake.posts.len() - before;
    let from = json!({ "id": PAGE, "name": "The Bank" });
    fake.posts.insert(place, json!({ "id": id, "message": message, "created_time": at, "from": from }));
    id
}

async fn feed(State(fake): State<Fake>, headers: HeaderMap, body: String) -> Answer {
    let Some(form) = form(&headers, &body, TOKEN) else { return refused(190, "no token") };
    fake.lock().unwrap().held += 1;
    while fake.lock().unwrap().holds {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let before = fake.lock().unwrap().posts.len();
    let id = add(&fake, before, &form["message"], "");
    if fake.lock().unwrap().loses {
        return refused(1, "something went wrong");
    }
    good(json!({ "id": id, "permalink_url": "https://www.facebook.com/x" }))
}

type Asked = Query<std::collections::HashMap<String, String>>;

async fn published(State(fake): State<Fake>, Query(asked): Asked) -> Answer {
    let is_watch = asked["fields"].contains("from");
    if is_watch && !fake.lock().unwrap().reads {
        return refused(10, "(#10) this needs the permission");
    }
    fake.lock().unwrap().looks += usize::from(is_watch);
    while is_watch && fake.lock().unwrap().holds_looks {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let fake = fake.lock().unwrap();
    let hides = fake.loses && !is_watch;
    good(json!({ "data": if hides { Vec::new() } else { fake.posts.clone() }, "paging": {} }))
}

/// A channel `page`.
async fn page(bench: &mut Bench) -> Fake {
    pages(bench, &["page"]).await
}

/// Channels of one page.
pub async fn pages(bench: &mut Bench, names: &[&str]) -> Fake {
    let fake = account(bench);
    let routes = Router::new()
        .route(&format!("/v26.0/{PAGE}/feed"), post(feed))
        .route(&format!("/v26.0/{PAGE}/published_posts"), get(published))
        .route("/v26.0/{id}", get(async || good(json!({ "id": PAGE, "name": "The Bank" }))))
        .with_state(fake.clone());
    let settings = json!({ "server": serve(routes).await, "page": PAGE });
    for name in names {
        bench.connect_with(name, "facebook", settings.clone(), Some(TOKEN)).await;
    }
    fake
}

async fn tweet(State(fake): State<Fake>, Json(sent): Json<Value>) -> Json<Value> {
    Json(json!({ "data": { "id": tweeted(&fake, sent["text"].as_str().unwrap()) } }))
}

fn tweeted(fake: &Fake, text: &str) -> String {
    let mut fake = fake.lock().unwrap();
    fake.made += 1;
    let (id, now) = ((1_000 + fake.made).to_string(), rfc3339(fake.clock.now()));
    fake.posts.insert(0, json!({ "id": id, "text": text, "created_at": now }));
    id
}

async fn tweets(State(fake): State<Fake>, Query(asked): Asked) -> Json<Value> {
    let mut fake = fake.lock().unwrap();
    fake.looks += usize::from(asked["exclude"] == "replies");
    let is_asked = |p: &&Value| p["created_at"].as_str().unwrap()[..19] >= asked["start_time"][..19];
    let posts: Vec<&Value> = fake.posts.iter().filter(is_asked).collect();
    Json(json!({ "meta": { "result_count": posts.len() }, "data": posts }))
}

async fn x(bench: &mut Bench, watch: &str) -> Fake {
    let fake = account(bench);
    let me = json!({ "data": { "id": "7", "username": "bank" } });
    let routes = Router::new()
        .route("/2/users/me", get(async || Json(me)))
        .route("/2/tweets", post(tweet))
        .route("/2/users/7/tweets", get(tweets))
        .with_state(fake.clone());
    let settings = json!({ "server": serve(routes).await, "watch": watch });
    bench.connect_with("x", "x", settings, Some("hunter2")).await;
    fake
}

/// Says how often the last channel is looked at, and waits until somebody could.
pub async fn watch(bench: &Bench, minutes: &str) {
    let (app, by, id) = (&bench.app, &bench.administrator, bench.channels.last().unwrap());
    let mut settings = channels::get(app, by, id).await.unwrap().settings;
    settings["watch"] = minutes.into();
    let edit = ChannelEdit { settings: Some(settings), ..ChannelEdit::default() };
    channels::edit(app, by, id, None, edit).await.unwrap();
    channels::test(app, by, id).await.unwrap();
}

on_both! {
    async fn a_post_on_a_page_of_facebook_that_nobody_here_sent_raises_an_alarm(bench) {
        let mut bench = bench;
        let fake = page(&mut bench).await;
        let worker = bench.start().await;
        add(&fake, 0, "It was there before", "2019-01-01T00:00:00+0000");
        let list = look(&bench).await;
        assert!(list.accounts[0].looked_at.is_some() && list.posts.is_empty(), "{list:?}");
        publish(&bench, "page", json!({ "text": "Cards work again" })).await;
        bench.app.clock().advance(5 * MINUTE);
        assert!(look(&bench).await.posts.is_empty());
        let id = add(&fake, 2, "Send your coins to us", "2020-01-01T00:00:00+0000");
        // Not yet its turn.
        assert!(look(&bench).await.posts.is_empty());
        let before = fake.lock().unwrap().looks;
        bench.app.clock().advance(5 * MINUTE);
        let list = look(&bench).await;
        assert!(fake.lock().unwrap().looks > before);
        assert_eq!(states(&list, ""), ["foreign"], "whatever date they gave it, and ours is none: {list:?}");
        let [post] = seen(&list, "Send your coins")[..] else { panic!("{list:?}") };
        assert_eq!(post.id, id);
        let [alarm] = &alarms(&bench, "Send your coins").await[..] else { panic!("one alarm") };
        assert_eq!(alarm.playbook.as_deref(), Some("account_taken"));
        assert!(alarm.title.contains("The Bank"), "{}", alarm.title);
        worker.stop().await.unwrap();
    }

    async fn old_posts_that_facebook_lists_only_now_raise_no_alarm(bench) {
        let mut bench = bench;
        let fake = page(&mut bench).await;
        let worker = bench.start().await;
        // Nothing may be read at first, which some accesses see as an empty list.
        assert!(look(&bench).await.accounts[0].looked_at.is_some());
        add(&fake, 0, "Of years ago", "2019-01-01T00:00:00+0000");
        add(&fake, 0, "Of years ago, too", "2018-01-01T00:00:00+0000");
        bench.app.clock().advance(5 * MINUTE);
        assert_eq!(states(&look(&bench).await, ""), ["unsure"; 2]);
        // Another one is ranked among them.
        add(&fake, 1, "Of years ago, ranked", "2017-01-01T00:00:00+0000");
        add(&fake, 3, "Send your coins to us", "");
        bench.app.clock().advance(5 * MINUTE);
        let list = look(&bench).await;
        assert_eq!(states(&list, "Of years ago"), ["unsure"; 3], "{list:?}");
        assert_eq!(states(&list, "Send your coins"), ["foreign"], "{list:?}");
        worker.stop().await.unwrap();
    }

    async fn a_post_of_ours_on_a_page_is_none_of_theirs_while_it_is_in_doubt(bench) {
        let mut bench = bench;
        let fake = page(&mut bench).await;
        let worker = bench.start().await;
        look(&bench).await;
        fake.lock().unwrap().loses = true;
        let new = json!({ "kind": "routine", "channels": ["page"], "source": { "text": "Once only" } });
        let sent = bench.approved(new).await;
        let doubt = bench.until(&sent.id, &["in_doubt"]).await.deliveries.remove(0);
        bench.app.clock().advance(5 * MINUTE);
        assert_eq!(states(&look(&bench).await, "Once only"), ["open"]);
        fake.lock().unwrap().loses = false;
        // The sender may have settled it by itself.
        doubts::read_back(&bench.app, &bench.approver, &doubt.id).await.ok();
        bench.until(&sent.id, &["accepted"]).await;
        bench.app.clock().advance(5 * MINUTE);
        assert!(look(&bench).await.posts.is_empty(), "it is ours");
        assert!(alarms(&bench, "Once only").await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_page_that_may_not_be_read_is_told_once_without_an_alarm_and_goes_on_publishing(bench) {
        let mut bench = bench;
        let fake = page(&mut bench).await;
        fake.lock().unwrap().reads = false;
        let worker = bench.start().await;
        for _ in 0..31 {
            let list = look(&bench).await;
            let why = list.accounts[0].trouble.as_ref().unwrap();
            assert!(why.contains("grant it pages_read_engagement") && !why.contains("hunter2"), "{why}");
            bench.app.clock().advance(MINUTE);
        }
        assert_eq!(entries(&bench, "watch.fails").await, 1, "once");
        assert!(alarms(&bench, "").await.is_empty(), "what was never looked at is not lost");
        publish(&bench, "page", json!({ "text": "Cards work again" })).await;
        worker.stop().await.unwrap();
    }

    async fn on_x_nobody_looks_unless_that_was_asked_for(bench) {
        let mut bench = bench;
        let fake = x(&mut bench, "").await;
        let worker = bench.start().await;
        for _ in 0..3 {
            bench.app.clock().advance(60 * MINUTE);
            assert!(look(&bench).await.accounts.is_empty());
        }
        assert_eq!(fake.lock().unwrap().looks, 0, "X charges for each post that it lists");
        worker.stop().await.unwrap();
    }

    async fn the_watch_on_x_is_turned_on_and_off_without_another_token(bench) {
        let mut bench = bench;
        let fake = x(&mut bench, "").await;
        let worker = bench.start().await;
        publish(&bench, "x", json!({ "text": "Cards work again" })).await;
        watch(&bench, "15").await;
        assert!(look(&bench).await.posts.is_empty());
        watch(&bench, "").await;
        assert!(look(&bench).await.accounts.is_empty());
        tweeted(&fake, "By hand");
        bench.app.clock().advance(5 * MINUTE);
        watch(&bench, "15").await;
        assert_eq!(states(&look(&bench).await, ""), ["unsure"], "nobody was asked to look");
        tweeted(&fake, "Send your coins to us");
        bench.app.clock().advance(15 * MINUTE);
        assert_eq!(states(&look(&bench).await, "Send your coins"), ["foreign"]);
        worker.stop().await.unwrap();
    }

    async fn what_was_posted_with_a_stolen_token_before_it_was_replaced_is_an_alarm(bench) {
        let mut bench = bench;
        let fake = x(&mut bench, "60").await;
        let worker = bench.start().await;
        tweeted(&fake, "It was there before");
        look(&bench).await;
        bench.app.clock().advance(5 * MINUTE);
        tweeted(&fake, "Send your coins to us");
        bench.app.clock().advance(40 * MINUTE);
        let (app, by, id) = (&bench.app, &bench.administrator, bench.channels.last().unwrap());
        let edit = ChannelEdit { credential: Some("hunter2".to_owned().into()), ..ChannelEdit::default() };
        channels::edit(app, by, id, None, edit).await.unwrap();
        let list = look(&bench).await;
        assert_eq!(states(&list, ""), ["foreign"], "{list:?}");
        assert_eq!(alarms(&bench, "Send your coins").await.len(), 1);
        worker.stop().await.unwrap();
    }

    async fn a_post_on_x_that_nobody_here_sent_raises_an_alarm(bench) {
        let mut bench = bench;
        let fake = x(&mut bench, "15").await;
        let worker = bench.start().await;
        assert!(look(&bench).await.accounts[0].looked_at.is_some());
        publish(&bench, "x", json!({ "text": "Cards work again" })).await;
        let id = tweeted(&fake, "Send your coins to us");
        let before = fake.lock().unwrap().looks;
        bench.app.clock().advance(14 * MINUTE);
        assert!(look(&bench).await.posts.is_empty(), "not yet its turn");
        assert_eq!(fake.lock().unwrap().looks, before);
        bench.app.clock().advance(MINUTE);
        let list = look(&bench).await;
        assert_eq!(states(&list, ""), ["foreign"], "{list:?}");
        assert_eq!(seen(&list, "Send your coins")[0].id, id);
        let [alarm] = &alarms(&bench, "Send your coins").await[..] else { panic!("one alarm") };
        assert!(alarm.title.contains("@bank"), "{}", alarm.title);
        worker.stop().await.unwrap();
    }
}
