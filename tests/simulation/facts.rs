//! What is in the database when a seed is over, and what the network saw, side by side.

use std::collections::BTreeMap;

use holdline::clock::Millis;
use holdline::domain::freeze::Scope;
use serde_json::Value;

use crate::network::{Copy, Sent};
use crate::people::Written;
use crate::stage::{CHANNELS, Stage};
use crate::tasks::Owner;
use crate::world::World;

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Delivery {
    pub id: String,
    pub post_id: String,
    pub channel_id: String,
    pub state: String,
    pub due_at: Millis,
    pub valid_until: Option<Millis>,
    pub freeze_id: Option<String>,
    pub reason: Option<String>,
    pub replaced: i64,
    pub labels: String,
    pub approved_hash: Option<String>,
    pub content_hash: String,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Attempt {
    pub id: String,
    pub delivery_id: String,
    pub number: i64,
    pub node_id: String,
    pub content_hash: String,
    pub permitted_at: Millis,
    pub outcome: Option<String>,
    pub detail: Option<String>,
    pub settled_at: Option<Millis>,
    pub reads: i64,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Freeze {
    pub id: String,
    pub scope: String,
    pub committed_at: Millis,
    pub sealed_at: Option<Millis>,
    pub thawed_at: Option<Millis>,
}

/// All of it.
pub struct Facts {
    pub deliveries: BTreeMap<String, Delivery>,
    pub attempts: Vec<Attempt>,
    pub freezes: Vec<Freeze>,
    pub flights: Vec<(String, String)>,
    /// The log: what, of what, and who.
    pub verbs: Vec<(String, String, String)>,
    /// The same, of what people were told is done.
    pub told: Vec<(String, String, String)>,
    /// Freezes that were not sealed a while after every node ran again.
    pub unsealed: Vec<String>,
    /// Processes that have taken back what they had of a post: from then on.
    pub recalled: Vec<(Owner, String, Millis)>,
    pub copies: BTreeMap<String, Vec<Copy>>,
    /// Each copy's delivery, and the channel whose timeline has it.
    pub places: Vec<(String, String)>,
    pub sent: Vec<Sent>,
    pub posts: Vec<Written>,
    pub decided: Vec<(String, Millis)>,
    pub forgotten: Vec<(String, Millis)>,
    pub cancelled: Vec<(String, Millis)>,
    pub crashes: Vec<(Owner, Millis)>,
    pub stands: Vec<(usize, Millis, Millis)>,
    /// When a process of a node started, each time.
    pub starts: Vec<(usize, Millis)>,
    pub now: Millis,
}

const DELIVERIES: &str =
    "select d.*, p.labels from deliveries d join posts p on p.id = d.post_id order by d.id";

impl Facts {
    pub async fn read(world: &World<'_>) -> Self {
        let pool = world.stage.pool();
        let deliveries: Vec<Delivery> = sqlx::query_as(DELIVERIES).fetch_all(pool).await.expect("deliveries");
        let attempts = sqlx::query_as("select * from attempts order by id").fetch_all(pool).await;
        let freezes = sqlx::query_as("select * from freezes order by epoch").fetch_all(pool).await;
        let flights = sqlx::query_as("select freeze_id, attempt_id from flights").fetch_all(pool).await;
        let verbs =
            sqlx::query_as("select verb, subject, actor from audit order by seq").fetch_all(pool).await;
        let channel = |timeline: &str| {
            let at = CHANNELS.iter().position(|name| *name == timeline);
            at.map_or_else(|| timeline.to_owned(), |at| world.stage.channels[at].clone())
        };
        let (mut copies, mut places) = (BTreeMap::<_, Vec<Copy>>::new(), Vec::new());
        let sent = {
            let known = world.net.known();
            for (timeline, all) in &known.copies {
                for copy in all {
                    places.push((copy.delivery.clone(), channel(timeline)));
                    copies.entry(copy.delivery.clone()).or_default().push(copy.clone());
                }
            }
            known.sent.clone()
        };
        let record = world.record.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Self {
            deliveries: deliveries.into_iter().map(|d| (d.id.clone(), d)).collect(),
            attempts: attempts.expect("attempts"),
            freezes: freezes.expect("freezes"),
            flights: flights.expect("flights"),
            verbs: verbs.expect("the log"),
            copies,
            places,
            sent,
            posts: record.posts.clone(),
            decided: record.decided.clone(),
            forgotten: record.forgotten.clone(),
            cancelled: record.cancelled.clone(),
            told: record.told.clone(),
            unsealed: world.unsealed.clone(),
            recalled: world.recalled.clone(),
            crashes: world.crashes.clone(),
            stands: world.stands.clone(),
            starts: world.starts.clone(),
            now: world.clock.now(),
        }
    }

    /// What still goes on in the database: nothing, when all is at its end.
    pub async fn under_way(stage: &Stage) -> (i64, i64) {
        const SQL: &str = "select coalesce(sum(state in ('scheduled', 'claimed', 'sending')), 0),
            coalesce(sum(state = 'in_doubt'), 0) from deliveries where replaced = 0";
        sqlx::query_as(SQL).fetch_one(stage.pool()).await.expect("how much is under way")
    }

    /// The freezes in force that are not sealed.
    pub async fn unsealed(stage: &Stage) -> Vec<String> {
        const SQL: &str =
            "select id from freezes where sealed_at is null and thawed_at is null order by epoch";
        sqlx::query_scalar(SQL).fetch_all(stage.pool()).await.expect("freezes")
    }

    /// Whether the freeze covers the delivery: the reading of a scope that the design has, once more.
    pub fn covers(freeze: &Freeze, d: &Delivery) -> bool {
        let scope: Scope = serde_json::from_str(&freeze.scope).expect("a scope");
        let labels: Vec<String> = serde_json::from_str(&d.labels).expect("labels");
        let named = |some: &[String]| labels.iter().any(|l| some.contains(l));
        let all = scope.channels.is_empty() && scope.labels.is_empty() && scope.brands.is_empty();
        (all || scope.channels.contains(&d.channel_id) || named(&scope.labels)) && !named(&scope.allow)
    }

    /// From when until when a node was gone or stood still.
    pub fn away(&self) -> impl Iterator<Item = (Millis, Millis)> {
        let gone = self.crashes.iter().map(|(owner, at)| {
            let back = self.starts.iter().find(|(node, start)| *node == owner.node && start >= at);
            (*at, back.map_or(self.now, |(_, start)| *start))
        });
        gone.chain(self.stands.iter().map(|(_, from, until)| (*from, *until)))
    }

    pub fn copies_of(&self, delivery: &str) -> usize {
        self.copies.get(delivery).map_or(0, Vec::len)
    }

    /// The attempt that the bytes are of: the newest that was permitted by then.
    pub fn attempt_of(&self, sent: &Sent) -> Option<&Attempt> {
        let of = |a: &&Attempt| a.delivery_id == sent.delivery && a.permitted_at <= sent.at;
        self.attempts.iter().filter(of).max_by_key(|a| a.number)
    }

    /// Bytes with the delivery that they are of.
    pub fn bytes(&self) -> impl Iterator<Item = (&Sent, &Delivery)> {
        self.sent.iter().filter_map(|s| Some((s, self.deliveries.get(&s.delivery)?)))
    }

    pub fn text_of(new: &Value) -> &str {
        new["source"]["text"].as_str().unwrap_or_default()
    }
}
