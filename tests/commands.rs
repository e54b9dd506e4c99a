//! The command line as people use it: the built program against a served API.

use std::process::Stdio;

use channels::http::Request;
use holdline::app::posts;
use holdline::domain::role::Role;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::on_both;
use crate::support::caller::Caller;
use crate::support::drawn::png;

/// Runs the program; the exit code, what it printed, and its errors.
pub async fn run(caller: &Caller, token: &SecretString, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
    command.env("HOLDLINE_SERVER", &caller.base).env("HOLDLINE_TOKEN", token.expose_secret());
    let output = command.args(words).stdin(Stdio::null()).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

async fn json_of(caller: &Caller, token: &SecretString, words: &[&str]) -> Value {
    let (code, out, errors) = run(caller, token, &[&["--json"], words].concat()).await;
    assert_eq!(code, Some(0), "{words:?}: {errors}");
    serde_json::from_str(&out).unwrap()
}

on_both! {
    async fn a_post_with_a_picture_and_a_text_of_its_own_is_written_from_the_command_line(bench) {
        let caller = Caller::new(&bench).await;
        let folder = tempfile::tempdir().unwrap();
        let picture = folder.path().join("map.png");
        std::fs::write(&picture, png(20, 10)).unwrap();
        let picture = format!("{}=A map of the branches", picture.display());
        let words = ["posts", "add", "--text", "For all", "--text-for", "alpha=For alpha", "--picture", &picture,
            "--due", "2099-01-01T00:00:00Z", "--channels", "alpha,beta"];
        let made = json_of(&caller, &caller.operator, &words).await;
        assert_eq!(made["source"]["media"][0]["alt"], "A map of the branches");
        let texts: Vec<_> = made["deliveries"].as_array().unwrap().iter()
            .map(|d| (d["channel_name"].as_str().unwrap(), d["rendition"]["text"].as_str().unwrap())).collect();
        assert!(texts.contains(&("alpha", "For alpha")) && texts.contains(&("beta", "For all")), "{texts:?}");
        let whole = json!({"kind": "routine", "source": {"text": "As JSON"}, "due": "2099-01-01T00:00:00Z"});
        let made = json_of(&caller, &caller.operator, &["posts", "add", "--from", &whole.to_string()]).await;
        assert_eq!(made["source"]["text"], "As JSON");
    }

    async fn an_approver_looks_at_the_picture_that_they_approve(bench) {
        let caller = Caller::new(&bench).await;
        let folder = tempfile::tempdir().unwrap();
        let (file, saved) = (folder.path().join("map.png"), folder.path().join("seen.png"));
        let bytes = png(20, 10);
        std::fs::write(&file, &bytes).unwrap();
        let picture = format!("{}=A map", file.display());
        let words = ["posts", "add", "--text", "x", "--picture", &picture, "--channels", "alpha"];
        let made = json_of(&caller, &caller.operator, &words).await;
        let sha256 = made["source"]["media"][0]["sha256"].as_str().unwrap();
        let show = ["approvals", "show", made["id"].as_str().unwrap()];
        let (_, shown, _) = run(&caller, &caller.approver, &show).await;
        assert!(shown.contains(&format!("holdline posts picture {sha256} --out FILE")), "{shown}");
        let out = saved.display().to_string();
        let (code, _, errors) =
            run(&caller, &caller.approver, &["posts", "picture", sha256, "--out", &out]).await;
        assert_eq!((code, std::fs::read(&saved).unwrap()), (Some(0), bytes), "{errors}");
        let (code, _, _) = run(&caller, &caller.approver, &["posts", "picture", "none", "--out", &out]).await;
        assert_eq!(code, Some(3));
    }

    async fn a_list_is_read_page_after_page(bench) {
        let caller = Caller::new(&bench).await;
        let rows: String = (0..620).map(|n| {
            let label = if n % 31 == 0 { "rare" } else { "common" };
            format!("{}\n", json!({"kind": "routine", "labels": [label], "due": "2099-01-01T00:00:00Z",
                "source": {"text": format!("number {n}")}}))
        }).collect();
        let url = caller.url("/posts/import");
        let import = Request::post(&url).body("application/x-ndjson", rows.into_bytes());
        assert_eq!(caller.call(import).await.status, 200);
        let count = |value: &Value| value.as_array().unwrap().len();
        let all = json_of(&caller, &caller.operator, &["posts", "list", "--limit", "1000"]).await;
        assert_eq!(count(&all), 620);
        let some = json_of(&caller, &caller.operator, &["posts", "list", "--limit", "510"]).await;
        assert_eq!(count(&some), 510);
        let rare = json_of(&caller, &caller.operator, &["posts", "list", "--label", "rare", "--limit", "900"]).await;
        assert_eq!(count(&rare), 20);
    }

    async fn what_is_not_done_in_full_has_an_exit_code_of_its_own(bench) {
        let caller = Caller::new(&bench).await;
        let code = async |token: &SecretString, words: &[&str]| {
            let (code, out, errors) = run(&caller, token, words).await;
            eprintln!("{words:?}: {out}{errors}");
            code
        };
        let operator = &caller.operator;
        // No node runs yet: nobody acknowledges.
        assert_eq!(code(operator, &["incidents", "open", "--title", "Down", "--no-freeze"]).await, Some(0));
        assert_eq!(code(operator, &["incidents", "open", "--title", "Down", "--brands", "main"]).await, Some(6));
        let node = bench.start().await;
        assert_eq!(code(operator, &["freeze", "--reason", "sealed"]).await, Some(0));
        assert_eq!(code(operator, &["channels", "test", &bench.channels[0]]).await, Some(0));
        let lost = ["channels", "add", "--name", "lost", "--adapter", "sandbox", "--set", "url=http://127.0.0.1:1/x"];
        assert_eq!(code(&caller.administrator, &lost).await, Some(6));
        let row = json!({"kind": "routine", "source": {"text": "x"}, "due": "2099-01-01T00:00:00Z"});
        let file = bench.folder().join("rows.ndjson");
        std::fs::write(&file, format!("{row}\n{{}}\n")).unwrap();
        let import = ["posts", "import", file.to_str().unwrap()];
        assert_eq!(code(operator, &import).await, Some(6));
        std::fs::write(&file, format!("{row}\n")).unwrap();
        assert_eq!(code(operator, &import).await, Some(0));
        assert_eq!(code(operator, &["held", "review", "cancel", "nothing"]).await, Some(6));
        let own = json!({"kind": "routine", "submit": true, "labels": ["own"], "source": {"text": "x"},
            "due": "2099-01-01T00:00:00Z"});
        let mut both = bench.approver.clone();
        both.roles.push(Role::Operator);
        posts::create(&bench.app, &both, &serde_json::from_value(own).unwrap()).await.unwrap();
        let shown = json_of(&caller, &caller.approver, &["approvals", "preview", "--label", "own"]).await;
        let hash = shown["hash"].as_str().unwrap();
        let bulk = ["approvals", "bulk", "--label", "own", "--hash", hash, "--unready", "lost"];
        assert_eq!(code(&caller.approver, &bulk).await, Some(6), "nobody approves their own words");
        let (_, help, _) = run(&caller, operator, &["--help"]).await;
        assert!(help.contains("6  done, but not all of it"), "{help}");
        node.stop().await.unwrap();
    }

    async fn a_freeze_is_taken_along_from_the_command_line(bench) {
        let node = bench.start().await;
        let caller = Caller::new(&bench).await;
        let part = json_of(&caller, &caller.operator, &["freeze", "--labels", "promo"]).await;
        let id = part["id"].as_str().unwrap();
        let open = ["incidents", "open", "--title", "Cards", "--adopt", id];
        let (code, _, errors) = run(&caller, &caller.operator, &[&open[..], &["--no-freeze"]].concat()).await;
        assert!(code == Some(2) && errors.contains("--adopt"), "{code:?} {errors}");
        let opened = json_of(&caller, &caller.operator, &[&open[..], &["--freeze-too"]].concat()).await;
        let made = &opened["freeze"];
        assert!(made["id"] != part["id"] && made["scope"]["labels"] == json!([]), "{made}");
        let shown = json_of(&caller, &caller.operator, &["freezes", "show", id]).await;
        assert_eq!(shown["incident"], opened["incident"]["id"]);
        node.stop().await.unwrap();
    }

    async fn a_post_that_stays_public_is_told_by_the_exit_code(bench) {
        let caller = Caller::new(&bench).await;
        let node = bench.start().await;
        let (mut sent, channel) = (Vec::new(), &bench.channels[0]);
        for text in ["one", "two"] {
            let post = bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": text}})).await;
            sent.push(bench.until(&post.id, &["accepted"]).await.deliveries.remove(0).id);
        }
        assert_eq!(run(&caller, &caller.operator, &["retract", &sent[0]]).await.0, Some(0));
        let away = ["channels", "edit", channel, "--set", "url=http://127.0.0.1:1/x"];
        assert_eq!(run(&caller, &caller.administrator, &away).await.0, Some(6), "it is not ready");
        let (code, out, errors) = run(&caller, &caller.operator, &["retract", &sent[1]]).await;
        assert!(code == Some(6) && out.contains("still_live"), "{code:?} {out}{errors}");
        node.stop().await.unwrap();
    }

    async fn a_person_is_corrected_from_the_command_line(bench) {
        let caller = Caller::new(&bench).await;
        let (boss, id) = (&caller.administrator, &bench.approver.id);
        let edited = json_of(&caller, boss, &["people", "edit", id, "--name", "Ben", "--roles", "auditor"]).await;
        assert_eq!((&edited["name"], &edited["roles"]), (&json!("Ben"), &json!(["auditor"])));
        assert_eq!(json_of(&caller, &caller.approver, &["me"]).await["roles"], json!([]), "at once");
        json_of(&caller, boss, &["people", "disable", id]).await;
        assert_eq!(json_of(&caller, boss, &["people", "edit", id, "--enable"]).await["disabled_at"], Value::Null);
        assert_eq!(run(&caller, boss, &["people", "edit", id]).await.0, Some(2), "name something");
        let own = ["people", "edit", &bench.administrator.id, "--roles", "operator,administrator"];
        let (code, _, errors) = run(&caller, boss, &own).await;
        assert!(code == Some(3) && errors.contains("their own roles"), "{errors}");
    }

    async fn a_signal_is_said_and_decided_about_from_the_command_line(bench) {
        let caller = Caller::new(&bench).await;
        let operator = &caller.operator;
        let send = ["signals", "send", "--source", "cron", "--key", "backup"];
        assert_eq!(run(&caller, operator, &send).await.0, Some(2), "a title is needed");
        let (code, out, errors) = run(&caller, operator, &[&send[..], &["--title", "The backup failed"]].concat()).await;
        assert!(code == Some(0) && out.contains("The backup failed") && out.contains("waiting"), "{out}{errors}");
        let over = json_of(&caller, operator, &[&send[..], &["--resolved"]].concat()).await;
        assert_eq!(over["ended"], 1);
        let again = [&send[..], &["--title", "Again", "--severity", "minor", "--playbook", "outage"]].concat();
        let id = json_of(&caller, operator, &again).await["signals"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(json_of(&caller, operator, &["signals", "list"]).await.as_array().unwrap().len(), 2);
        assert_eq!(run(&caller, operator, &["signals", "dismiss", &id, "--note", " "]).await.0, Some(3));
        let done = json_of(&caller, operator, &["signals", "dismiss", &id, "--note", "A test"]).await;
        assert_eq!(done["note"], "A test");
        let other = json_of(&caller, operator, &["signals", "send", "--source", "cron", "--key", "x", "--title", "X"]).await;
        let other = other["signals"][0]["id"].as_str().unwrap();
        let open = ["incidents", "open", "--title", "X", "--no-freeze", "--signal", other];
        json_of(&caller, operator, &open).await;
        assert_eq!(json_of(&caller, operator, &["signals", "list", "--waiting"]).await, json!([]));
    }

    async fn a_channel_is_changed_where_something_is_named(bench) {
        let caller = Caller::new(&bench).await;
        let id = &bench.channels[0];
        let before = json_of(&caller, &caller.administrator, &["channels", "list"]).await;
        let find = |list: &Value| {
            list.as_array().unwrap().iter().find(|c| c["id"] == id.as_str()).unwrap().clone()
        };
        let words = ["channels", "edit", id, "--brand", "north"];
        json_of(&caller, &caller.administrator, &words).await;
        let after = find(&json_of(&caller, &caller.administrator, &["channels", "list"]).await);
        assert_eq!((&after["brand"], &after["settings"]), (&json!("north"), &find(&before)["settings"]));
        let (code, _, errors) = run(&caller, &caller.operator, &words).await;
        assert_eq!(code, Some(3), "an operator changes no channel: {errors}");
    }

    async fn what_an_adapter_needs_is_told_in_full(bench) {
        let caller = Caller::new(&bench).await;
        let (_, out, _) = run(&caller, &caller.operator, &["channels", "adapters"]).await;
        for adapter in channels::ALL {
            for setting in adapter.settings {
                assert!(out.contains(setting.help), "{}: {out}", setting.name);
            }
        }
        assert_eq!(json_of(&caller, &caller.operator, &["me"]).await["roles"], json!(["operator"]));
    }

    async fn a_checkpoint_is_printed_as_it_is_kept(bench) {
        let caller = Caller::new(&bench).await;
        let (code, note, errors) = run(&caller, &caller.approver, &["audit", "checkpoint"]).await;
        assert_eq!(code, Some(0), "{errors}");
        let public = caller.http.call(Request::get(&format!("{}/checkpoint", caller.base))).await.unwrap();
        assert_eq!(note.as_bytes(), &public.body[..]);
        let none = ["audit", "list", "--subject", "post:1&limit=1"];
        assert_eq!(json_of(&caller, &caller.approver, &none).await, json!([]), "a value stays a value");
    }

    async fn a_reader_that_stops_ends_the_command_in_silence(bench) {
        let caller = Caller::new(&bench).await;
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
        command.env("HOLDLINE_SERVER", &caller.base).env("HOLDLINE_TOKEN", caller.approver.expose_secret());
        let mut child =
            command.args(["audit", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(141));
    }

    async fn health_asks_where_the_configuration_listens(bench) {
        let caller = Caller::new(&bench).await;
        let listen = caller.base.trim_start_matches("http://").replace("127.0.0.1", "0.0.0.0");
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
        command.env_remove("HOLDLINE_SERVER").env("HOLDLINE_LISTEN", listen).arg("health");
        let output = command.output().await.unwrap();
        // No sender runs on this bench, so the node is not ready: that is an answer, not a missing service.
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{errors}");
        assert!(!errors.contains("cannot reach"), "{errors}");
    }
}
