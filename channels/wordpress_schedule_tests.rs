//! The schedule of a WordPress site against a strict one. The real one is in `tests/sweeps_real.rs`.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::planner_trials::kept;
use crate::schedule_trials::Trial;
use crate::scheduler::{Back, Discarded, Stop};
use crate::strict::{Asked, Fate, Network, Said, Strict, good};
use crate::suite;
use crate::{Channel, Pass, wordpress};

const SECRET: &str = "hunter2";

#[derive(Clone, Default)]
struct Site {
    posts: Vec<Value>,
    no_pages: bool,
    /// How many others wrote that the account may not see.
    hidden: usize,
    /// The list of pages fails.
    broken: bool,
    edits: usize,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

fn date(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

impl Site {
    fn with(slugs: &[&str]) -> Self {
        let post = |(n, slug): (usize, &&str)| {
            json!({
                "id": n + 1, "slug": slug, "status": "future", "date_gmt": date(now() + TimeDelta::hours(1)),
                "modified_gmt": "2023-11-01T00:00:00", "title": { "raw": format!("Sale {n}") },
                "content": { "raw": "Buy" },
            })
        };
        Self { posts: slugs.iter().enumerate().map(post).collect(), ..Self::default() }
    }

    fn edit(&mut self, n: usize, sent: &Value, faults: &mut Vec<String>) -> Said {
        self.edits += 1;
        let post = &mut self.posts[n];
        for (name, value) in sent.as_object().unwrap() {
            if !["status", "date_gmt"].contains(&name.as_str()) {
                faults.push(format!("an edit of {name}"));
            }
            post[name] = value.clone();
        }
        let due = post["date_gmt"].as_str().unwrap().to_owned();
        if post["status"] == "future" && due < date(now() + TimeDelta::seconds(60)) {
            post["status"] = "publish".into();
        }
        post["modified_gmt"] = format!("2023-11-02T00:00:{:02}", self.edits).into();
        good(post.clone())
    }
}

impl Network for Site {
    fn makes(method: &str, _: &str) -> bool {
        method != "GET"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let path: Vec<&str> = asked.path.split('/').skip(4).collect();
        let place = |id: &str| self.posts.iter().position(|p| id.parse().is_ok_and(|n: u64| p["id"] == n));
        if asked.query.get("context").map(String::as_str) != Some("edit") {
            faults.push("the raw words are not asked for".to_owned());
        }
        if asked.query["_fields"].contains("content") {
            faults.push("long posts are asked for".to_owned());
        }
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["pages"]) if self.broken => (500, String::new(), json!({ "code": "internal" })),
            ("GET", ["pages"]) if self.no_pages => (403, String::new(), json!({ "code": "rest_forbidden" })),
            ("GET", ["pages"]) => good(json!([])),
            ("GET", ["posts"]) => {
                assert_eq!(asked.query["status"], "future");
                let page: usize = asked.query["page"].parse().unwrap();
                let all: Vec<_> = self.posts.iter().filter(|p| p["status"] == "future").collect();
                // Short pages.
                let total = all.len().div_ceil(2).max(1);
                let count = all.len() + self.hidden;
                let some: Value = all.into_iter().skip((page - 1) * 2).take(2).cloned().collect();
                (200, format!("X-WP-TotalPages: {total}\r\nX-WP-Total: {count}\r\n"), some)
            }
            (method, ["posts", id]) => match (method, place(id)) {
                (_, None) => (404, String::new(), json!({ "code": "rest_post_invalid_id" })),
                ("GET", Some(n)) => good(self.posts[n].clone()),
                (_, Some(n)) => self.edit(n, &asked.json(), faults),
            },
            _ => (404, String::new(), json!({ "code": "rest_no_route" })),
        }
    }
}

async fn open(site: Site, fates: &[Fate]) -> (Strict<Site>, Box<dyn Channel>) {
    let server = Strict::start(site, fates).await;
    let channel = connect(&server.url);
    (server, channel)
}

fn connect(url: &str) -> Box<dyn Channel> {
    let settings = json!({ "url": url, "account": "editor" });
    suite::connect(&wordpress::ADAPTER, settings, Some(SECRET)).unwrap()
}

