//! What happens in the drill, step by step.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{CHANNELS, Plan, Stage, connect};
use crate::app::audit;
use crate::app::channels::{self, NewChannel};
use crate::app::freezes;
use crate::app::held::{self, Choice, Review};
use crate::app::incidents::{self, NewIncident, Opened};
use crate::app::posts::NewPost;
use crate::app::renditions::EXERCISE;
use crate::app::{Actor, AppError, posts, site};
use crate::audit_export;
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::domain::freeze::Scope;
use crate::domain::incident::Severity;
use crate::domain::role::Role;
use crate::sandbox::{Arrival, Fault};

const MINUTE: Millis = 60_000;
/// The texts of the incident: holding statement, two follow-ups, two tips, correction.
const ON_THE_PAGE: i64 = 6;
/// A channel that is not for drills.
const LIVE: &str = "live";
/// What all marketing of the drill is labelled.
const LABEL: &str = "drill-marketing";

/// Tells the story and notes the figures.
pub async fn tell(stage: &mut Stage<'_>, plan: &Plan) -> anyhow::Result<()> {
    queue_marketing(stage, plan.posts).await?;
    let (opened, sealed) = freeze(stage).await?;
    let incident = opened.incident.id.clone();
    holding_statement(stage, &incident).await?;
    prove_walls(stage, &incident).await?;
    let first = follow_ups(stage, &incident).await?;
    correct(stage, &incident, &first).await?;
    let frozen = opened.freeze.as_ref().map(|f| f.id.clone()).unwrap_or_default();
    prove_freeze(stage, &frozen, sealed).await?;
    thaw(stage, &opened).await?;
    prove_outcomes(stage).await?;
    prove_log(stage).await
}

/// A month of marketing; some of it falls due at once and keeps falling due.
async fn queue_marketing(stage: &mut Stage<'_>, posts: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    let row = |n: usize, due: Option<String>| -> anyhow::Result<NewPost> {
        Ok(serde_json::from_value(json!({
            "kind": "routine", "labels": [LABEL], "submit": true, "due": due,
            "channels": [CHANNELS[n % CHANNELS.len()]],
            "source": {"text": format!("{EXERCISE}\nPractice offer number {n}: two for one.")},
        }))?)
    };
    let month = 30 * 24 * 60 * MINUTE;
    let mut rows = Vec::with_capacity(posts);
    for n in 0..posts {
        // A tenth falls due within the drill's first minutes, the rest over the month.
        let soon = n % 10 == 0;
        let span = if soon { 10 * MINUTE } else { month };
        let after = 3_000 + span / Millis::try_from(posts.max(1))? * Millis::try_from(n)?;
        rows.push(row(n, Some(stage.at(after)))?);
    }
    let approved = stage.queue(&rows, LABEL).await?;
    stage.say(&format!("{approved} routine posts on {} channels queued and approved", CHANNELS.len()));
    stage.figure("routine posts queued", approved);
    stage.figure("time to import and approve them", format!("{:.1} s", begun.elapsed().as_secs_f64()));
    // Some go out before anything happens.
    stage.advance(30_000);
    for _ in 0..200 {
        if stage.sandbox.arrived() >= 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.say(&format!("{} of them have gone out", stage.sandbox.arrived()));
    Ok(())
}

