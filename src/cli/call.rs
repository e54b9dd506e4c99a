//! Runs the verbs of the API.

use std::io::Read;

use anyhow::Context;
use serde_json::{Value, json};

use super::api::{Api, encode, query};
use super::verbs::{Approvals, Command, Freezes, Gate, Held, Keys, People};
use super::{End, bounces, channels, incidents, pins, posts, ready, retract, signals, swept, table};

const PERSON: &[&str] = &["id", "name", "email", "roles", "disabled_at"];
const INVITED: &[&str] = &["person.id", "person.name", "person.roles", "invitation", "expires_at"];
pub(super) const POST: &[&str] = &["id", "kind", "state", "due", "labels", "source.text"];
/// What an approver decides about, besides the texts.
const MATTER: &[&str] = &[
    "id",
    "kind",
    "brand",
    "labels",
    "incident",
    "due",
    "zone",
    "recurrence",
    "valid_until",
    "promise",
    "corrects",
    "revises",
];
const PLAYBOOK: &[&str] = &["key", "title.en", "severity", "first_words_minutes", "cadence_minutes"];
const FREEZE: &[&str] = &["id", "committed_at", "sealed_at", "thawed_at", "held", "reason", "missing"];
const FLIGHT: &[&str] = &["delivery", "channel_name", "state", "started_only", "url", "retract", "reason"];
const WAITING: &[&str] = &["delivery", "post", "channel_name", "state", "due", "labels", "reason"];
const NODE: &[&str] = &["id", "name", "last_seen_at", "acked_epoch", "closed"];

/// Runs one of them.
pub async fn run(api: &Api, as_json: bool, command: Command) -> anyhow::Result<End> {
    let show = |value: &Value, columns: &[&str]| table::value(value, as_json, columns);
    match command {
        Command::Setup { name, email, mut roles } => {
            let setup_token = api.token().context("give the one-time token with --token")?;
            roles.push("administrator".into());
            let person = json!({"name": name, "email": email, "roles": roles});
            let body = json!({"setup_token": setup_token, "person": person});
            show(&api.post("/setup", &body).await?, &["person.id", "person.name", "token"]);
        }
        Command::Me => show(&api.get("/me").await?, &["id", "name", "roles"]),
        Command::Join => {
            let invitation = api.token().context("give the invitation with --token")?;
            let joined = api.post("/join", &json!({"invitation": invitation})).await?;
            show(&joined, &["person.id", "person.name", "person.roles", "token"]);
        }
        Command::Console => show(&api.post("/me/console", &json!({})).await?, &["url", "expires_at"]),
        Command::Playbooks => show(&api.get("/playbooks").await?, PLAYBOOK),
        Command::Watch => {
            let list = api.get("/watch").await?;
            let accounts = ["channel_name", "account", "since", "looked_at", "trouble"];
            let posts = ["seen_at", "state", "words", "url", "signal"];
            match as_json {
                true => show(&list, &[]),
                false => {
                    show(&list["accounts"], &accounts);
                    show(&list["posts"], &posts);
                }
            }
        }
        Command::People(c) => people(api, &show, c).await?,
        Command::Channels(c) => return channels::run(api, &show, as_json, c).await,
        Command::Ready => return ready::run(api, &show, as_json).await,
        Command::Bounces { channel } => return bounces::run(api, &show, as_json, &channel).await,
        Command::Posts(c) => return posts::run(api, &show, as_json, c).await,
        Command::Approvals(c) => return approvals(api, &show, as_json, c).await,
        Command::Freeze(f) => {
            let body = json!({"scope": f.scope.json(), "reason": f.reason});
            let freeze = api.post("/freezes", &body).await?;
            frozen(&freeze, as_json);
            return Ok(End::all(is_sealed(&freeze)));
        }
        Command::Freezes(Freezes::List { open }) => {
            show(&api.get(&format!("/freezes?open={open}")).await?, FREEZE)
        }
        Command::Freezes(Freezes::Show { id }) => frozen(&api.get(&format!("/freezes/{id}")).await?, as_json),
        Command::Freezes(Freezes::Preview(scope)) => {
            let value = api.post("/freezes/preview", &scope.json()).await?;
            show(&value, &["covered", "covered_next_day", "goes_on"]);
        }
        Command::Thaw { id, comment } => {
            show(&api.post(&format!("/freezes/{id}/thaw"), &json!({"comment": comment})).await?, FREEZE);
        }
        Command::Held(c) => return held(api, &show, as_json, c).await,
        Command::Swept(c) => return swept::run(api, &show, c).await,
        Command::Retract { delivery, post, comment } => {
            return retract::run(api, &show, delivery, post, &comment).await;
        }
        Command::Pin { post, off } => return pins::run(api, &show, &post, !off).await,
        Command::Incidents(c) => return incidents::run(api, &show, as_json, c).await,
        Command::Signals(c) => return signals::run(api, &show, as_json, c).await,
        Command::Gate(c) => gate(api, &show, c).await?,
        Command::Keys(c) => return keys(api, &show, c).await,
        Command::Policy { json: None } => show(&api.get("/policy").await?, &[]),
        Command::Policy { json: Some(text) } => show(&api.put("/policy", &read_json(&text)?).await?, &[]),
    }
    Ok(End::Done)
}

