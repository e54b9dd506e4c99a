//! What the tests of every planner ask.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::scheduler::{Kept, Scheduled, Standing, Stop};
use crate::strict::{Fate, Network, Strict};
use crate::suite::{self, CUTS};
use crate::{Adapter, Channel, Clock, Connection, Failure, Pass, Retraction, Retry, Sighting};

/// A credential that must appear in no error.
pub const SECRET: &str = "hunter2-key";

/// The channel on that server.
pub fn open(adapter: &Adapter, settings: Value) -> Box<dyn Channel> {
    suite::connect(adapter, settings, Some(SECRET)).unwrap()
}

/// The first post of its schedule.
pub async fn first(channel: &dyn Channel) -> Scheduled {
    channel.scheduler().unwrap().list().await.unwrap().items.swap_remove(0)
}

/// A planner, and the channel on it.
pub async fn start<N: Network>(
    network: N,
    fates: &[Fate],
    adapter: &Adapter,
    settings: impl Fn(&str) -> Value,
) -> (Strict<N>, Box<dyn Channel>) {
    let server = Strict::start(network, fates).await;
    let channel = open(adapter, settings(&server.url));
    (server, channel)
}

/// A clock that a test sets.
pub type Hands = Arc<Mutex<DateTime<Utc>>>;

/// The same with a clock that shows that time, until it is set.
pub async fn start_at<N: Network>(
    network: N,
    time: DateTime<Utc>,
    adapter: &Adapter,
    settings: impl Fn(&str) -> Value,
) -> (Strict<N>, Box<dyn Channel>, Hands) {
    let server = Strict::start(network, &[]).await;
    let hands = Arc::new(Mutex::new(time));
    let shown = Arc::clone(&hands);
    let clock: Clock = Arc::new(move || *shown.lock().unwrap());
    let connection = suite::connection(settings(&server.url), Some(SECRET));
    let channel = (adapter.connect)(&Connection { clock, ..connection }).unwrap();
    (server, channel, hands)
}

/// What a hold ended with.
pub fn end(stop: &Stop) -> &'static str {
    match stop {
        Stop::Held { .. } => "held",
        Stop::Out(_) => "out",
        Stop::Gone(_) => "gone",
        Stop::Left(_) => "left",
        Stop::Later(_) => "later",
        Stop::Doubt(_) => "doubt",
    }
}

/// The mark of a hold that succeeded.
pub fn mark(stop: Stop) -> String {
    let Stop::Held { mark } = stop else { panic!("{stop:?}") };
    mark
}

/// A post as a hold left it.
pub fn kept(post: &Scheduled, mark: &str) -> Kept {
    let (remote_id, mark) = (post.remote_id.clone(), mark.to_owned());
    Kept { remote_id, due: post.due, snapshot: post.snapshot.clone(), mark, taken: Vec::new() }
}

/// Nothing is published, found or taken down there, and no request leaves for it.
pub async fn publishes_nothing<N: Network>(server: &Strict<N>, adapter: &Adapter, settings: Value) {
    let can = adapter.capabilities;
    assert!(can.sweeps && !can.publishes && !can.retract && !can.watches && !can.media);
    let channel = open(adapter, settings);
    let refused = channel.publish(&suite::job(), &Pass::open_for_tests()).await;
    assert!(matches!(refused, Err(Failure::Rejected { retry: Retry::Never, .. })), "{refused:?}");
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Unknown(_)));
    assert!(matches!(channel.retract(&suite::job(), Some("1")).await, Retraction::StillLive(_)));
    assert_eq!(server.state().requests, Vec::<String>::new());
}

/// However the request goes wrong that holds a post, it is never said to be held when it is on the schedule, and
/// no secret is told. So many requests come before it as `before` says. `on` tells how many posts are on the schedule.
pub async fn holds<N: Network>(
    before: usize,
    network: N,
    adapter: &Adapter,
    settings: impl Fn(&str) -> Value,
    on: impl Fn(&N) -> usize,
) {
    // Each planner has its own place for words.
    let told = r#"{"message":"hunter2-key","errors":[{"message":"hunter2-key"}]}"#;
    let refused = |status, headers| Fate::Refused(status, headers, told);
    let said = r#"{"message":"not so","errors":[{"message":"not so"}]}"#;
    let mut fates = vec![
        (refused(400, ""), "left"),
        (Fate::Refused(400, "", said), "left"),
        (refused(401, ""), "left"),
        (refused(429, "Retry-After: 7\r\n"), "later"),
        (refused(503, ""), "doubt"),
        (Fate::DoneBut(500), "doubt"),
        (Fate::Late, "doubt"),
    ];
    // Where nothing was read, nothing is done.
    let broken = |from: usize, done| CUTS[from..].iter().map(move |at| Fate::Broken { done, at: *at });
    fates.extend(broken(3, true).chain(broken(1, false)).map(|fate| (fate, "doubt")));
    for (fate, expected) in fates {
        let fates: Vec<_> = std::iter::repeat_n(Fate::Done, before).chain([fate.clone()]).collect();
        let (server, channel) = start(network.clone(), &fates, adapter, &settings).await;
        let schedule = channel.scheduler().unwrap();
        let post = first(&*channel).await;
        let there = on(&server.state().network);
        let stop = schedule.hold(&post).await;
        let seen = format!("{fate:?}: {stop:?}");
        assert!(!format!("{stop:?}").contains(SECRET), "{seen}");
        if fate == Fate::Refused(400, "", said) {
            assert!(format!("{stop:?}").contains(": not so"), "other words are shown: {seen}");
        }
        assert_eq!(end(&stop), expected, "{seen}");
        if expected == "later" {
            assert!(schedule.spare().is_err(), "no request leaves before the wait is over");
            let asked = server.state().requests.len();
            assert!(matches!(schedule.hold(&post).await, Stop::Later(_)));
            assert_eq!(server.state().requests.len(), asked);
        }
        let done = matches!(fate, Fate::DoneBut(_) | Fate::Broken { done: true, .. });
        assert_eq!(on(&server.state().network), there - usize::from(done), "{seen}");
        if expected == "doubt" {
            // A lost answer is settled by reading.
            let stands = schedule.read(&post).await;
            let is_on = matches!(stands, Standing::Scheduled(_));
            assert_eq!(is_on, !done, "{seen}: {stands:?}");
        }
    }
}