#[tokio::test]
async fn what_editors_scheduled_is_held_and_put_back() {
    let own = "holdline-01936d3c1c5e7a3b80003f2f5a8c9d10";
    let (server, channel) = open(Site::with(&["a", own, "b", "c"]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap();
    let words: Vec<_> = all.items.iter().map(|i| i.words.as_str()).collect();
    assert_eq!((words, all.unseen), (vec!["Sale 0", "Sale 2", "Sale 3"], None), "not our own");
    let post = &all.items[1];
    let Stop::Held { mark } = schedule.hold(post).await else { panic!() };
    assert_eq!(server.state().network.posts[2]["status"], "draft");
    assert_eq!(schedule.list().await.unwrap().items.len(), 2);
    let at = now() + TimeDelta::minutes(30);
    assert_eq!(schedule.restored(&kept(post, &mark), at).await, Ok(None));
    assert_eq!(
        schedule.restore(&kept(post, &mark), at, &Pass::open_for_tests()).await,
        Back::Scheduled("posts/3".to_owned())
    );
    assert_eq!(server.state().network.posts[2]["date_gmt"], date(at));
    let seen = Back::Scheduled("posts/3".to_owned());
    assert_eq!(schedule.restored(&kept(post, &mark), at).await, Ok(Some(seen)));
    assert!(matches!(
        schedule.restore(&kept(post, &mark), at, &Pass::open_for_tests()).await,
        Back::Changed(_)
    ));
}

#[tokio::test]
async fn what_somebody_changed_is_left() {
    let (server, channel) = open(Site::with(&["a"]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = schedule.list().await.unwrap().items.swap_remove(0);
    server.state().network.posts[0]["title"]["raw"] = "Other".into();
    assert!(matches!(schedule.hold(&post).await, Stop::Left(_)), "it is looked at again");
    let post = schedule.list().await.unwrap().items.swap_remove(0);
    let Stop::Held { mark } = schedule.hold(&post).await else { panic!() };
    server.state().network.posts[0]["content"]["raw"] = "Sold out".into();
    server.state().network.posts[0]["modified_gmt"] = "2023-11-03T00:00:00".into();
    let back =
        schedule.restore(&kept(&post, &mark), now() + TimeDelta::hours(1), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Changed(_)), "{back:?}");
    assert_eq!(server.state().network.edits, 1);
    assert_eq!(schedule.discard(&kept(&post, &mark)).await, Discarded::Done);
    server.state().network.posts[0]["status"] = "future".into();
    assert_eq!(schedule.discard(&kept(&post, &mark)).await, Discarded::Scheduled, "it would go out");
}

#[tokio::test]
async fn what_went_out_or_was_drawn_back_is_not_touched() {
    for (status, out) in [("publish", true), ("draft", false)] {
        let (server, channel) = open(Site::with(&["a"]), &[]).await;
        let schedule = channel.scheduler().unwrap();
        let post = schedule.list().await.unwrap().items.swap_remove(0);
        server.state().network.posts[0]["status"] = status.into();
        let stop = schedule.hold(&post).await;
        assert_eq!(matches!(stop, Stop::Out(_)), out, "{stop:?}");
        assert_eq!(matches!(stop, Stop::Left(_)), !out, "{stop:?}");
        assert_eq!(server.state().network.edits, 0);
    }
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_hold_or_a_restore_nothing_is_lost_or_doubled() {
    let trial = Trial {
        network: Site::with(&["a"]),
        connect: |url| connect(url),
        on: |site| site.posts.iter().filter(|p| p["status"] != "draft").count(),
        at: now() + TimeDelta::hours(2),
        secret: SECRET,
        rests: false,
    };
    trial.run().await;
}

#[tokio::test]
async fn a_past_time_is_seen_to_publish_and_unseen_pages_are_told() {
    let (_server, channel) = open(Site { no_pages: true, ..Site::with(&["a"]) }, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap();
    assert_eq!(all.unseen.as_deref(), Some("editor may not see scheduled pages"));
    let Stop::Held { mark } = schedule.hold(&all.items[0]).await else { panic!() };
    let kept = kept(&all.items[0], &mark);
    let back = schedule.restore(&kept, now(), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Out(_)), "{back:?}");
    let seen = schedule.restored(&kept, now()).await;
    assert!(matches!(seen, Ok(Some(Back::Out(_)))), "not without a trace: {seen:?}");
    let again = schedule.restore(&kept, now(), &Pass::open_for_tests()).await;
    assert!(matches!(again, Back::Out(_)), "{again:?}");
    let dropped = schedule.discard(&kept).await;
    assert!(matches!(dropped, Discarded::Out(_)), "it is public: {dropped:?}");
}

#[tokio::test]
async fn what_others_wrote_and_an_author_cannot_see_is_told() {
    let (_server, channel) = open(Site { hidden: 2, ..Site::with(&["a", "b", "c"]) }, &[]).await;
    let seen = channel.scheduler().unwrap().list().await.unwrap();
    let why = "editor cannot see 2 scheduled posts; make it an editor";
    assert_eq!((seen.items.len(), seen.unseen.as_deref()), (3, Some(why)));
}

#[tokio::test]
async fn posts_are_held_though_pages_cannot_be_read() {
    let (_server, channel) = open(Site { broken: true, ..Site::with(&["a"]) }, &[]).await;
    let seen = channel.scheduler().unwrap().list().await.unwrap();
    assert_eq!(seen.items.len(), 1);
    assert!(seen.unseen.is_some_and(|why| why.contains("500")));
}

#[tokio::test]
async fn a_closed_gate_puts_nothing_back() {
    let (server, channel) = open(Site::with(&["a"]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = schedule.list().await.unwrap().items.swap_remove(0);
    let Stop::Held { mark } = schedule.hold(&post).await else { panic!() };
    let closed = Gate::closed(std::time::Duration::from_secs(60)).unlisted("routine");
    let back = schedule.restore(&kept(&post, &mark), now() + TimeDelta::hours(1), &closed).await;
    assert!(matches!(back, Back::Left(_)), "{back:?}");
    assert_eq!(server.state().network.posts[0]["status"], "draft");
}
