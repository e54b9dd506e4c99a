//! The schedule of a Ghost site against a strict one. The real one is in `tests/sweeps_real.rs`.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::planner_trials::kept;
use crate::schedule_trials::Trial;
use crate::scheduler::{Back, Discarded, Standing, Stop};
use crate::strict::{Asked, Fate, Network, Said, Strict, good};
use crate::suite;
use crate::{Channel, Pass, ghost};

const KEY: &str = "6489b1a3c0c4d2a1b3e5f701:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";

#[derive(Clone, Default)]
struct Site {
    posts: Vec<Value>,
    edits: usize,
    /// The newsletter and the segment that an edit named last.
    mailed: Option<(String, String)>,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

impl Site {
    fn with(slugs: &[&str]) -> Self {
        let post = |(n, slug): (usize, &&str)| {
            json!({
                "id": format!("6489b1a3c0c4d2a1b3e5000{n}"), "slug": slug, "status": "scheduled",
                "title": format!("Sale {n}"), "published_at": now() + TimeDelta::hours(1), "lexical": "{}",
                "updated_at": "2023-11-01T00:00:00.000Z",
            })
        };
        Self { posts: slugs.iter().enumerate().map(post).collect(), ..Self::default() }
    }

    fn edit(&mut self, n: usize, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let sent = &asked.json()["posts"][0];
        if sent["updated_at"] != self.posts[n]["updated_at"] {
            return (409, String::new(), json!({ "errors": [{ "type": "UpdateCollisionError" }] }));
        }
        self.edits += 1;
        for (name, value) in sent.as_object().unwrap() {
            if !["status", "published_at", "updated_at"].contains(&name.as_str()) {
                faults.push(format!("an edit of {name}"));
            }
            self.posts[n][name] = value.clone();
        }
        self.posts[n]["updated_at"] = format!("2023-11-02T00:00:{:02}.000Z", self.edits).into();
        if sent["status"] == "draft" {
            self.posts[n]["newsletter"] = Value::Null;
        }
        self.mailed = asked.query.get("newsletter").cloned().zip(asked.query.get("email_segment").cloned());
        good(json!({ "posts": [self.posts[n]] }))
    }
}

impl Network for Site {
    fn makes(method: &str, _: &str) -> bool {
        method != "GET"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let path = asked.path.strip_prefix("/ghost/api/admin/").and_then(|p| p.strip_suffix('/'));
        let path: Vec<&str> = path.unwrap().split('/').collect();
        let missing = || (404, String::new(), json!({ "errors": [{ "type": "NotFoundError" }] }));
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["pages"]) => good(json!({ "pages": [], "meta": { "pagination": { "pages": 1 } } })),
            ("GET", ["posts"]) => {
                assert_eq!(asked.query["filter"], "status:scheduled");
                let page: usize = asked.query["page"].parse().unwrap();
                let each: usize = asked.query["limit"].parse::<usize>().unwrap().min(2);
                let all: Vec<_> = self.posts.iter().filter(|p| p["status"] == "scheduled").collect();
                let pages = all.len().div_ceil(each).max(1);
                let some: Vec<_> = all.into_iter().skip((page - 1) * each).take(each).collect();
                good(json!({ "posts": some, "meta": { "pagination": { "pages": pages } } }))
            }
            (method, ["posts", id]) => match (method, self.posts.iter().position(|p| p["id"] == **id)) {
                (_, None) => missing(),
                ("GET", Some(n)) => good(json!({ "posts": [self.posts[n]] })),
                (_, Some(n)) => self.edit(n, asked, faults),
            },
            _ => missing(),
        }
    }
}

async fn open(site: Site, fates: &[Fate]) -> (Strict<Site>, Box<dyn Channel>) {
    let server = Strict::start(site, fates).await;
    let channel = connect(&server.url);
    (server, channel)
}

fn connect(url: &str) -> Box<dyn Channel> {
    suite::connect(&ghost::ADAPTER, json!({ "url": url }), Some(KEY)).unwrap()
}

