//! What the tests of every planner ask.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::scheduler::{Kept, Scheduled, Stop};
use crate::strict::{Fate, Network, Strict};
use crate::suite;
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
    start_with(network, time, SECRET, adapter, settings).await
}

/// The same with that credential.
pub async fn start_with<N: Network>(
    network: N,
    time: DateTime<Utc>,
    credential: &str,
    adapter: &Adapter,
    settings: impl Fn(&str) -> Value,
) -> (Strict<N>, Box<dyn Channel>, Hands) {
    let server = Strict::start(network, &[]).await;
    let hands = Arc::new(Mutex::new(time));
    let shown = Arc::clone(&hands);
    let clock: Clock = Arc::new(move || *shown.lock().unwrap());
    let connection = suite::connection(settings(&server.url), Some(credential));
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
