//! An incident of a bank, half an hour old: every screen of the console has something to show of it, and
//! the README's pictures are taken of it.

use holdline::app::posts::PostView;
use holdline::app::{channels as app_channels, heard, incidents, posts, room};
use holdline::clock::rfc3339;
use holdline::domain::role::Role;
use holdline::sandbox::Fault;
use serde_json::{Value, json};

use super::{Bench, person};

const MINUTE: i64 = 60_000;

/// What the channels of a bench are called here, in its order; the last one is new.
const CHANNELS: [&str; 5] = ["@bank", "Blog", "Newsletter", "Website", "Partners"];

/// Names that people would give, and channels that are ready.
pub async fn name_all(bench: &mut Bench) {
    let url = bench.sandbox.url("delta");
    bench.connect(CHANNELS[4], "sandbox", json!({ "url": url })).await;
    for (id, name) in bench.channels.iter().zip(CHANNELS) {
        bench.sql(&format!("UPDATE channels SET name = '{name}' WHERE id = '{id}'")).await;
        app_channels::test(&bench.app, &bench.administrator, id).await.unwrap();
    }
    for (who, name) in [(&bench.operator, "Ana Duarte"), (&bench.approver, "Ben Okafor")] {
        bench.sql(&format!("UPDATE people SET name = '{name}' WHERE id = '{}'", who.id)).await;
    }
}

/// The campaign that the freeze stops.
async fn campaign(bench: &Bench) {
    let texts = [
        "Spring in the garden: plan the loan for your terrace in our app, in four minutes.",
        "Saturday is open day in all branches. Coffee, advice and a children’s corner.",
        "Three questions to ask before you rent your first flat. Read them in our blog.",
        "The card that plants trees: ten cents of each payment go to the forest fund.",
    ];
    let begins = bench.app.clock().now() + 50 * MINUTE;
    for (n, text) in (0_i64..).zip(texts.iter().cycle().take(12)) {
        let due = rfc3339(begins + n * 95 * MINUTE + n % 3 * 40 * MINUTE);
        let channels = &CHANNELS[..1 + usize::try_from(n).unwrap() % 3];
        let post = json!({"kind": "routine", "labels": ["spring"], "due": due, "channels": channels,
            "source": {"text": text}});
        bench.approved(post).await;
    }
}

/// What has been published: minutes after what came before, kind, title and text.
const WORDS: [(i64, &str, &str, &str); 5] = [
    (
        4,
        "update",
        "Card payments fail in some shops",
        "About every third card payment in shops is refused at the moment. Cash machines and payments online \
         work. Your money is safe.\n\nWe are working on it with our network provider.",
    ),
    (
        3,
        "tip",
        "Do not pay twice",
        "If a payment is refused, look into your app before you try again. What was booked twice comes back by \
         itself; you do not need to call us.",
    ),
    (
        2,
        "tip",
        "We never ask for your PIN",
        "Somebody may call you and say that they are from the bank. Hang up, and call the number on your card.",
    ),
    (
        11,
        "update",
        "Most card payments work again",
        "The cause is found: a part of our payment network was overloaded. Nine of ten payments go through \
         again.\n\nUntil all is well, you can withdraw cash at any machine without a fee: \
         https://www.bank.example/machines",
    ),
    (
        3,
        "correction",
        "Card payments work, except at some petrol stations",
        "We wrote that nine of ten payments go through again. At petrol stations it is one in two. Please bring \
         cash when you refuel.",
    ),
];

/// Publishes them everywhere; the newest update.
async fn publish(bench: &Bench, incident: &str) -> PostView {
    let mut newest = None::<PostView>;
    for (after, kind, title, text) in WORDS {
        bench.app.clock().advance(after * MINUTE);
        let mut post = json!({"kind": kind, "incident": incident, "source": {"title": title, "text": text}});
        match kind {
            "update" => post["promise"] = json!(rfc3339(bench.app.clock().now() + 30 * MINUTE)),
            "correction" => post["corrects"] = json!(newest.as_ref().unwrap().id),
            _ => {}
        }
        let post = bench.approved(post).await;
        let post = bench.until(&post.id, &["accepted"]).await;
        newest = if kind == "update" { Some(post) } else { newest };
    }
    newest.unwrap()
}

/// Notes that the copies of the post were under way when the freeze came.
pub async fn under_way(bench: &Bench, post: &str, freeze: &str) {
    bench
        .sql(&format!(
            "insert into flights (freeze_id, attempt_id) select '{freeze}', a.id from attempts a
            join deliveries d on d.id = a.delivery_id where d.post_id = '{post}' and a.outcome = 'accepted'"
        ))
        .await;
}

