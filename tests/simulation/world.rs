//! One seed: its nodes, its network, its people, and the scheduler that decides who goes on and when time passes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdline::app::App;
use holdline::clock::{Clock, Millis};
use holdline::domain::budget::Reserve;
use holdline::worker::runner::Runner;
use holdline::worker::{Options, Worker};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chance::Chance;
use crate::disks::{another_boot, forget_marks};
use crate::network::{Cable, Network};
use crate::people::{Desk, Record};
use crate::plan::{Event, Plan};
use crate::planted::Fault;
use crate::stage::{BEGAN, CHANNELS, Stage, URL, elapsed_since};
use crate::starting;
use crate::tasks::{Door, Owner, Tasks};
use crate::ticks::ticks;
use crate::words::{self, Heard};

/// A process of a node, or the place where one was.
pub struct Node {
    pub owner: Owner,
    pub app: Option<App>,
    worker: Arc<Mutex<Option<Worker>>>,
    /// It stands still until then.
    pub stands_until: Millis,
    /// It starts then, when it is down.
    starts_at: Option<Millis>,
    /// What it has heard of others.
    pub heard: Heard,
}

/// Everything of one seed.
pub struct World<'a> {
    pub stage: &'a Stage,
    pub clock: Clock,
    pub net: Arc<Network>,
    pub tasks: Tasks,
    door: Door,
    pub nodes: Vec<Node>,
    pub record: Arc<Mutex<Record>>,
    chance: Chance,
    pub plan: Plan,
    planted: Option<Fault>,
    /// When processes were gone.
    pub crashes: Vec<(Owner, Millis)>,
    /// How long processes stood still: from and until.
    pub stands: Vec<(usize, Millis, Millis)>,
    /// When a process of a node started, each time.
    pub starts: Vec<(usize, Millis)>,
    /// Freezes that were not sealed a while after every node ran again.
    pub unsealed: Vec<String>,
    /// Processes that have taken back what they had of a post: from then on.
    pub recalled: Vec<(Owner, String, Millis)>,
    pub steps: u64,
    /// The log of the steps, where it is kept.
    pub log: Option<Vec<String>>,
    said: (usize, usize),
    /// A sum over all steps: two runs of one seed have the same.
    pub trace: u64,
}

impl<'a> World<'a> {
    pub async fn new(stage: &'a Stage, seed: u64, planted: Option<Fault>, keeps_log: bool) -> Self {
        stage.reset().await;
        let mut chance = Chance::new(seed);
        let clock = Clock::simulated(BEGAN, 1_000_000, elapsed_since(Instant::now()));
        let mut net = Network::new(chance.fork(), clock.clone());
        net.planted = planted;
        let plan = Plan::new(&mut chance);
        let door = Door::default();
        let mut world = Self {
            stage,
            clock,
            net: Arc::new(net),
            tasks: Tasks::new(stage.store.clone(), door.clone()),
            door,
            nodes: Vec::new(),
            record: Arc::default(),
            chance,
            plan,
            planted,
            crashes: Vec::new(),
            stands: Vec::new(),
            starts: Vec::new(),
            unsealed: Vec::new(),
            recalled: Vec::new(),
            steps: 0,
            log: keeps_log.then(Vec::new),
            said: (0, 0),
            trace: 0,
        };
        for node in 0..world.plan.nodes {
            let owner = Owner { node, start: 0 };
            let worker = Arc::default();
            world.nodes.push(Node {
                owner,
                app: None,
                worker,
                stands_until: 0,
                starts_at: Some(0),
                heard: Heard::default(),
            });
        }
        world
    }

    /// Since the seed began.
    pub fn now(&self) -> Millis {
        self.clock.now() - BEGAN
    }

    pub fn say(&mut self, what: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(log) = &mut self.log {
            log.push(format!("{now:>7} {}", what()));
        }
    }

    /// What people and the network said since the last time.
    fn hear(&mut self) {
        let (people, net) = self.said;
        let mut new: Vec<String> = {
            let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            self.said.0 = record.lines.len();
            record.lines.iter().skip(people).cloned().collect()
        };
        {
            let known = self.net.known();
            self.said.1 = known.lines.len();
            new.extend(known.lines.iter().skip(net).cloned());
        }
        for line in new {
            self.trace = self.trace.rotate_left(5) ^ sum(&line) ^ u64::try_from(self.now()).unwrap_or(0);
            self.say(|| line);
        }
    }

