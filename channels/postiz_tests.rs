//! The schedule of a Postiz against a strict one.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::planner_trials::{self as trials, SECRET, first, kept, mark};
use crate::schedule_trials::Trial;
use crate::scheduler::{Back, Discarded, Standing, Stop};
use crate::strict::{Asked, Network, Said, Strict, good};
use crate::{Channel, Pass, postiz};

#[derive(Clone, Default)]
struct Planned {
    posts: Vec<Value>,
    accounts: Vec<&'static str>,
    /// How many posts it published.
    out: usize,
    /// It says that it did what it did not.
    deaf: bool,
    /// Windows that begin in time to come fail.
    broken: bool,
    /// What stands in each window, besides.
    odd: Vec<Value>,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

fn at(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

impl Planned {
    fn with(minutes: &[i64]) -> Self {
        let post = |(n, minutes): (usize, &i64)| {
            json!({
                "id": format!("cm{n}"), "content": format!("<p>Sale <b>{n}</b></p>"), "publishDate": at(*minutes),
                "state": "QUEUE", "intervalInDays": null, "group": format!("g{n}"), "settings": "{}",
                "integration": { "id": "acc1", "providerIdentifier": "x", "name": "Bank", "picture": "" },
                "releaseId": null, "releaseURL": null,
            })
        };
        let posts = minutes.iter().enumerate().map(post).collect();
        Self { posts, accounts: vec!["acc1"], ..Self::default() }
    }

    fn shown(&self, asked: &Asked, faults: &mut Vec<String>) -> Value {
        let mut names: Vec<_> = asked.query.keys().map(String::as_str).collect();
        names.sort_unstable();
        if names != ["endDate", "startDate"] {
            faults.push(format!("a list by {names:?}"));
        }
        let day = |name: &str| asked.query[name].parse::<DateTime<Utc>>().unwrap();
        let (from, to) = (day("startDate"), day("endDate"));
        let mut rows = Vec::new();
        for post in &self.posts {
            let date = time(&post["publishDate"]);
            match post["intervalInDays"].as_i64() {
                None if date >= from && date <= to => rows.push(post.clone()),
                None => {}
                Some(days) => {
                    let dates =
                        (0..).map(|n| date + TimeDelta::days(days * n)).take_while(|date| *date <= to);
                    rows.extend(dates.map(|date| {
                        let mut row = post.clone();
                        row["actualDate"] = post["publishDate"].clone();
                        row["publishDate"] = json!(date);
                        row
                    }));
                }
            }
        }
        rows.extend(self.odd.iter().cloned());
        json!({ "posts": rows })
    }

    fn set(&mut self, id: &str, sent: &Value, faults: &mut Vec<String>) -> Said {
        let Some(post) = self.posts.iter_mut().find(|p| p["id"] == id) else {
            return (500, String::new(), json!({ "message": "Internal server error" }));
        };
        if self.deaf {
            return good(post.clone());
        }
        match sent {
            sent if *sent == json!({ "status": "draft" }) => post["state"] = "DRAFT".into(),
            sent if *sent == json!({ "status": "schedule" }) => {
                // As the real one does: whatever it was before.
                let goes_now = time(&post["publishDate"]) <= now();
                self.out += usize::from(goes_now);
                post["state"] = if goes_now { "PUBLISHED" } else { "QUEUE" }.into();
            }
            other => faults.push(format!("a status of {other}")),
        }
        good(post.clone())
    }
}

impl Network for Planned {
    fn makes(method: &str, _: &str) -> bool {
        method == "PUT"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != SECRET {
            // Hostile: it repeats what it was given.
            return (401, String::new(), json!({ "message": asked.header("authorization") }));
        }
        let path: Vec<&str> = asked.path.split('/').skip(1).collect();
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["api", "public", "v1", "posts"]) => {
                if self.broken && asked.query["startDate"].parse::<DateTime<Utc>>().unwrap() > now() {
                    return (502, String::new(), Value::Null);
                }
                good(self.shown(asked, faults))
            }
            ("GET", ["api", "public", "v1", "integrations"]) => {
                good(self.accounts.iter().map(|id| json!({ "id": id, "name": "Bank" })).collect())
            }
            ("PUT", ["api", "public", "v1", "posts", id, "status"]) => self.set(id, &asked.json(), faults),
            _ => {
                faults.push(format!("{} {}", asked.method, asked.path));
                (404, String::new(), Value::Null)
            }
        }
    }
}

async fn open(planned: Planned) -> (Strict<Planned>, Box<dyn Channel>) {
    let server = Strict::start(planned, &[]).await;
    let channel = trials::open(&postiz::ADAPTER, json!({ "url": server.url }));
    (server, channel)
}

