//! The drill: the whole main job in one process, on sandbox channels and an embedded database in a
//! temporary folder. It can reach no live channel: outgoing requests may go to loopback only, the
//! drill's incident reaches drill channels only, and every text carries EXERCISE.

mod story;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::approvals::{self, NewDecision};
use crate::app::board::unready;
use crate::app::bulk::{self, BulkApproval};
use crate::app::channels::{self, NewChannel};
use crate::app::hub::Topic;
use crate::app::import::Importer;
use crate::app::incidents;
use crate::app::invitations;
use crate::app::people::{self, NewPerson, NewToken};
use crate::app::posts::{self, NewPost, PostView};
use crate::app::{Actor, App};
use crate::clock::{Clock, Millis, rfc3339};
use crate::config::Config;
use crate::domain::Word;
use crate::domain::approval::Decision;
use crate::domain::delivery::State;
use crate::domain::role::Role;
use crate::sandbox::Sandbox;
use crate::service::Service;

/// The six sandbox channels.
pub(crate) const CHANNELS: [&str; 6] =
    ["bank on Microblog", "bank on Photos", "bank on Video", "newsroom", "cut line", "throttled"];

/// Fewer posts leave nothing under way when the freeze comes.
const LEAST: usize = 100;

/// How big the drill is.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Routine posts in the queue.
    pub posts: usize,
    /// Stay up afterwards.
    pub stay: bool,
}

/// One line of the report: what must hold, what was seen, and whether it held.
pub(crate) struct Line {
    what: &'static str,
    seen: String,
    held: bool,
}

/// The stage: a service, a sandbox, two people.
pub(crate) struct Stage<'a> {
    pub service: Service,
    pub sandbox: Sandbox,
    pub clock: Clock,
    pub administrator: Actor,
    pub operator: Actor,
    pub approver: Actor,
    pub say: &'a (dyn Fn(&str) + Sync),
    pub lines: Vec<Line>,
    begun: Instant,
}

/// Runs the drill. Whether every invariant held.
///
/// # Errors
/// When a step cannot be done at all.
pub async fn run(plan: &Plan, say: impl Fn(&str) + Sync) -> anyhow::Result<bool> {
    anyhow::ensure!(plan.posts >= LEAST, "give at least {LEAST} posts: with fewer nothing is under way");
    let folder = std::env::temp_dir().join(format!("holdline-drill-{}", Clock::real().id()));
    let mut stage = Stage::open(&folder, &say).await?;
    let result = story::tell(&mut stage, plan).await;
    if let Err(why) = &result {
        stage.must("the drill came to its end", false, why);
    }
    let held = report(&stage.lines, &say);
    if plan.stay && result.is_ok() {
        stage.guide().await?;
        let mut term = signal(SignalKind::terminate())?;
        tokio::select! {
            seen = tokio::signal::ctrl_c() => seen?,
            _ = term.recv() => {}
        }
    }
    stage.service.stop().await?;
    stage.sandbox.stop();
    std::fs::remove_dir_all(&folder)?;
    result.map(|()| held)
}

