//! Screens that a storm of signals, a narrow freeze and refused forms lead to, in a real browser.

use serde_json::json;

use crate::browser::browse;
use crate::console::sign_in;
use crate::support::caller::Caller;
use crate::support::storm;
use crate::support::{Bench, Database};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_screen_of_a_storm_of_signals_on_a_desk() {
    every_screen("desk").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_screen_of_a_storm_of_signals_on_a_phone() {
    every_screen("phone").await;
}

async fn every_screen(size: &str) {
    let mut bench = Bench::new(Database::Sqlite).await;
    let worker = bench.start().await;
    let caller = Caller::new(&bench).await;
    let ids = storm::blow(&mut bench).await;
    let id = |key: &str| ids[key].as_str().unwrap();
    let (freeze, worse) = (id("freeze"), id("worse"));
    let channel = &bench.channels[0];
    let open = "details.retract > summary";
    let wrong = json!({"en": "no", "fr": "non"});
    let tokens = "/console/settings/tokens";
    let person = format!("/console/settings/people/{}", bench.operator.id);
    let screens = json!({
        "storm-now": {"path": "/console", "as": "operator"},
        "storm-read-only": {"path": "/console", "as": "administrator"},
        "storm-gone": {"path": format!("/console?keep={}", id("known")), "as": "operator"},
        "storm-signals": {"path": "/console/signals", "as": "operator"},
        "storm-signals-last": {"path": "/console/signals?after=3.0", "as": "operator"},
        "storm-open": {"path": format!("/console/incidents/open?signal={worse}"), "as": "operator"},
        "storm-open-narrow": {"path": format!("/console/incidents/open?signal={worse}&adopt={freeze}"), "as": "operator"},
        "storm-adopt-narrow": {"path": format!("/console/incidents/open?adopt={freeze}"), "as": "operator"},
        "storm-join-refused": {"path": format!("/console/incidents/open?signal={worse}"), "as": "operator",
            "status": 422, "set": {"button[name=incident]": id("past")}, "click": "button[name=incident]"},
        "storm-frozen": {"path": format!("/console/freezes/{freeze}"), "as": "operator"},
        "storm-freeze": {"path": format!("/console/freeze?channel={channel}&labels=spring&allow=legal&crisis_too=on"),
            "as": "operator"},
        "token-revoked": {"path": format!("{tokens}?revoked={}", id("revoked")), "as": "operator"},
        "token-not-revoked": {"path": tokens, "as": "operator", "status": 422, "open": open,
            "type": {"details.retract[open] input[name=word]": wrong}, "click": "details.retract[open] button"},
        "token-of-another": {"path": person, "as": "administrator", "status": 422, "open": open,
            "type": {"details.retract[open] input[name=word]": wrong}, "click": "details.retract[open] button"},
    });
    let mut people = serde_json::Map::new();
    for (name, actor) in [("operator", &bench.operator), ("administrator", &bench.administrator)] {
        people.insert(name.into(), json!({"cookie": sign_in(&bench, actor).await.cookie}));
    }
    browse("screens", &json!({"base": caller.base, "people": people, "screens": screens, "size": size}))
        .await;
    worker.stop().await.unwrap();
}