/// How many wait, how many it published, and the state of the first.
fn counts(server: &Strict<Planned>) -> (usize, usize, String) {
    let state = server.state();
    let first = state.network.posts[0]["state"].as_str().unwrap_or_default().to_owned();
    (waiting(&state.network), state.network.out, first)
}

fn waiting(planned: &Planned) -> usize {
    planned.posts.iter().filter(|p| p["state"] == "QUEUE").count()
}

#[tokio::test]
async fn nothing_is_published_through_a_postiz() {
    let server = Strict::start(Planned::default(), &[]).await;
    trials::publishes_nothing(&server, &postiz::ADAPTER, json!({ "url": server.url })).await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_hold_or_a_restore_nothing_is_lost_or_doubled() {
    let trial = Trial {
        network: Planned::with(&[60]),
        connect: |url| trials::open(&postiz::ADAPTER, json!({ "url": url })),
        on: |planned| waiting(planned) + planned.out,
        at: at(60),
        secret: SECRET,
        rests: true,
    };
    trial.run().await;
}

#[tokio::test]
async fn what_is_planned_is_held_and_put_back_for_its_own_time() {
    let (server, channel) = open(Planned::with(&[60, 60 * 24 * 40, 60 * 24 * 300, -60])).await;
    let schedule = channel.scheduler().unwrap();
    for (n, state) in [(1, "DRAFT"), (3, "PUBLISHED")] {
        server.state().network.posts[n]["state"] = state.into();
    }
    let all = schedule.list().await.unwrap();
    let seen: Vec<_> = all.items.iter().map(|i| (i.remote_id.as_str(), i.words.as_str())).collect();
    assert_eq!((seen, all.unseen), (vec![("cm0", "Sale 0"), ("cm2", "Sale 2")], None));
    let post = &all.items[0];
    assert_eq!((post.due, &post.snapshot["post"]["text"]), (at(60), &json!("Sale 0")));
    let mark = mark(schedule.hold(post).await);
    assert!(schedule.caution(&post.snapshot, &mark).is_some_and(|why| why.contains("own time")));
    assert_eq!(counts(&server), (1, 0, "DRAFT".to_owned()));
    let kept = kept(post, &mark);
    assert_eq!(schedule.restored(&kept, at(60)).await, Ok(None));
    let back = schedule.restore(&kept, at(120), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Left(_)), "no call moves its date: {back:?}");
    let closed = Gate::closed(std::time::Duration::from_secs(60)).unlisted("routine");
    assert!(matches!(schedule.restore(&kept, at(60), &closed).await, Back::Left(_)));
    assert_eq!(waiting(&server.state().network), 1);
    let seen = Back::Scheduled("cm0".to_owned());
    assert_eq!(schedule.restore(&kept, at(60), &Pass::open_for_tests()).await, seen);
    assert_eq!(schedule.restored(&kept, at(60)).await, Ok(Some(seen)));
    let again = schedule.restore(&kept, at(60), &Pass::open_for_tests()).await;
    assert!(matches!(again, Back::Changed(_)), "{again:?}");
    assert_eq!(schedule.discard(&kept).await, Discarded::Scheduled);
    assert_eq!(counts(&server).1, 0);
}

#[tokio::test]
async fn what_would_go_out_at_once_is_not_put_back() {
    // Its time came while it was held.
    let (server, channel) = open(Planned::with(&[60, 20])).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    for (post, passed) in all.iter().zip([-1, 4]) {
        let place = server.state().network.posts.iter().position(|p| p["id"] == post.remote_id.as_str());
        let old = server.state().network.posts[place.unwrap()]["publishDate"].take();
        server.state().network.posts[place.unwrap()]["publishDate"] = json!(at(passed));
        assert!(
            matches!(schedule.hold(post).await, Stop::Left(_)),
            "it was changed since it was read: {old}"
        );
        let post =
            schedule.list().await.unwrap().items.into_iter().find(|p| p.remote_id == post.remote_id).unwrap();
        let mark = mark(schedule.hold(&post).await);
        for time in [at(passed), at(60)] {
            let back = schedule.restore(&kept(&post, &mark), time, &Pass::open_for_tests()).await;
            assert!(matches!(back, Back::Left(_)), "{passed}: {back:?}");
        }
        let caution = schedule.caution(&post.snapshot, &mark).unwrap();
        assert_eq!(caution.contains("may have published it"), passed < 0, "{caution}");
    }
    assert_eq!(counts(&server), (0, 0, "DRAFT".to_owned()));
}

