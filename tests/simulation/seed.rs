//! One seed from its beginning to its verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use channels::planted::plant;
use holdline::clock::Millis;

use crate::facts::Facts;
use crate::planted::Fault;
use crate::stage::Stage;
use crate::world::World;
use crate::{checks, situations};

/// What a seed showed.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    pub seed: u64,
    pub broken: Vec<String>,
    pub met: BTreeMap<&'static str, u64>,
    pub steps: u64,
    /// How long it lasted, by its own time.
    pub lasted: Millis,
    pub nodes: usize,
    pub trace: u64,
    pub log: Vec<String>,
}

/// Plays one seed.
pub async fn play(stage: &Stage, seed: u64, planted: Option<Fault>, keeps_log: bool) -> Verdict {
    plant(Fault::in_code(planted));
    let mut world = World::new(stage, seed, planted, keeps_log).await;
    world.play().await;
    come_to_rest(&mut world).await;
    plant(None);
    let facts = Facts::read(&world).await;
    let mut broken = checks::broken(&facts);
    broken.extend(checks::log(&world).await);
    let mut met = world.net.known().met.clone();
    for (what, times) in situations::met(&facts) {
        *met.entry(what).or_default() += times;
    }
    let verdict = Verdict {
        seed,
        broken,
        met,
        steps: world.steps,
        lasted: world.now(),
        nodes: world.nodes.len(),
        trace: world.trace,
        log: Vec::new(),
    };
    world.end();
    Verdict { log: world.log.take().unwrap_or_default(), ..verdict }
}

/// How long after the last event a seed may take to come to rest.
const REST: Millis = 1_200_000;

/// How long after all nodes run again a freeze may take to be sealed. Two seconds would do, but that each message may wait
/// for its turn.
const SEALS: Millis = 30_000;

/// All is well again: every freeze is sealed, what is under way ends, doubts are read back, and people settle what cannot
/// be.
async fn come_to_rest(world: &mut World<'_>) {
    world.calm();
    let until = world.now() + SEALS;
    loop {
        settle_down(world, 500).await;
        world.unsealed = Facts::unsealed(world.stage).await;
        if world.unsealed.is_empty() || world.now() >= until {
            break;
        }
    }
    let until = world.now() + REST;
    let mut quiet = 0;
    let mut thawed = false;
    while world.now() < until && quiet < 3 {
        settle_down(world, 1_500).await;
        if !thawed {
            thawed = world.act(|d| async move { d.thaw(true).await });
            continue;
        }
        let (active, doubts) = Facts::under_way(world.stage).await;
        if active + doubts == 0 {
            quiet += 1;
            continue;
        }
        quiet = 0;
        people_settle(world).await;
        // Most of what is waited for comes late: a jump, as when a machine sleeps.
        tokio::time::advance(Duration::from_secs(4)).await;
    }
}

async fn settle_down(world: &mut World<'_>, time: Millis) {
    let until = world.now() + time;
    while world.now() < until {
        world.go_on(150).await;
    }
}

/// What nobody reads back any more is looked at by a person.
async fn people_settle(world: &mut World<'_>) {
    const SQL: &str = "select d.id from deliveries d where d.state = 'in_doubt' and not exists
        (select 1 from attempts a where a.delivery_id = d.id and a.next_read_at is not null) order by d.id";
    let doubts: Vec<String> = sqlx::query_scalar(SQL).fetch_all(world.stage.pool()).await.expect("doubts");
    for delivery in doubts {
        let there = world.net.known().copies.values().flatten().any(|c| c.delivery == delivery);
        world.act(move |d| async move { d.settle(&delivery, there).await });
    }
}