    fn start(&mut self, node: usize) {
        let now = self.clock.now();
        self.end_stand(node, now);
        self.starts.push((node, now));
        let place = &mut self.nodes[node];
        place.owner.start += 1;
        place.starts_at = None;
        place.stands_until = 0;
        place.worker = Arc::default();
        place.heard = Heard::default();
        let owner = place.owner;
        let folder = self.stage.node_folder(node);
        std::fs::create_dir_all(&folder).expect("a folder for the node");
        if self.planted == Some(Fault::MarksAreLost) {
            forget_marks(&folder);
        }
        let shared = self.plan.nodes > 1;
        let store = self.stage.store.clone();
        let store = if shared { store.shared_in_simulation() } else { store };
        let app = App::new(store, self.clock.clone(), self.stage.keys.clone(), &format!("node-{node}"), URL);
        place.app = Some(app.clone());
        let options = Options {
            node_name: format!("n{node}"),
            data: folder,
            longest_sleep: Duration::from_secs(5),
            drain: Duration::from_secs(3),
            reserve: Reserve(20),
            ticks: false,
        };
        let http =
            Arc::new(self.stage.http.carried_by(Arc::new(Cable { net: Arc::clone(&self.net), owner })));
        let door = self.door.clone();
        let runner = Runner::simulated(move |name, work| door.give(owner, name, work));
        let (worker, record) = (Arc::clone(&place.worker), Arc::clone(&self.record));
        self.door.give(owner, "ticks", Box::pin(ticks(app.clone())));
        let start = starting::starts(node, (app, http, options, runner), worker, record);
        self.door.give(owner, "start", Box::pin(start));
        self.say(|| format!("node {node} starts, {}", owner.start));
    }

    /// It stands still no longer, whatever was meant.
    fn end_stand(&mut self, node: usize, now: Millis) {
        for (_, _, until) in self.stands.iter_mut().filter(|(of, ..)| *of == node) {
            *until = now.min(*until);
        }
    }

    fn crash(&mut self, node: usize, down: Millis, reboot: bool) {
        let now = self.clock.now();
        let place = &mut self.nodes[node];
        let owner = place.owner;
        if place.app.take().is_none() {
            return;
        }
        place.starts_at = Some(now + down);
        place.stands_until = 0;
        self.end_stand(node, now);
        let place = &mut self.nodes[node];
        let worker = place.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.tasks.kill(owner);
        drop(worker);
        self.crashes.push((owner, now));
        if reboot {
            another_boot(&self.stage.node_folder(node));
        }
        self.say(|| format!("node {node} is gone{}", if reboot { ", with its machine" } else { "" }));
    }

    pub fn is_up(&self, owner: Owner) -> bool {
        self.nodes.get(owner.node).is_some_and(|n| n.owner == owner && n.app.is_some())
    }

    /// Somebody at a node that answers, and that node.
    pub fn desk(&mut self) -> Option<(Owner, Desk)> {
        let now = self.clock.now();
        let up = |n: &&Node| n.stands_until <= now && n.worker.lock().is_ok_and(|w| w.is_some());
        let up: Vec<_> =
            self.nodes.iter().filter(up).filter_map(|n| Some((n.owner, n.app.clone()?))).collect();
        let (owner, app) = self.chance.pick(&up)?.clone();
        Some((
            owner,
            Desk {
                app,
                operator: self.stage.operator.clone(),
                approver: self.stage.approver.clone(),
                administrator: self.stage.administrator.clone(),
                record: Arc::clone(&self.record),
            },
        ))
    }

    /// Somebody does something, at some node; whether anybody could.
    pub fn act<F>(&mut self, what: impl FnOnce(Desk) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some((owner, desk)) = self.desk() else { return false };
        self.door.give(owner, "person", Box::pin(what(desk)));
        true
    }