/// Plays it. The worker must run.
pub async fn furnish(bench: &mut Bench) -> Value {
    name_all(bench).await;
    let bench = &*bench;
    let (app, operator) = (&bench.app, &bench.operator);
    campaign(bench).await;
    let new = json!({"title": "Card payments fail", "severity": "major", "playbook": "outage"});
    // Out a moment before the freeze: it is on its list.
    let early =
        json!({"kind": "routine", "source": {"text": "Good morning! Our branches open at nine today."}});
    let early = bench.approved(early).await;
    bench.until(&early.id, &["accepted"]).await;
    let opened = incidents::open(app, operator, &serde_json::from_value(new).unwrap()).await.unwrap();
    let (incident, freeze) = (opened.incident.id.clone(), opened.freeze.unwrap().id);
    under_way(bench, &early.id, &freeze).await;
    let late = json!({"kind": "routine", "labels": ["morning"], "channels": CHANNELS[..3],
        "source": {"text": "Good morning! The sun is out: a day for the garden."}});
    let late = bench.approved(late).await;
    let held = bench.until(&late.id, &["held"]).await;
    let newest = publish(bench, &incident).await;
    for step in ["freeze", "holding", "scope"] {
        room::mark_step(app, operator, &incident, step, true).await.unwrap();
    }
    let note = "The provider replaces the second part now. The next call with them is in ten minutes.";
    room::note(app, operator, &incident, note).await.unwrap();
    app.clock().advance(2 * MINUTE);
    bench.sandbox.fault("alpha", Fault::CutBeforeRead, 1);
    let tip = json!({"kind": "tip", "incident": incident, "channels": [CHANNELS[0]], "source": {
        "title": "Pay online or by app",
        "text": "Payments in our app are not affected. Many shops take them: ask for the code at the till."}});
    let doubt = bench.approved(tip).await;
    bench.until(&doubt.id, &["in_doubt"]).await;
    let promise = rfc3339(app.clock().now() + 45 * MINUTE);
    let waiting = json!({"kind": "update", "incident": incident, "promise": promise,
        "source": {"title": "Card payments work again",
        "text": "All card payments go through again, at petrol stations too.\n\nWhat was booked twice comes back \
                 by tomorrow evening. We watch the network closely, and write once more when the day is over."}});
    let waiting = bench.submit(waiting).await;
    let monitoring = person(app, &bench.administrator, "Monitoring", Role::Integrator).await;
    let signal = json!({"source": "alertmanager", "key": "cards", "severity": "critical",
        "title": "Half of the card payments at petrol stations are refused",
        "detail": "Region west, since a quarter of an hour.",
        "url": "https://metrics.bank.example/graph", "playbook": "outage"});
    let signal = serde_json::from_value(signal);
    let signal = heard::receive(app, &monitoring, &signal.unwrap()).await.unwrap().signals.remove(0).id;
    let own = json!({CHANNELS[0]: "A draft for this channel alone"});
    let draft = json!({"kind": "routine", "source": {"text": "A draft", "per_channel": own}});
    let draft = posts::create(app, operator, &serde_json::from_value(draft).unwrap()).await.unwrap();
    json!({"incident": incident, "freeze": freeze, "out": newest.id, "waiting": waiting.id,
        "draft": draft.id, "signal": signal, "doubt": doubt.deliveries[0].id,
        "held": format!("delivery={}&delivery={}", held.deliveries[0].id, held.deliveries[1].id)})
}

/// An incident with ten updates on twelve channels, as large as a matrix usually gets, in every state;
/// its id.
pub async fn large(bench: &mut Bench) -> String {
    for name in ["delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "A channel with a long name"] {
        let url = bench.sandbox.url(name.split(' ').next_back().unwrap());
        bench.connect(name, "sandbox", json!({ "url": url })).await;
    }
    let new = json!({"title": "A large incident", "severity": "critical", "freeze": false});
    let new = serde_json::from_value(new).unwrap();
    let incident = incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident.id;
    let of = |n: i64| {
        json!({"kind": "update", "incident": incident, "source": {"text": "What is known by now",
        "title": format!("{n}. What we know, what we do, and what you can do meanwhile")}})
    };
    for n in 1..8 {
        bench.app.clock().advance(7 * MINUTE);
        if n % 3 == 0 {
            bench.sandbox.fault("epsilon", Fault::CutBeforeRead, 1);
        }
        let post = bench.approved(of(n)).await;
        bench.until(&post.id, &["accepted", "in_doubt"]).await;
    }
    let mut later = of(8);
    later["due"] = json!(rfc3339(bench.app.clock().now() + 20 * MINUTE));
    bench.approved(later).await;
    bench.submit(of(9)).await;
    let mut few = of(10);
    few["channels"] = json!(["alpha", "site"]);
    bench.submit(few).await;
    incident
}