#[tokio::test]
async fn what_repeats_is_one_post_and_never_published_again() {
    let mut planned = Planned::with(&[-60 * 24]);
    planned.posts[0]["state"] = "PUBLISHED".into();
    planned.posts[0]["intervalInDays"] = json!(2);
    let (server, channel) = open(planned).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    assert_eq!((all.len(), all[0].due), (1, at(60 * 24)), "its next time");
    let mark = mark(schedule.hold(&all[0]).await);
    assert!(schedule.caution(&all[0].snapshot, &mark).is_some_and(|why| why.starts_with("it repeats")));
    let back = schedule.restore(&kept(&all[0], &mark), at(60 * 24), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Left(_)), "{back:?}");
    assert_eq!(counts(&server), (0, 0, "DRAFT".to_owned()));
}

#[tokio::test]
async fn what_is_not_ours_is_left_and_a_hold_is_read_back() {
    let (server, channel) = open(Planned::with(&[60])).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    server.state().network.deaf = true;
    assert!(matches!(schedule.hold(&post).await, Stop::Doubt(_)), "it shows it scheduled");
    server.state().network.deaf = false;
    for (state, expected) in [("DRAFT", "left"), ("PUBLISHED", "out"), ("ERROR", "gone"), ("ODD", "later")] {
        server.state().network.posts[0]["state"] = state.into();
        let stop = schedule.hold(&post).await;
        assert_eq!(trials::end(&stop), expected, "{state}: {stop:?}");
        assert_eq!(server.state().network.posts[0]["state"], state, "it is not touched");
    }
    server.state().network.posts[0]["state"] = "QUEUE".into();
    let mark = mark(schedule.hold(&post).await);
    server.state().network.posts[0]["content"] = "<p>Other</p>".into();
    let back = schedule.restore(&kept(&post, &mark), at(60), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Changed(_)), "{back:?}");
    server.state().network.posts[0]["state"] = "PUBLISHED".into();
    let back = schedule.restore(&kept(&post, &mark), at(60), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Out(_)), "nor what is out: {back:?}");
}

#[tokio::test]
async fn what_is_not_found_is_gone_only_where_its_account_is() {
    let (server, channel) = open(Planned::with(&[60])).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    // Somebody gave it another date.
    server.state().network.posts[0]["publishDate"] = json!(at(60 * 24 * 20));
    assert!(matches!(schedule.read(&post).await, Standing::Scheduled(_)));
    server.state().network.posts.clear();
    assert!(matches!(schedule.read(&post).await, Standing::Gone(_)));
    server.state().network.accounts = vec!["acc9"];
    assert!(matches!(schedule.read(&post).await, Standing::Unknown(_)), "the key of another organisation");
    server.state().network.broken = true;
    assert!(
        matches!(schedule.read(&post).await, Standing::Unknown(_)),
        "what was not read whole proves nothing"
    );
}

#[tokio::test]
async fn what_could_be_read_is_listed_and_the_rest_is_told() {
    let (server, channel) = open(Planned { broken: true, ..Planned::with(&[60]) }).await;
    let seen = channel.scheduler().unwrap().list().await.unwrap();
    assert_eq!((seen.items.len(), seen.unseen.is_some()), (1, true));
    let health = channel.check().await;
    assert!(health.ready && health.detail.contains("one account"), "{health:?}");
    let settings = json!({ "url": server.url });
    let wrong = crate::suite::connect(&postiz::ADAPTER, settings, Some("hunter3")).unwrap();
    let health = wrong.check().await;
    assert!(!health.ready && !health.detail.contains("hunter3"), "{health:?}");
    assert!(wrong.scheduler().unwrap().list().await.is_err(), "not an empty schedule");
}

#[tokio::test]
async fn many_that_repeat_for_years_hide_nothing() {
    // A daily one of two years is some 740 lines of each window.
    let mut planned = Planned::with(&[60, -60 * 24 * 730]);
    planned.posts[1]["intervalInDays"] = json!(1);
    planned.posts[1]["state"] = "PUBLISHED".into();
    planned.posts[1]["settings"] = "x".repeat(100).into();
    planned.odd = vec![json!({ "id": "cm9" }), json!(7)];
    let (server, channel) = open(planned).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap();
    let due: Vec<_> = all.items.iter().map(|item| item.due).collect();
    assert_eq!((due, all.unseen.is_some()), (vec![at(60), at(60 * 24)], true), "and what is odd is told");
    mark(schedule.hold(&all.items[0]).await);
    server.state().network.posts.remove(0);
    assert!(matches!(schedule.read(&all.items[0]).await, Standing::Gone(_)));
}

#[test]
fn the_address_of_its_api_is_known() {
    let of = |url: &str| {
        let connection = crate::suite::connection(json!({ "url": url }), Some(SECRET));
        (postiz::ADAPTER.connect)(&connection).map(drop)
    };
    assert_eq!(of("https://api.postiz.com"), Ok(()));
    assert!(of("ftp://api.postiz.com").is_err());
}