#[tokio::test]
async fn what_editors_scheduled_is_held_and_put_back_with_its_newsletter() {
    let own = "holdline-01936d3c1c5e7a3b80003f2f5a8c9d10-2";
    let mut site = Site::with(&["a", own, "b"]);
    site.posts[2]["newsletter"] = json!({ "slug": "weekly" });
    site.posts[2]["email_segment"] = "status:free".into();
    let (server, channel) = open(site, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    assert_eq!(all.iter().map(|i| i.words.as_str()).collect::<Vec<_>>(), ["Sale 0", "Sale 2"], "not our own");
    let at = now() + TimeDelta::minutes(30);
    for (post, mailed) in all.iter().zip([None, Some(("weekly".to_owned(), "status:free".to_owned()))]) {
        let Stop::Held { mark } = schedule.hold(post).await else { panic!() };
        assert_eq!(server.state().network.mailed, None, "nothing is mailed by a hold");
        assert_eq!(schedule.read(post).await, Standing::Held { mark: mark.clone() });
        assert_eq!(schedule.restored(&kept(post, &mark), at).await, Ok(None));
        let back = schedule.restore(&kept(post, &mark), at, &Pass::open_for_tests()).await;
        assert_eq!(back, Back::Scheduled(post.remote_id.clone()));
        assert_eq!(server.state().network.mailed, mailed);
        assert!(matches!(
            schedule.restore(&kept(post, &mark), at, &Pass::open_for_tests()).await,
            Back::Changed(_)
        ));
    }
}

#[tokio::test]
async fn one_post_that_is_too_long_hides_no_other() {
    let mut site = Site::with(&["a", "b"]);
    site.posts[0]["lexical"] = "x".repeat(4 << 20).into();
    let (_server, channel) = open(site, &[]).await;
    let seen = channel.scheduler().unwrap().list().await.unwrap();
    assert_eq!(seen.items.iter().map(|i| i.words.as_str()).collect::<Vec<_>>(), ["Sale 1"]);
    assert!(seen.unseen.is_some_and(|why| why.contains("too long")));
}

#[tokio::test]
async fn what_somebody_changed_is_left() {
    let collision = Fate::Refused(409, "", r#"{"errors":[{"type":"UpdateCollisionError"}]}"#);
    let (server, channel) = open(Site::with(&["a"]), &[collision]).await;
    let schedule = channel.scheduler().unwrap();
    let post = schedule.list().await.unwrap().items.swap_remove(0);
    assert!(matches!(schedule.hold(&post).await, Stop::Left(_)), "an edit came between");
    let Stop::Held { mark } = schedule.hold(&post).await else { panic!() };
    server.state().network.posts[0]["lexical"] = "{ }".into();
    let back =
        schedule.restore(&kept(&post, &mark), now() + TimeDelta::hours(1), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Changed(_)), "{back:?}");
    assert_eq!(server.state().network.edits, 1);
}

#[tokio::test]
async fn what_went_out_is_not_touched() {
    for status in ["published", "sent"] {
        let (server, channel) = open(Site::with(&["a"]), &[]).await;
        let schedule = channel.scheduler().unwrap();
        let post = schedule.list().await.unwrap().items.swap_remove(0);
        server.state().network.posts[0]["status"] = status.into();
        assert!(matches!(schedule.hold(&post).await, Stop::Out(_)));
        let (kept, at) = (kept(&post, "as it was held"), now() + TimeDelta::hours(2));
        assert!(matches!(schedule.restored(&kept, at).await, Ok(Some(Back::Out(_)))));
        let back = schedule.restore(&kept, at, &Pass::open_for_tests()).await;
        assert!(matches!(back, Back::Out(_)), "{back:?}");
        assert!(matches!(schedule.discard(&kept).await, Discarded::Out(_)));
        server.state().network.posts[0]["status"] = "scheduled".into();
        assert_eq!(schedule.discard(&kept).await, Discarded::Scheduled);
        assert_eq!(server.state().network.edits, 0);
    }
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

#[tokio::test]
async fn whatever_goes_wrong_with_a_hold_or_a_restore_nothing_is_lost_or_doubled() {
    let trial = Trial {
        network: Site::with(&["a"]),
        connect: |url| connect(url),
        on: |site| site.posts.iter().filter(|p| p["status"] != "draft").count(),
        at: now() + TimeDelta::hours(2),
        secret: KEY,
        rests: false,
    };
    trial.run().await;
}