pub(super) type Show<'a> = &'a dyn Fn(&Value, &[&str]);

async fn people(api: &Api, show: Show<'_>, command: People) -> anyhow::Result<()> {
    match command {
        People::List => show(&api.get("/people").await?, PERSON),
        People::Add { name, email, roles } => {
            let body = json!({"name": name, "email": email, "roles": roles});
            show(&api.post("/people", &body).await?, INVITED);
        }
        People::Invite { id } => {
            show(&api.post(&format!("/people/{id}/invitation"), &json!({})).await?, INVITED);
        }
        People::Edit { id, name, roles, enable } => {
            let body = json!({"name": name, "roles": roles, "enabled": enable.then_some(true)});
            show(&api.patch(&format!("/people/{id}"), &body).await?, PERSON);
        }
        People::Disable { id } => show(&api.delete(&format!("/people/{id}")).await?, PERSON),
        People::Token { label, roles, days } => {
            let me = api.get("/me").await?;
            let id = me["id"].as_str().unwrap_or_default();
            let body = json!({"label": label, "roles": roles, "days": days});
            show(
                &api.post(&format!("/people/{id}/tokens"), &body).await?,
                &["details.id", "details.roles", "token"],
            );
        }
        People::Tokens { id } => {
            let value = api.get(&format!("/people/{id}/tokens")).await?;
            show(&value, &["id", "label", "roles", "created_at", "expires_at", "revoked_at"]);
        }
        People::RevokeToken { id, token } => {
            let value = api.delete(&format!("/people/{id}/tokens/{token}")).await?;
            show(&value, &["id", "label", "roles", "created_at", "expires_at", "revoked_at"]);
        }
    }
    Ok(())
}

/// A freeze, and what was under way when the gates closed.
pub(super) fn frozen(freeze: &Value, as_json: bool) {
    table::value(freeze, as_json, FREEZE);
    if !as_json && freeze["reason_mended"] == true {
        table::line("The reason was too long or had hidden characters: it was cut or cleaned.");
    }
    if !as_json && freeze["thawed_at"].is_null() {
        table::line("In force: whatever it covers is held when its time comes. `held` counts those so far.");
    }
    if !as_json && freeze["in_flight"].as_array().is_some_and(|list| !list.is_empty()) {
        table::line("Under way when the gates closed (`holdline freezes show ID` follows them):");
        table::value(&freeze["in_flight"], as_json, FLIGHT);
    }
    swept::under(freeze, as_json);
}

/// Whether every node has closed its gate.
pub(super) fn is_sealed(freeze: &Value) -> bool {
    !freeze["sealed_at"].is_null()
}

async fn approvals(api: &Api, show: Show<'_>, as_json: bool, command: Approvals) -> anyhow::Result<End> {
    let decide =
        |post: String, body: Value| async move { api.post(&format!("/posts/{post}/approval"), &body).await };
    let decided = |value: &Value| show(&value["decisions"], &["person", "decision", "at", "comment", "void"]);
    match command {
        Approvals::Waiting => show(&api.pages("/posts?waiting=true", 10_000).await?, POST),
        Approvals::Show { post } => {
            let sheet = api.get(&format!("/posts/{post}/approval")).await?;
            if as_json {
                show(&sheet, &[]);
                return Ok(End::Done);
            }
            matter(show, &sheet);
        }
        Approvals::Approve { post, bundle, unready } => {
            let body = json!({"decision": "approve", "bundle": bundle, "unready": unready});
            decided(&decide(post, body).await?);
        }
        Approvals::Reject { post, bundle, comment } => {
            let body = json!({"decision": "reject", "bundle": bundle, "comment": comment});
            decided(&decide(post, body).await?);
        }
        Approvals::BreakGlass { post, bundle, comment } => {
            let body = json!({"decision": "break_glass", "bundle": bundle, "comment": comment});
            decided(&decide(post, body).await?);
        }
        Approvals::Preview { label } => {
            let value = api.get(&format!("/approvals/bulk?label={}", encode(&label))).await?;
            if as_json {
                show(&value, &[]);
                return Ok(End::Done);
            }
            show(&value["posts"], POST);
            ready::lines(&value["readiness"]);
            let hash = value["hash"].as_str().unwrap_or_default();
            table::line(&format!("{} posts wait with this label; hash {hash}", value["count"]));
        }
        Approvals::Bulk { label, hash, unready } => {
            let body = json!({"label": label, "hash": hash, "unready": unready});
            let value = api.post("/approvals/bulk", &body).await?;
            show(&value, &["approved", "left"]);
            return Ok(End::all(nothing_left(&value)));
        }
        Approvals::Owed => {
            show(&api.get("/approvals/owed").await?, &["id", "post", "person", "comment", "at"])
        }
        Approvals::Review { id, comment } => {
            api.post(&format!("/approvals/{id}/review"), &json!({"comment": comment})).await?;
            table::line("reviewed");
        }
    }
    Ok(End::Done)
}