impl<'a> Stage<'a> {
    async fn open(folder: &std::path::Path, say: &'a (dyn Fn(&str) + Sync)) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let clock = Clock::movable();
        let config = Config {
            listen: "127.0.0.1:0".into(),
            data: folder.join("data"),
            allow_private: vec!["127.0.0.0/8".parse()?],
            only_private: true,
            node_name: "drill".into(),
            ..Config::default()
        };
        std::fs::create_dir_all(&config.data)?;
        let service = Service::start_quietly(&config, clock.clone()).await?;
        let sandbox = Sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), clock.clone()).await?;
        let app = service.app.clone();
        let token =
            people::first_start(&app).await?.ok_or_else(|| anyhow::anyhow!("somebody is here already"))?;
        let boss = person("Administrator of the drill", "administrator", Role::Administrator);
        let (_, secret) = people::set_up(&app, token.expose_secret(), &boss, "drill").await?;
        let boss = people::authenticate(&app, secret.expose_secret(), "drill").await?;
        for name in CHANNELS {
            let timeline = name.replace(' ', "-");
            connect(&app, &boss, name, "sandbox", json!({"url": sandbox.url(&timeline)}), true).await?;
        }
        connect(&app, &boss, "website", "website", json!({}), true).await?;
        let operator = join(&app, &boss, "Operator of the drill", "operator", Role::Operator).await?;
        let approver = join(&app, &boss, "Approver of the drill", "approver", Role::Approver).await?;
        let lines = Vec::new();
        Ok(Self { service, sandbox, clock, administrator: boss, operator, approver, say, lines, begun })
    }

    /// The application of the drill's service.
    pub fn app(&self) -> &App {
        &self.service.app
    }

    /// Tells what happens, with the seconds since the drill began.
    pub fn say(&self, words: &str) {
        (self.say)(&format!("{:7.2} s  {words}", self.begun.elapsed().as_secs_f64()));
    }

    /// Notes what must hold.
    pub fn must(&mut self, what: &'static str, held: bool, seen: impl ToString) {
        self.lines.push(Line { what, seen: seen.to_string(), held });
    }

    /// Notes a figure.
    pub fn figure(&mut self, what: &'static str, seen: impl ToString) {
        self.must(what, true, seen);
    }

    /// Imports routine posts and has them approved by their label.
    pub async fn queue(&self, rows: &[NewPost], label: &str) -> anyhow::Result<usize> {
        let mut importer = Importer::new(self.app(), &self.operator, false).await?;
        for row in rows {
            let mut line = serde_json::to_vec(row)?;
            line.push(b'\n');
            importer.feed(&line).await?;
        }
        let imported = importer.finish().await?;
        anyhow::ensure!(imported.failed == 0, "rows failed: {:?}", imported.errors.first());
        let seen = bulk::preview(self.app(), &self.approver, label).await?;
        anyhow::ensure!(seen.count == imported.created, "{} wait, {} came in", seen.count, imported.created);
        let unready = unready::among(&seen.readiness);
        let all = BulkApproval { label: label.to_owned(), hash: seen.hash, unready };
        Ok(bulk::approve(self.app(), &self.approver, &all).await?.approved)
    }

    /// One person drafts, another approves exactly what the sheet shows.
    pub async fn publish(&self, post: serde_json::Value) -> anyhow::Result<PostView> {
        let new: NewPost = serde_json::from_value(post)?;
        let view = posts::create(self.app(), &self.operator, &new).await?;
        let sheet = approvals::sheet(self.app(), &self.approver, &view.id).await?;
        let unready = unready::among(&sheet.readiness);
        let yes = NewDecision { decision: Decision::Approve, bundle: sheet.bundle, comment: None, unready };
        Ok(approvals::decide(self.app(), &self.approver, &view.id, &yes).await?.post)
    }

    /// Waits until every delivery of the post is in one of the states.
    pub async fn settled(&self, post: &str, states: &[State], seconds: u64) -> anyhow::Result<PostView> {
        let until = Instant::now() + Duration::from_secs(seconds);
        loop {
            let view = posts::get(self.app(), &self.operator, post).await?;
            if view.deliveries.iter().all(|d| states.contains(&d.state)) {
                return Ok(view);
            }
            if Instant::now() > until {
                let states: Vec<_> = view.deliveries.iter().map(|d| d.state.word()).collect();
                anyhow::bail!("the deliveries of {post} stay {}", states.join(", "));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A time on the drill's clock, as the API takes it.
    pub fn at(&self, after: Millis) -> String {
        rfc3339(self.clock.now() + after)
    }

    /// Moves the drill's clock. The sender is poked: its timer runs on the real clock.
    pub fn advance(&self, by: Millis) {
        self.clock.advance(by);
        self.app().hub().poke(Topic::Queue);
    }

    /// How to look around: a token for each person, the page, the timelines.
    async fn guide(&self) -> anyhow::Result<()> {
        let here = format!("http://{}", self.service.address);
        (self.say)("\nStaying up until Ctrl-C. In another terminal:");
        (self.say)(&format!("  export HOLDLINE_SERVER={here}"));
        for who in [&self.operator, &self.approver, &self.administrator] {
            let new = NewToken { label: "looking around".into(), roles: Vec::new(), days: Some(1) };
            let (_, token) = people::create_token(self.app(), who, &who.id, &new).await?;
            (self.say)(&format!("  export HOLDLINE_TOKEN={}   # {}", token.expose_secret(), who.name));
        }
        let program = crate::service::program();
        (self.say)(&format!("  {program} posts list --kind update; {program} audit list --verb freeze"));
        for incident in incidents::list(self.app(), &self.operator, false).await? {
            (self.say)(&format!("The page: {here}/incidents/{}", incident.slug));
        }
        for name in CHANNELS {
            (self.say)(&format!("{name}: {}", self.sandbox.url(&name.replace(' ', "-"))));
        }
        Ok(())
    }
}

/// Prints the table; whether every line held.
fn report(lines: &[Line], say: &impl Fn(&str)) -> bool {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["what", "seen", ""]);
    for line in lines {
        table.add_row([line.what, &line.seen, if line.held { "ok" } else { "BROKEN" }]);
    }
    say(&table.to_string());
    let broken = lines.iter().filter(|l| !l.held).count();
    if broken == 0 {
        say("Every invariant held. The schedule ran on a faster clock; the freeze did not.");
    } else {
        say(&format!("{broken} of what must hold did not. The schedule ran on a faster clock."));
    }
    broken == 0
}

fn person(name: &str, address: &str, role: Role) -> NewPerson {
    NewPerson { name: name.into(), email: format!("{address}@drill.invalid"), roles: vec![role] }
}

async fn join(app: &App, boss: &Actor, name: &str, address: &str, role: Role) -> anyhow::Result<Actor> {
    let invited = people::create(app, boss, &person(name, address, role)).await?;
    let (_, secret) = invitations::accept(app, invited.secret.expose_secret(), "drill").await?;
    Ok(people::authenticate(app, secret.expose_secret(), "drill").await?)
}

pub(crate) async fn connect(
    app: &App,
    boss: &Actor,
    name: &str,
    adapter: &str,
    settings: serde_json::Value,
    drill: bool,
) -> anyhow::Result<()> {
    let new = NewChannel {
        name: name.into(),
        adapter: adapter.into(),
        brand: "main".into(),
        settings,
        credential: None,
        drill,
    };
    channels::create(app, boss, new).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_line_breaks_the_drill() {
        let line = |held| Line { what: "what must hold", seen: "1".into(), held };
        let said = std::sync::Mutex::new(String::new());
        let say = |words: &str| said.lock().unwrap().push_str(words);
        assert!(report(&[line(true), line(true)], &say));
        assert!(!said.lock().unwrap().contains("BROKEN"));
        assert!(!report(&[line(true), line(false)], &say));
        assert!(said.lock().unwrap().contains("BROKEN"));
    }
}