    fn happen(&mut self, event: Event) {
        let left = event.clone();
        let chance = self.chance.fork();
        let done = match event {
            Event::Write { new, approve } => self.act(move |d| async move { d.write(new, approve).await }),
            Event::Approve { post } => self.act(move |d| async move {
                let id = d.record().posts.get(post).map(|w| w.id.clone());
                if let Some(id) = id {
                    d.approve(&id).await;
                }
            }),
            Event::Edit { post, approve } => self.act(move |d| async move { d.edit(post, approve).await }),
            Event::Cancel { post } => self.act(move |d| async move { d.cancel(post).await }),
            Event::Freeze { scope } => {
                let scope = self.named(scope);
                self.act(move |d| async move { d.freeze(scope).await })
            }
            Event::Doubts { all } => {
                let there: Vec<String> =
                    self.net.known().copies.values().flatten().map(|c| c.delivery.clone()).collect();
                self.act(move |d| async move { d.settle_all(&there, all).await })
            }
            Event::Thaw => self.act(|d| async move { d.thaw(false).await }),
            Event::Review => self.act(move |d| async move { d.review(chance).await }),
            Event::Forget { node } => {
                self.act(move |d| async move { d.forget(&format!("node-{node}")).await })
            }
            Event::Crash { node, down, reboot } => {
                self.crash(node, down, reboot);
                true
            }
            Event::Stand { node, still } => {
                let now = self.clock.now();
                self.end_stand(node, now);
                self.nodes[node].stands_until = now + still;
                self.stands.push((node, now, now + still));
                self.say(|| format!("node {node} stands still for {still} ms"));
                true
            }
        };
        if !done {
            // Nobody answers now: a little later.
            let at = self.now() + 300;
            let place = self.plan.events.partition_point(|(t, _)| *t <= at);
            self.plan.events.insert(place, (at, left));
            self.plan.ends = self.plan.ends.max(at + 1_000);
        }
    }

    /// The scope of a freeze with the ids of its channels.
    fn named(&self, mut scope: Value) -> Value {
        if scope["channels"].is_array() {
            let at = CHANNELS.iter().position(|c| scope["channels"][0] == *c).unwrap_or(0);
            scope["channels"] = json!([self.stage.channels[at]]);
        }
        scope
    }

    /// Goes on until the plan is over.
    pub async fn play(&mut self) {
        while self.now() < self.plan.ends {
            while self.plan.events.first().is_some_and(|(at, _)| *at <= self.now()) {
                let (_, event) = self.plan.events.remove(0);
                self.happen(event);
            }
            self.go_on(60).await;
        }
    }

    /// One step: of a task that the seed chooses, or of time.
    pub async fn go_on(&mut self, most: Millis) {
        let now = self.clock.now();
        for node in 0..self.nodes.len() {
            if self.nodes[node].starts_at.is_some_and(|at| at <= now) {
                self.start(node);
            }
        }
        let up: Vec<_> = self.nodes.iter().map(|n| n.app.is_some().then_some(n.owner)).collect();
        self.net.land(|owner| up.get(owner.node).copied().flatten() != Some(owner));
        let still: Vec<_> = self.nodes.iter().map(|n| n.stands_until > now).collect();
        let ready = self.tasks.ready(|owner| !still.get(owner.node).copied().unwrap_or(false));
        self.hear();
        let waits = ready.is_empty() || self.chance.percent(3);
        if waits {
            // A node hears of what others changed when their word arrives, not at once.
            if self.nodes.len() > 1 && self.chance.percent(12) {
                let at = self.chance.below(self.nodes.len());
                words::tell(&mut self.nodes, at);
            }
            let time = self.chance.between(1, most);
            return tokio::time::advance(Duration::from_millis(u64::try_from(time).unwrap_or(1))).await;
        }
        let number = ready[self.chance.below(ready.len())];
        let (owner, name) = self.tasks.step(number).await;
        self.steps += 1;
        if name == "recalls" {
            self.take_back(owner);
        }
        let here = sum(name) ^ (owner.node as u64) << 8 ^ u64::from(owner.start);
        self.trace = self.trace.rotate_left(7) ^ here ^ u64::try_from(self.now()).unwrap_or(0);
        if self.log.is_some() {
            self.say(|| format!("  {name} of node {}", owner.node));
        }
        // Two steps are never at the same time: so it can be told which was first.
        tokio::time::advance(Duration::from_millis(1)).await;
    }

    /// A process has looked what people have cancelled: nothing of that begins there any more.
    fn take_back(&mut self, owner: Owner) {
        let now = self.clock.now();
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        for (post, _) in &record.cancelled {
            if !self.recalled.iter().any(|(by, of, _)| *by == owner && of == post) {
                self.recalled.push((owner, post.clone(), now));
            }
        }
    }

    /// The network is well again, and every node runs.
    pub fn calm(&mut self) {
        self.net.known().calm = true;
        let now = self.clock.now();
        for node in 0..self.nodes.len() {
            self.end_stand(node, now);
        }
        for node in &mut self.nodes {
            node.stands_until = node.stands_until.min(now);
            node.starts_at = node.starts_at.map(|_| now);
        }
        self.say(|| "all is well from now on".to_owned());
    }

    /// Ends all processes.
    pub fn end(&mut self) {
        self.hear();
        for node in &mut self.nodes {
            let worker = node.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.tasks.kill(node.owner);
            drop(worker);
        }
        self.tasks.clear();
    }
}

/// The same in every run, which the hash of the standard library is not promised to be.
pub fn sum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