/// What an approver reads: the exact words for each channel, and what is to know before the decision.
fn matter(show: Show<'_>, sheet: &Value) {
    show(&sheet["post"], MATTER);
    for d in sheet["post"]["deliveries"].as_array().into_iter().flatten() {
        let language = d["rendition"]["language"].as_str().unwrap_or_default();
        table::line(&format!("--- {} ({language})", d["channel_name"].as_str().unwrap_or_default()));
        d["rendition"]["title"].as_str().into_iter().for_each(table::line);
        table::line(d["rendition"]["text"].as_str().unwrap_or_default());
        for picture in d["rendition"]["media"].as_array().into_iter().flatten() {
            let alt = picture["alt"].as_str().unwrap_or_default();
            let sha256 = picture["sha256"].as_str().unwrap_or_default();
            table::line(&format!("[picture: {alt}]"));
            table::line(&format!("to look at it: holdline posts picture {sha256} --out FILE"));
        }
    }
    ready::lines(&sheet["readiness"]);
    for misfit in sheet["misfits"].as_array().into_iter().flatten() {
        table::line(&format!("--- cannot be approved: {}", misfit["message"].as_str().unwrap_or_default()));
    }
    for unsaid in sheet["unsaid"].as_array().into_iter().flatten() {
        table::line(&format!("--- {}", unsaid["message"].as_str().unwrap_or_default()));
    }
    if sheet["lapsed"] == true {
        table::line("--- its approval has lapsed: approve it again, then release what is held");
    }
    let bundle = sheet["bundle"].as_str().unwrap_or_default();
    table::line(&format!(
        "--- approvals needed: {}, given: {}; bundle {bundle}",
        sheet["needed"], sheet["given"]
    ));
}

/// Whether a decision about many took all of them.
pub(super) fn nothing_left(value: &Value) -> bool {
    value["left"].as_array().is_some_and(Vec::is_empty)
}

async fn held(api: &Api, show: Show<'_>, as_json: bool, command: Held) -> anyhow::Result<End> {
    match command {
        Held::List { state, label, after, limit } => {
            let filters = [("state", Some(state)), ("label", label), ("after", after)];
            show(&api.get(&query(format!("/held?limit={limit}"), filters)).await?, WAITING);
        }
        Held::Preview { label } => {
            let value = api.get(&format!("/held/review?label={}", encode(&label))).await?;
            if as_json {
                show(&value, &[]);
                return Ok(End::Done);
            }
            show(&value["deliveries"], WAITING);
            let hash = value["hash"].as_str().unwrap_or_default();
            table::line(&format!("{} deliveries are held with this label; hash {hash}", value["count"]));
        }
        Held::Review { choice, deliveries, label, hash, expected, at, zone, spread_minutes } => {
            let body = json!({"choice": choice, "deliveries": deliveries, "label": label, "hash": hash, "expected": expected,
                "at": at, "zone": zone, "spread_minutes": spread_minutes});
            let value = api.post("/held/review", &body).await?;
            show(&value, &["changed", "left"]);
            return Ok(End::all(nothing_left(&value)));
        }
        Held::Settle { delivery, settlement, note, url } => {
            let body = json!({"settlement": settlement, "note": note, "url": url});
            api.post(&format!("/deliveries/{delivery}/settle"), &body).await?;
            table::line("settled");
        }
    }
    Ok(End::Done)
}

async fn keys(api: &Api, show: Show<'_>, command: Keys) -> anyhow::Result<End> {
    let value = match command {
        Keys::Show => api.get("/keys").await?,
        Keys::Rotate { to } => api.post("/keys/rotation", &json!({"to": to})).await?,
        Keys::Save => api.post("/keys/file", &json!({})).await?,
    };
    show(&value, &["seals", "from", "next", "missing", "stuck", "remedy"]);
    Ok(End::all(value["remedy"].is_null()))
}

async fn gate(api: &Api, show: Show<'_>, command: Gate) -> anyhow::Result<()> {
    match command {
        Gate::Status => {
            let value = api.get("/gate").await?;
            table::line(&format!("epoch {}", value["epoch"]));
            show(&value["nodes"], NODE);
        }
        Gate::Confirm { comment } => {
            show(&api.post("/gate/confirm", &json!({"comment": comment})).await?, &["epoch", "held"]);
        }
        Gate::Forget { node } => {
            api.delete(&format!("/nodes/{node}")).await?;
            table::line("forgotten");
        }
    }
    Ok(())
}

/// What a file holds; `-` is what comes in.
pub(super) fn read_file(path: &std::path::Path) -> anyhow::Result<String> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// JSON as such, from `@FILE`, or from stdin for `-`.
pub(super) fn read_json(text: &str) -> anyhow::Result<Value> {
    let text = match text.strip_prefix('@') {
        Some(file) => read_file(std::path::Path::new(file))?,
        None if text == "-" => read_file(std::path::Path::new("-"))?,
        None => text.to_owned(),
    };
    serde_json::from_str(&text).context("this is not JSON")
}
