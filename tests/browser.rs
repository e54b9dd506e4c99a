//! The console in a real browser: the stories are in `tests/browser`, this starts what they need.

use std::process::Stdio;
use std::time::{Duration, Instant};

use holdline::app::people::{self, NewToken};
use holdline::app::{incidents, membership};
use holdline::domain::role::Role;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::console_retract::out_under_a_freeze;
use crate::notices::mailing;
use crate::real_channels::{bluesky, peer, word, wordpress};
use crate::support::caller::Caller;
use crate::support::programs::programs;
use crate::support::scene;
use crate::support::{Bench, Database, person};

/// Runs a story of `tests/browser` with what it needs to know.
pub async fn browse(story: &str, told: &Value) {
    let home = programs();
    let driver = home.join("browser/node_modules/playwright-core");
    assert!(driver.exists(), "no browser to test with: run tests/peers/browser/install.sh first");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), told.to_string()).unwrap();
    let script = format!("{}/tests/browser/{story}.mjs", env!("CARGO_MANIFEST_DIR"));
    let mut command = tokio::process::Command::new("node");
    command.arg(script).arg(file.path()).env("PEER_HOME", home).stdin(Stdio::null()).kill_on_drop(true);
    let begun = Instant::now();
    let output = tokio::time::timeout(Duration::from_secs(1_200), command.output());
    let output = output.await.expect("the browser does not come to an end").expect("node is not installed");
    eprintln!("{story}: {} s", begun.elapsed().as_secs());
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{said}");
    assert!(output.status.success(), "{story}:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Screens that decisions and forms lead to.
async fn answers(bench: &Bench, held: &str, freeze: &str) -> serde_json::Map<String, Value> {
    let newcomer = person(&bench.app, &bench.administrator, "newcomer", Role::Auditor).await;
    let gone = person(&bench.app, &bench.administrator, "gone", Role::Operator).await;
    membership::disable(&bench.app, &bench.administrator, &gone.id).await.unwrap();
    // An incident of another day.
    let past = json!({"title": "The branches were closed", "severity": "minor", "freeze": false, "playbook": "outage"});
    let past =
        incidents::open(&bench.app, &bench.operator, &serde_json::from_value(past).unwrap()).await.unwrap();
    let past = past.incident.id;
    incidents::resolve(&bench.app, &bench.operator, &past, None, "They are open again").await.unwrap();
    bench.sql(&format!("UPDATE incidents SET opened_at = opened_at - 180000000 WHERE id = '{past}'")).await;
    // What an editor scheduled inside a network.
    bench.sql(&format!("INSERT INTO swept (id, channel_id, freeze_id, place, remote_id, due_at, words, snapshot, mark,
        state, reason, in_hand_until, tries, found_at, changed_at) SELECT 'swept', id, '{freeze}', 'x', '1', 1764300000000,
        'The summer sale begins', '{{}}', 'm', 'held', 'somebody scheduled it anew in the network', 0, 1, 1, 1
        FROM channels ORDER BY name LIMIT 1")).await;
    let decide = format!("/console/held/decide?state=held&{held}");
    let (gone, newcomer) = (
        format!("/console/settings/people/{}", gone.id),
        format!("/console/settings/people/{}", newcomer.id),
    );
    let screens = json!({
        "readiness": {"path": "/console/settings/readiness", "as": "operator"},
        "incident-past": {"path": format!("/console/incidents/{past}"), "as": "operator"},
        "held-decide": {"path": decide, "as": "operator"},
        "held-label": {"path": "/console/held?label=morning", "as": "operator"},
        "swept": {"path": "/console/swept", "as": "operator"},
        "swept-whole": {"path": "/console/swept/swept", "as": "operator"},
        "swept-refused": {"path": "/console/swept", "as": "operator", "status": 422, "click": "button[value=restore]"},
        "held-decide-label": {"path": "/console/held/decide?state=held&label=morning", "as": "operator"},
        "retract-refused": {"path": format!("/console/freezes/{freeze}"), "as": "operator", "status": 422,
            "open": "details.retract > summary", "click": "details.retract[open] button",
            "type": {"details.retract[open] input[name=why]": {"en": "The time is wrong", "fr": "L’heure est fausse"},
                "details.retract[open] input[name=word]": {"en": "no", "fr": "non"}}},
        // A freeze is in force, so they are left.
        "held-left": {"path": decide, "as": "operator", "click": "button[value=release]"},
        "audit-verified": {"path": "/console/audit", "as": "approver", "click": "form[action$='/verify'] button"},
        "person-disabled": {"path": gone, "as": "administrator"},
        "invited": {"path": newcomer, "as": "administrator",
            "type": {"form[action$='/invite'] input[name=word]": {"en": "INVITE", "fr": "INVITER"}},
            "click": "form[action$='/invite'] button"},
    });
    screens.as_object().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_screen_on_a_desk_in_both_languages_and_themes() {
    every_screen("desk").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_screen_on_a_phone_in_both_languages_and_themes() {
    every_screen("phone").await;
}

async fn every_screen(size: &str) {
    let mut bench = Bench::new(Database::Sqlite).await;
    let worker = bench.start().await;
    let caller = Caller::new(&bench).await;
    let ids = scene::furnish(&mut bench).await;
    let token = NewToken { label: "Nightly import".into(), roles: Vec::new(), days: Some(90) };
    people::create_token(&bench.app, &bench.operator, &bench.operator.id, &token).await.unwrap();
    let mut people = serde_json::Map::new();
    for (name, actor) in [
        ("operator", &bench.operator),
        ("approver", &bench.approver),
        ("administrator", &bench.administrator),
    ] {
        people.insert(name.into(), json!({"cookie": sign_in(&bench, actor).await.cookie}));
    }
    let id = |key: &str| ids[key].as_str().unwrap();
    let public = incidents::get(&bench.app, &bench.operator, id("incident")).await.unwrap().url;
    let mut screens = json!({
        "sign-in": {"path": "/console/sign-in"},
        "set-up": {"path": "/console/set-up?token=hls_x"},
        "join": {"path": "/console/join?invitation=hli_x"},
        "now": {"path": "/console", "as": "operator"},
        "public-page": {"path": public.split_once("/incidents/").map(|(_, slug)| format!("/incidents/{slug}"))},
        "freeze": {"path": "/console/freeze", "as": "operator"},
        "frozen": {"path": format!("/console/freezes/{}", id("freeze")), "as": "operator"},
        "calendar-month": {"path": "/console/calendar?view=month", "as": "operator"},
        "calendar-week": {"path": "/console/calendar?view=week", "as": "operator"},
        "calendar-list": {"path": "/console/calendar?view=list", "as": "operator"},
        "compose": {"path": format!("/console/compose?kind=update&incident={}", id("incident")), "as": "operator"},
        "compose-edit": {"path": format!("/console/posts/{}/edit", id("draft")), "as": "operator"},
        "post": {"path": format!("/console/posts/{}", id("out")), "as": "operator"},
        "move": {"path": format!("/console/posts/{}/move", id("draft")), "as": "operator"},
        "incidents": {"path": "/console/incidents", "as": "operator"},
        "incident-open": {"path": "/console/incidents/open", "as": "operator"},
        "signal-open": {"path": format!("/console/incidents/open?signal={}", id("signal")), "as": "operator"},
        "signals": {"path": "/console/signals", "as": "operator"},
        "incident": {"path": format!("/console/incidents/{}", id("incident")), "as": "operator"},
        "approvals": {"path": "/console/approvals", "as": "approver"},
        "approval": {"path": format!("/console/approvals/{}", id("waiting")), "as": "approver"},
        "held": {"path": "/console/held", "as": "operator"},
        "doubts": {"path": "/console/doubts", "as": "operator"},
        "doubt": {"path": format!("/console/doubts/{}", id("doubt")), "as": "operator"},
        "audit": {"path": "/console/audit", "as": "approver"},
        "settings": {"path": "/console/settings", "as": "administrator"},
        "channels": {"path": "/console/settings/channels", "as": "administrator"},
        "channel": {"path": format!("/console/settings/channels/{}", bench.channels[0]), "as": "administrator"},
        "channel-new": {"path": "/console/settings/channels/new?adapter=bluesky", "as": "administrator"},
        "people": {"path": "/console/settings/people", "as": "administrator"},
        "person": {"path": format!("/console/settings/people/{}", bench.operator.id), "as": "administrator"},
        "tokens": {"path": "/console/settings/tokens", "as": "operator"},
        "policy": {"path": "/console/settings/policy", "as": "administrator"},
        "nodes": {"path": "/console/settings/nodes", "as": "administrator"},
        "me": {"path": "/console/me", "as": "operator"},
        "prove": {"path": "/console/prove", "as": "approver"},
        "not-found": {"path": "/console/freezes/none", "as": "operator", "status": 404},
        "forbidden": {"path": "/console/audit", "as": "operator", "status": 403},
    });
    let planner = "/console/settings/channels/new?adapter=x_ads";
    screens["channel-new-planner"] = json!({"path": planner, "as": "administrator"});
    screens["access-app"] =
        json!({"path": "/console/settings/channels/app?adapter=x", "as": "administrator"});
    screens.as_object_mut().unwrap().extend(answers(&bench, id("held"), id("freeze")).await);
    browse("screens", &json!({"base": caller.base, "people": people, "screens": screens, "size": size}))
        .await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_matrix_fits_every_screen() {
    let mut bench = Bench::new(Database::Sqlite).await;
    let worker = bench.start().await;
    let caller = Caller::new(&bench).await;
    let incident = scene::large(&mut bench).await;
    let screens =
        json!({"incident-large": {"path": format!("/console/incidents/{incident}"), "as": "operator"}});
    let people = cast(&bench).await;
    for size in ["desk", "phone"] {
        browse("screens", &json!({"base": caller.base, "people": people, "screens": screens, "size": size}))
            .await;
    }
    worker.stop().await.unwrap();
}

/// People who can sign in, for the stories.
async fn cast(bench: &Bench) -> Value {
    json!({
        "operator": {"cookie": sign_in(bench, &bench.operator).await.cookie},
        "approver": {"cookie": sign_in(bench, &bench.approver).await.cookie},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_clicks_from_now_to_the_first_words_everywhere() {
    let mut bench = Bench::new(Database::Sqlite).await;
    let (sky, blog, mail) = (peer("bluesky"), peer("wordpress"), peer("smtp"));
    bluesky(&mut bench, &sky, word(&sky, "url"), word(&sky, "app_password")).await;
    wordpress(&mut bench, word(&blog, "url"), word(&blog, "account"), word(&blog, "app_password")).await;
    let worker = bench.start().await;
    let mailing = mailing(&bench, &mail);
    for _ in 0..20 {
        bench
            .approved(json!({"kind": "routine", "source": {"text": "Buy more"}, "channels": ["alpha"],
            "due": holdline::clock::rfc3339(bench.app.clock().now() + 3_600_000)}))
            .await;
    }
    let caller = Caller::new(&bench).await;
    // English and French on six channels each.
    let told =
        json!({"base": caller.base, "people": cast(&bench).await, "expected": 12, "mail": mail["kept"]});
    browse("flow", &told).await;
    drop(mailing);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_flow_by_keyboard_alone() {
    let bench = Bench::new(Database::Sqlite).await;
    let worker = bench.start().await;
    let caller = Caller::new(&bench).await;
    browse("keyboard", &json!({"base": caller.base, "people": cast(&bench).await})).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn freeze_and_approve_without_javascript() {
    let bench = Bench::new(Database::Sqlite).await;
    let worker = bench.start().await;
    bench.submit(json!({"kind": "routine", "source": {"text": "A post that waits"}})).await;
    let caller = Caller::new(&bench).await;
    browse("no_script", &json!({"base": caller.base, "people": cast(&bench).await})).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_are_taken_down_from_the_page_of_a_freeze() {
    let bench = Bench::new(Database::Sqlite).await;
    let worker = bench.start().await;
    let (_, freeze) = out_under_a_freeze(&bench).await;
    let caller = Caller::new(&bench).await;
    let told = json!({"base": caller.base, "people": cast(&bench).await,
        "freeze": format!("/console/freezes/{freeze}")});
    browse("retract", &told).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_is_dragged_to_another_day() {
    let bench = Bench::new(Database::Sqlite).await;
    let worker = bench.start().await;
    let words = "An offer for the spring";
    let post = json!({"kind": "routine", "due": "2031-03-05T09:30:00Z", "source": {"text": words}});
    bench.submit(post).await;
    let caller = Caller::new(&bench).await;
    let told = json!({"base": caller.base, "people": cast(&bench).await, "words": words,
        "from": "2031-03-05", "to": "2031-03-07"});
    browse("drag", &told).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_live_connection_is_seen_and_comes_back() {
    let bench = Bench::new(Database::Sqlite).await;
    let worker = bench.start().await;
    let caller = Caller::new(&bench).await;
    let told =
        json!({"base": caller.base, "people": cast(&bench).await, "token": caller.operator.expose_secret()});
    browse("live", &told).await;
    worker.stop().await.unwrap();
}