/// Something happened: the incident freezes in the same call.
async fn freeze(stage: &mut Stage<'_>) -> anyhow::Result<(Opened, Instant)> {
    let new = NewIncident {
        title: "Card payments fail".into(),
        severity: Severity::Major,
        drill: true,
        freeze: true,
        scope: Scope::default(),
        promise: None,
        playbook: None,
        adopt: None,
        freeze_too: false,
        signal: None,
    };
    // One channel reads late, so that something is under way when the freeze comes.
    stage.sandbox.fault("bank-on-Video", Fault::SlowRead { ms: 2_000 }, 2);
    for _ in 0..400 {
        stage.advance(1_000);
        let flights = stage.service.worker().gate().in_flight();
        if flights.iter().any(|f| f.since > Duration::from_millis(100)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    let opened = incidents::open(stage.app(), &stage.operator, &new).await?;
    let sealed = Instant::now();
    let freeze = opened.freeze.clone().ok_or_else(|| anyhow::anyhow!("the incident did not freeze"))?;
    let in_flight = freeze.in_flight.len();
    stage.say(&format!("FREEZE committed {}", freeze.committed_at));
    stage.say(&format!(
        "FREEZE sealed    {}  ({} in flight)",
        freeze.sealed_at.as_deref().unwrap_or("not yet"),
        in_flight
    ));
    for flight in &freeze.in_flight {
        stage.say(&format!("  under way on {}: {}", flight.channel_name, flight.state.word()));
    }
    let took = format!("{:.1} ms", (sealed - begun).as_secs_f64() * 1_000.0);
    stage.must("freeze committed and sealed (real clock)", freeze.sealed_at.is_some(), took);
    stage.must("in flight when it was sealed, each listed", in_flight > 0, in_flight);
    // What keeps falling due is held.
    stage.advance(5 * MINUTE);
    Ok((opened, sealed))
}

/// Drafted by one person, approved by another, everywhere. Two channels misbehave.
async fn holding_statement(stage: &mut Stage<'_>, incident: &str) -> anyhow::Result<()> {
    stage.sandbox.fault("cut-line", Fault::CutAfterAccept, 1);
    stage.sandbox.fault("throttled", Fault::TooMany { seconds: 2 }, 1);
    stage.sandbox.fault("throttled", Fault::ServerError { accepted: false }, 1);
    let begun = Instant::now();
    let promise = stage.at(20 * MINUTE);
    let post = stage
        .publish(json!({
            "kind": "update", "incident": incident, "submit": true, "promise": promise,
            "source": {"title": "Card payments fail", "text": "Card payments fail at the moment. Your money is safe. \
                We tell you more within 20 minutes."},
        }))
        .await?;
    stage.say("holding statement: drafted by one person, approved by another");
    let mut view = post;
    let mut doubts = 0;
    for _ in 0..500 {
        view = posts::get(stage.app(), &stage.operator, &view.id).await?;
        doubts = view.deliveries.iter().filter(|d| d.state == State::InDoubt).count();
        if doubts > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stage.say(&format!("one channel cut its answer: {doubts} in doubt, to be read back, not sent again"));
    stage.must("an answer that was cut is in doubt, not sent again", doubts == 1, doubts);
    // The read-back and the retries are due by the drill's clock.
    let mut published = 0;
    for _ in 0..60 {
        view = posts::get(stage.app(), &stage.operator, &view.id).await?;
        published = view.deliveries.iter().filter(|d| d.state == State::Accepted).count();
        if published == view.deliveries.len() {
            break;
        }
        stage.advance(2_000);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let total = view.deliveries.len();
    stage.say(&format!("holding statement on {published} of {total} channels and the website"));
    let took = format!("{published} of {total} in {:.1} s", begun.elapsed().as_secs_f64());
    stage.must("holding statement on every channel and the website", published == total, took);
    let attempts = |name| view.deliveries.iter().find(|d| d.channel_name == name).map_or(0, |d| d.attempts);
    let (cut, throttled) = (attempts("cut line"), attempts("throttled"));
    stage.must("attempts where the answer was cut", cut == 1, cut);
    stage.must("attempts where 429 and 500 came first", throttled == 3, throttled);
    Ok(())
}

/// I8: the drill's texts reach no channel that is not for drills, and its service no other machine.
async fn prove_walls(stage: &mut Stage<'_>, incident: &str) -> anyhow::Result<()> {
    let (app, boss) = (stage.app(), &stage.administrator);
    let sandbox = json!({"url": stage.sandbox.url(LIVE)});
    connect(app, boss, LIVE, "sandbox", sandbox, false).await?;
    let post: NewPost = serde_json::from_value(json!({
        "kind": "update", "incident": incident, "submit": true, "channels": [LIVE],
        "promise": stage.at(20 * MINUTE), "source": {"text": "This must not leave."},
    }))?;
    let answer = posts::create(app, &stage.operator, &post).await;
    // Nothing else may be wrong with it: a refusal for another reason would prove nothing.
    let refused = matches!(&answer, Err(AppError::Invalid(problems)) if matches!(problems.as_slice(),
        [only] if only.field == "channels" && only.message.contains("is live")));
    // An address of the public internet, as it stands: no name is looked up for this.
    let outside = json!({"server": "https://192.0.1.1", "account": "bank.example.com"});
    let new = NewChannel {
        name: "outside".into(),
        adapter: "bluesky".into(),
        brand: "main".into(),
        settings: outside,
        credential: Some("none".into()),
        drill: false,
    };
    let walled = channels::create(app, boss, new).await.is_err();
    stage.must("a live channel was refused for the drill's text", refused, refused);
    stage.must("an address of the internet was refused", walled, walled);
    Ok(())
}

/// Two follow-ups and two tips on a schedule, on the faster clock.
async fn follow_ups(stage: &mut Stage<'_>, incident: &str) -> anyhow::Result<String> {
    let mut ids = Vec::new();
    for (n, (kind, text)) in [
        ("update", "We found the cause and repair it. The next update follows in 20 minutes."),
        ("tip", "Withdraw cash at any of our machines. We never ask for your PIN."),
        ("update", "Half of the terminals work again."),
        ("tip", "A payment may show twice. You need to do nothing: it is taken back by itself."),
    ]
    .into_iter()
    .enumerate()
    {
        let due = stage.at(10 * MINUTE * Millis::try_from(n + 1)?);
        let promise = stage.at(10 * MINUTE * Millis::try_from(n + 3)?);
        let post = stage
            .publish(json!({
                "kind": kind, "incident": incident, "submit": true, "due": due, "promise": promise,
                "source": {"text": text},
            }))
            .await?;
        ids.push(post.id);
    }
    stage.say("two follow-ups and two tips approved, ten minutes apart");
    let mut early = 0;
    for (n, id) in ids.iter().enumerate() {
        for later in &ids[n..] {
            let view = posts::get(stage.app(), &stage.operator, later).await?;
            early += view.deliveries.iter().filter(|d| d.attempts > 0).count();
        }
        stage.advance(10 * MINUTE + 1_000);
        stage.settled(id, &[State::Accepted], 20).await?;
        stage.say(&format!("scheduled post {} of {} is out on every channel", n + 1, ids.len()));
    }
    stage.must("nothing went out before its time", early == 0, early);
    Ok(ids.swap_remove(2))
}

/// A correction to every channel in one action, and the end of the incident.
async fn correct(stage: &mut Stage<'_>, incident: &str, wrong: &str) -> anyhow::Result<()> {
    let post = stage
        .publish(json!({
            "kind": "correction", "incident": incident, "submit": true, "corrects": wrong,
            "source": {"text": "Correction: a third of the terminals work again, not half."},
        }))
        .await?;
    let view = stage.settled(&post.id, &[State::Accepted], 20).await?;
    stage.say(&format!("correction on {} channels", view.deliveries.len()));
    stage.must(
        "one correction reached every channel",
        view.deliveries.len() == CHANNELS.len() + 1,
        view.deliveries.len(),
    );
    let done = incidents::resolve(stage.app(), &stage.approver, incident, None, "all terminals work")
        .await?
        .incident;
    let page = site::page(stage.app(), &done.slug).await?;
    stage.say(&format!("incident resolved; its page shows {} texts", page.entries.len()));
    let shown = i64::try_from(page.entries.len())?;
    let marked = page.entries.iter().all(|e| e.text.starts_with(EXERCISE));
    stage.must("every text on the page says EXERCISE", marked && shown == ON_THE_PAGE, shown);
    Ok(())
}

/// I1: no routine byte after the seal, by the sandbox's own clock, but of what the freeze's answer
/// listed as under way; and all of that arrived.
async fn prove_freeze(stage: &mut Stage<'_>, freeze: &str, sealed: Instant) -> anyhow::Result<()> {
    let mut flights = freezes::get(stage.app(), freeze).await?.in_flight;
    for _ in 0..400 {
        if flights.iter().all(|f| f.state != State::Sending) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
        flights = freezes::get(stage.app(), freeze).await?.in_flight;
    }
    let listed: HashSet<_> = flights.iter().map(|f| f.delivery.as_str()).collect();
    let late = |a: &&Arrival| a.posted.kind == "routine" && a.first_byte > sealed;
    let arrivals = stage.sandbox.arrivals();
    let leaked =
        arrivals.iter().filter(late).filter(|a| !listed.contains(a.posted.delivery.as_str())).count();
    stage.must("routine posts that came after the seal and were not listed", leaked == 0, leaked);
    let arrived: HashSet<_> = arrivals.iter().map(|a| a.posted.delivery.as_str()).collect();
    let lost = listed.difference(&arrived).count();
    stage.must("posts listed as under way that never arrived", lost == 0, lost);
    Ok(())
}

/// The thaw sends nothing; people decide about each held post.
async fn thaw(stage: &mut Stage<'_>, opened: &Opened) -> anyhow::Result<()> {
    let before = stage.sandbox.arrived();
    let freeze = opened.freeze.as_ref().map(|f| f.id.clone()).unwrap_or_default();
    freezes::thaw(stage.app(), &stage.approver, &freeze, "resolved").await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let after = stage.sandbox.arrived();
    stage.must("posts that the thaw sent by itself", after == before, after - before);
    let held = held::list(stage.app(), &stage.operator, State::Held, None, "", 500).await?;
    let all = freezes::get(stage.app(), &freeze).await?.held;
    stage.must("posts were held by the freeze", all > 0, all);
    let keep: Vec<_> = held.iter().take(10).map(|w| w.delivery.clone()).collect();
    let review = |choice, deliveries, label| Review {
        choice,
        deliveries,
        label,
        hash: None,
        expected: None,
        at: None,
        zone: None,
        spread_minutes: 0,
    };
    let release = review(Choice::Release, keep, None);
    let released = held::review(stage.app(), &stage.operator, &release).await?;
    // The rest in bulk, by its label.
    let cancel = review(Choice::Cancel, Vec::new(), Some(LABEL.into()));
    let cancelled = held::review(stage.app(), &stage.operator, &cancel).await?;
    stage.say(&format!(
        "thaw review: {all} held, {} released, {} cancelled",
        released.changed, cancelled.changed
    ));
    let left = freezes::get(stage.app(), &freeze).await?.held;
    stage.must("every held post was decided", left == 0, left);
    for _ in 0..200 {
        if stage.sandbox.arrived() >= after + released.changed {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// I2: every attempt has an outcome; then at most one copy of each delivery is on any timeline, and
/// as many are there as were accepted. All carry EXERCISE, and none is on the live channel.
async fn prove_outcomes(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let (mut open, mut accepted) = (0, 0);
    for _ in 0..200 {
        let counts = crate::app::sending::counts(stage.app()).await?;
        let count = |s: State| counts.iter().find(|(word, _)| word == s.word()).map_or(0, |(_, n)| *n);
        open = count(State::Sending) + count(State::InDoubt);
        accepted = count(State::Accepted);
        if open == 0 {
            break;
        }
        stage.advance(1_000);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.must("attempts without an outcome", open == 0, open);
    let arrivals = stage.sandbox.arrivals();
    let mut copies = HashMap::<&str, usize>::new();
    for arrival in arrivals.iter().filter(|a| a.kept) {
        *copies.entry(&arrival.posted.delivery).or_default() += 1;
    }
    let twice = copies.values().filter(|n| **n > 1).count();
    stage.figure("posts that arrived", copies.len());
    stage.must("posts that arrived twice", twice == 0, twice);
    let seen = i64::try_from(copies.len())? + ON_THE_PAGE;
    stage.must("accepted equals what arrived", accepted == seen, format!("{accepted} and {seen}"));
    let unmarked = arrivals.iter().filter(|a| !a.posted.text.starts_with(EXERCISE)).count();
    stage.must("texts without EXERCISE", unmarked == 0, unmarked);
    let live = stage.sandbox.timeline(LIVE).len();
    stage.must("posts on the live channel", live == 0, live);
    Ok(())
}

/// I4: the log, exported and verified offline.
async fn prove_log(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let auditor = Actor {
        id: "drill-auditor".into(),
        name: "Auditor of the drill".into(),
        roles: vec![Role::Auditor],
        origin: "drill".into(),
    };
    let checkpoint = audit::checkpoint(stage.app(), &auditor).await?;
    let leaves = audit::leaves(stage.app(), &auditor, checkpoint.size).await?;
    let folder = std::env::temp_dir().join(format!("holdline-drill-log-{}", stage.clock.id()));
    std::fs::create_dir_all(&folder)?;
    audit_export::write(&folder, &leaves, &checkpoint.note, &checkpoint.key)?;
    let verified = audit_export::verify(&folder, Some(&checkpoint.key), None);
    std::fs::remove_dir_all(&folder)?;
    match verified {
        Ok(report) => {
            stage.say(&format!("the log of {} entries verifies offline", report.size));
            stage.must("entries of the log, verified offline", true, report.size);
        }
        Err(findings) => stage.must("the log verifies offline", false, findings.join("; ")),
    }
    Ok(())
}
