//! The schedule of a Buffer against a strict one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::planner_trials::{self as trials, SECRET, first, kept, mark};
use crate::scheduler::{Back, Discarded, Listing, Standing, Stop};
use crate::strict::{Asked, Fate, Network, Said, Strict, good};
use crate::suite::{self, Cut};
use crate::{Channel, Pass, buffer};

#[derive(Clone, Default)]
struct Queue {
    posts: Vec<Value>,
    edits: usize,
    /// What it says instead of doing an edit.
    refuses: Option<Value>,
    /// Its key may not read posts.
    no_posts: bool,
    /// How many requests it still takes, by its answers.
    left: Option<u32>,
    /// What stands in the list, besides.
    odd: Vec<Value>,
    /// It shows what it has accepted only after so many looks.
    stale: usize,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

fn at(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

/// The fields of an object, sorted.
fn names(of: &Value) -> Vec<&str> {
    let mut names: Vec<_> = of.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

impl Queue {
    fn with(minutes: &[i64]) -> Self {
        let post = |(n, minutes): (usize, &i64)| {
            json!({
                "id": format!("6a{n}"), "status": "scheduled", "text": format!("Sale {n}"), "dueAt": at(*minutes),
                "channelId": "c1", "channelService": "linkedin", "shareMode": "addToQueue",
                "schedulingType": "automatic", "updatedAt": "2023-11-01T00:00:00Z",
                "assets": [{ "type": "image", "source": "https://buffer.example/1.png" }],
            })
        };
        Self { posts: minutes.iter().enumerate().map(post).collect(), ..Self::default() }
    }

    fn list(&self, asked: &Value, faults: &mut Vec<String>) -> Value {
        let input = &asked["input"];
        if names(asked) != ["after", "first", "input"] || names(input) != ["filter", "organizationId", "sort"]
        {
            faults.push(format!("a list of {asked}"));
        }
        assert_eq!(
            (&input["organizationId"], &input["filter"]["status"]),
            (&json!("org1"), &json!(["scheduled"]))
        );
        let all = self.posts.iter().filter(|p| p["status"] == "scheduled").chain(&self.odd);
        let all: Vec<_> = all.collect();
        // Short pages.
        let begin: usize = asked["after"].as_str().map_or(0, |after| after.parse().unwrap());
        let edges: Vec<_> = all.iter().skip(begin).take(2).map(|post| json!({ "node": post })).collect();
        let page = json!({ "hasNextPage": begin + 2 < all.len(), "endCursor": (begin + 2).to_string() });
        json!({ "data": { "posts": { "edges": edges, "pageInfo": page } } })
    }

    fn edit(&mut self, input: &Value, faults: &mut Vec<String>) -> Value {
        if let Some(refusal) = &self.refuses {
            return refusal.clone();
        }
        let known = ["dueAt", "id", "mode", "saveToDraft"];
        if names(input).iter().any(|name| !known.contains(name)) {
            faults.push(format!("an edit of {input}"));
        }
        let Some(post) = self.posts.iter_mut().find(|p| p["id"] == input["id"]) else {
            return json!({ "data": { "editPost": { "__typename": "NotFoundError", "message": "none" } } });
        };
        self.edits += 1;
        if input["saveToDraft"] == true {
            post["status"] = "draft".into();
        } else {
            assert_eq!(input["mode"], "customScheduled");
            post["status"] = "scheduled".into();
            post["dueAt"] = input["dueAt"].clone();
        }
        post["updatedAt"] = format!("2023-11-02T00:00:0{}Z", self.edits).into();
        let told = json!({ "id": post["id"], "status": post["status"] });
        json!({ "data": { "editPost": { "__typename": "PostActionSuccess", "post": told } } })
    }
}

impl Network for Queue {
    fn makes(_: &str, _: &str) -> bool {
        true
    }

    fn headers(&self) -> String {
        let line = |left| {
            format!(
                "RateLimit: \"100-in-15min\";r=99;t=800\r\nRateLimit: \"100-in-1day\";r={left};t=80000\r\n"
            )
        };
        self.left.map_or_else(String::new, line)
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != format!("Bearer {SECRET}") {
            let words = asked.header("authorization");
            let error = json!({ "message": words, "extensions": { "code": "UNAUTHENTICATED" } });
            return good(json!({ "data": null, "errors": [error] }));
        }
        let sent = asked.json();
        if (asked.method.as_str(), asked.path.as_str()) != ("POST", "/")
            || names(&sent) != ["query", "variables"]
        {
            faults.push(format!("{} {} {sent}", asked.method, asked.path));
        }
        let variables = &sent["variables"];
        let query = sent["query"].as_str().unwrap();
        good(match query.split('(').next().unwrap() {
            "query Posts" => self.list(variables, faults),
            "query Check" => {
                let known = ["filter", "organizationId", "sort"];
                if names(variables) != ["channels", "posts"] || names(&variables["posts"]) != known {
                    faults.push(format!("a check of {variables}"));
                }
                if self.no_posts {
                    let error = json!({ "message": "no", "extensions": { "code": "FORBIDDEN" } });
                    json!({ "data": { "channels": [{ "id": "c1" }], "posts": null }, "errors": [error] })
                } else {
                    json!({ "data": { "channels": [{ "id": "c1" }], "posts": { "edges": [] } } })
                }
            }
            "query Post" => match self.posts.iter().find(|p| p["id"] == variables["id"]) {
                Some(post) if self.stale > 0 && self.edits > 0 => {
                    self.stale -= 1;
                    let mut post = post.clone();
                    post["status"] = "scheduled".into();
                    json!({ "data": { "post": post } })
                }
                Some(post) => json!({ "data": { "post": post } }),
                None => {
                    let error = json!({ "message": "none", "extensions": { "code": "NOT_FOUND" } });
                    json!({ "data": null, "errors": [error] })
                }
            },
            "mutation Edit" => self.edit(&variables["input"], faults),
            other => panic!("{other}"),
        })
    }
}

fn settings(url: &str) -> Value {
    json!({ "org": "org1", "server": url })
}

async fn open(queue: Queue, fates: &[Fate]) -> (Strict<Queue>, Box<dyn Channel>) {
    trials::start(queue, fates, &buffer::ADAPTER, settings).await
}

fn waiting(queue: &Queue) -> usize {
    queue.posts.iter().filter(|p| p["status"] == "scheduled").count()
}

#[tokio::test]
async fn nothing_is_published_through_buffer() {
    let server = Strict::start(Queue::default(), &[]).await;
    trials::publishes_nothing(&server, &buffer::ADAPTER, settings(&server.url)).await;
}

#[tokio::test]
async fn a_hold_that_goes_wrong_is_never_taken_for_one() {
    // The list comes before it.
    trials::holds(1, Queue::with(&[60]), &buffer::ADAPTER, settings, waiting).await;
}

#[tokio::test]
async fn what_is_scheduled_becomes_a_draft_and_goes_back_once() {
    let (server, channel) = open(Queue::with(&[60, 70, 80]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap();
    assert_eq!((all.items.len(), all.unseen), (3, None), "of all pages");
    let post = &all.items[0];
    assert_eq!(
        (post.words.as_str(), post.due, post.snapshot["assets"][0]["type"].as_str()),
        ("Sale 0", at(60), Some("image"))
    );
    let mark = mark(schedule.hold(post).await);
    assert_eq!(waiting(&server.state().network), 2);
    assert!(schedule.caution(&post.snapshot, &mark).is_some_and(|why| why.contains("queue")));
    let kept = kept(post, &mark);
    assert_eq!(schedule.restored(&kept, at(90)).await, Ok(None));
    let closed = Gate::closed(Duration::from_secs(60)).unlisted("routine");
    assert!(matches!(schedule.restore(&kept, at(90), &closed).await, Back::Left(_)));
    for past in [at(-60), at(0), at(4)] {
        assert!(
            matches!(schedule.restore(&kept, past, &Pass::open_for_tests()).await, Back::Left(_)),
            "{past}"
        );
    }
    assert_eq!(waiting(&server.state().network), 2);
    let seen = Back::Scheduled("6a0".to_owned());
    assert_eq!(schedule.restore(&kept, at(90), &Pass::open_for_tests()).await, seen);
    assert_eq!(schedule.restored(&kept, at(90)).await, Ok(Some(seen)));
    let again = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
    assert!(matches!(again, Back::Changed(_)), "{again:?}");
    assert_eq!(schedule.discard(&kept).await, Discarded::Scheduled);
    assert_eq!(server.state().network.edits, 2);
}

/// The same with a clock that can be moved.
async fn open_at(queue: Queue) -> (Strict<Queue>, Box<dyn Channel>, Arc<Mutex<DateTime<Utc>>>) {
    let server = Strict::start(queue, &[]).await;
    let time = Arc::new(Mutex::new(now()));
    let clock = Arc::clone(&time);
    let connection = suite::connection(settings(&server.url), Some(SECRET));
    let clock: crate::Clock = Arc::new(move || *clock.lock().unwrap());
    let channel = (buffer::ADAPTER.connect)(&crate::Connection { clock, ..connection }).unwrap();
    (server, channel, time)
}

fn ids(listing: &Listing) -> Vec<&str> {
    let mut ids: Vec<_> = listing.items.iter().map(|item| item.remote_id.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_list_counts_for_ten_minutes_and_for_one_freeze() {
    let (server, channel, time) = open_at(Queue::with(&[60, 70])).await;
    let schedule = channel.scheduler().unwrap();
    let begun = schedule.list_under(1).await.unwrap();
    assert_eq!((ids(&begun), begun.read_at), (vec!["6a0", "6a1"], None));
    mark(schedule.hold(&begun.items[0]).await);
    let asked = server.state().requests.len();
    assert_eq!(asked, 3, "what was listed just now needs no look before it is held");
    let kept = schedule.list_under(1).await.unwrap();
    assert_eq!((ids(&kept), kept.read_at), (vec!["6a1"], Some(now())), "without what is held");
    assert_eq!(server.state().requests.len(), asked);
    // Somebody schedules it again, and another freeze begins.
    server.state().network.posts[0]["status"] = "scheduled".into();
    assert_eq!(ids(&schedule.list_under(1).await.unwrap()), ["6a1"]);
    *time.lock().unwrap() += TimeDelta::minutes(1);
    let next = schedule.list_under(2).await.unwrap();
    assert_eq!((ids(&next), next.read_at), (vec!["6a0", "6a1"], None));
    *time.lock().unwrap() += TimeDelta::minutes(10);
    assert_eq!(schedule.list_under(2).await.unwrap().read_at, None, "read again");
    // When few requests are left they are kept for holds.
    server.state().network.left = Some(30);
    schedule.list_under(3).await.unwrap();
    *time.lock().unwrap() += TimeDelta::minutes(59);
    assert!(schedule.list_under(3).await.unwrap().read_at.is_some());
    server.state().network.left = Some(31);
    schedule.list_under(4).await.unwrap();
    *time.lock().unwrap() += TimeDelta::minutes(10);
    assert_eq!(schedule.list_under(4).await.unwrap().read_at, None);
}

#[tokio::test]
async fn what_was_put_back_or_changed_is_listed_as_it_is() {
    let (server, channel, time) = open_at(Queue::with(&[60, 70])).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list_under(1).await.unwrap().items;
    let kept = kept(&all[0], &mark(schedule.hold(&all[0]).await));
    *time.lock().unwrap() += TimeDelta::minutes(1);
    server.state().network.posts[1]["text"] = "Other".into();
    assert!(matches!(schedule.hold(&all[1]).await, Stop::Left(_)));
    let again = schedule.list_under(1).await.unwrap();
    assert_eq!((ids(&again), again.items[0].words.as_str()), (vec!["6a1"], "Other"), "with its new mark");
    let back = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Scheduled(_)), "{back:?}");
    assert_eq!(ids(&schedule.list_under(1).await.unwrap()), ["6a0", "6a1"]);
    mark(schedule.hold(&again.items[0]).await);
}

#[tokio::test]
async fn what_is_odd_is_told_and_an_accepted_hold_that_is_not_shown_yet_is_a_doubt() {
    let odd = vec![json!({ "id": "6b1", "status": "scheduled", "dueAt": null }), json!({ "id": "?" })];
    let (_server, channel) = open(Queue { odd, stale: 1, ..Queue::with(&[60, 70]) }, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap();
    assert_eq!((ids(&all), all.unseen.is_some()), (vec!["6a0", "6a1"], true));
    assert!(matches!(schedule.hold(&all.items[0]).await, Stop::Doubt(_)));
    assert!(matches!(schedule.read(&all.items[0]).await, Standing::Held { .. }));
}

#[tokio::test]
async fn a_wait_that_is_told_in_the_body_is_kept() {
    let told = r#"{"errors":[{"message":"Too many requests from this client. Please try again later.","extensions":{"code":"RATE_LIMIT_EXCEEDED","limitType":"CLIENT_ACCOUNT","retryAfter":900}}]}"#;
    let (server, channel, time) = open_at(Queue::with(&[60])).await;
    let (schedule, post) = (channel.scheduler().unwrap(), first(&*channel).await);
    server.state().fates.push_back(Fate::Refused(429, "", told));
    assert!(matches!(schedule.hold(&post).await, Stop::Later(_)));
    let asked = server.state().requests.len();
    *time.lock().unwrap() += TimeDelta::seconds(899);
    assert!(matches!(schedule.hold(&post).await, Stop::Later(_)));
    assert!(!channel.check().await.ready && schedule.spare().is_err());
    assert_eq!(server.state().requests.len(), asked, "no request leaves before it is over");
    *time.lock().unwrap() += TimeDelta::seconds(1);
    mark(schedule.hold(&post).await);
}

#[tokio::test]
async fn what_is_not_ours_is_left() {
    let (server, channel, time) = open_at(Queue::with(&[60])).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    *time.lock().unwrap() += TimeDelta::minutes(1);
    let cases = [
        ("draft", "left"),
        ("needs_approval", "left"),
        ("sent", "out"),
        ("error", "gone"),
        ("sending", "later"),
    ];
    for (status, expected) in cases {
        server.state().network.posts[0]["status"] = status.into();
        let stop = schedule.hold(&post).await;
        assert_eq!(trials::end(&stop), expected, "{status}: {stop:?}");
    }
    server.state().network.posts.clear();
    assert!(matches!(schedule.read(&post).await, Standing::Gone(_)));
    assert_eq!(server.state().network.edits, 0);
}

#[tokio::test]
async fn refusals_with_a_good_status_are_told_apart() {
    let typed = |name: &str| json!({ "data": { "editPost": { "__typename": name, "message": SECRET } } });
    let coded = |code: &str| json!({ "data": null, "errors": [{ "message": SECRET, "extensions": { "code": code } }] });
    let cases = [
        (typed("InvalidInputError"), "left"),
        (typed("LimitReachedError"), "left"),
        (typed("UnexpectedError"), "doubt"),
        (coded("BAD_USER_INPUT"), "left"),
        (coded("FORBIDDEN"), "left"),
        (coded("INTERNAL_SERVER_ERROR"), "doubt"),
    ];
    for (refusal, expected) in cases {
        let queue = Queue { refuses: Some(refusal.clone()), ..Queue::with(&[60]) };
        let (_server, channel) = open(queue, &[]).await;
        let stop = channel.scheduler().unwrap().hold(&first(&*channel).await).await;
        assert!(!format!("{stop:?}").contains(SECRET), "{stop:?}");
        assert_eq!(matches!(stop, Stop::Left(_)), expected == "left", "{refusal}: {stop:?}");
        assert_eq!(matches!(stop, Stop::Doubt(_)), expected == "doubt", "{refusal}: {stop:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_restore_is_settled_by_reading() {
    let lost = Fate::Broken { done: true, at: Cut::BeforeStatus };
    // List, edit, look; then look, edit.
    let fates: Vec<_> = std::iter::repeat_n(Fate::Done, 4).chain([lost]).collect();
    let (_server, channel) = open(Queue::with(&[60]), &fates).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let kept = kept(&post, &mark(schedule.hold(&post).await));
    let back = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Doubt(_)), "{back:?}");
    assert!(matches!(schedule.restored(&kept, at(90)).await, Ok(Some(Back::Scheduled(_)))));
}

#[tokio::test]
async fn a_check_sees_the_channels_and_tells_no_key() {
    let (server, channel) = open(Queue::default(), &[]).await;
    let health = channel.check().await;
    assert!(health.ready && health.detail.contains("one account"), "{health:?}");
    assert_eq!((server.state().requests.len(), health.facts.checked_every), (1, Some(240)));
    server.state().network.no_posts = true;
    let health = channel.check().await;
    assert!(!health.ready, "its schedule cannot be read: {health:?}");
    let wrong = suite::connect(&buffer::ADAPTER, settings(&server.url), Some("hunter3")).unwrap();
    let health = wrong.check().await;
    assert!(!health.ready && !health.detail.contains("hunter3"), "{health:?}");
    assert!(wrong.scheduler().unwrap().list().await.is_err(), "not an empty schedule");
}
