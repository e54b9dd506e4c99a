//! A channel that is connected from the command line, by access that a person grants in a browser.

use std::process::Stdio;

use channels::http::Request;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::commands::run;
use crate::console::sign_in;
use crate::on_both;
use crate::support::caller::Caller;
use crate::support::network::Network;
use crate::support::visitor::text;
use secrecy::ExposeSecret;

/// Runs a command that waits for an address; `paste` makes it from the link that the command shows.
async fn pasting(
    caller: &Caller,
    words: &[&str],
    paste: impl Fn(&str) -> String,
) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
    command.env("HOLDLINE_SERVER", &caller.base).env("HOLDLINE_TOKEN", caller.administrator.expose_secret());
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut out = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        out += &format!("{line}\n");
        if line.starts_with("http") {
            let address = format!("{}\n", paste(&line));
            child.stdin.take().unwrap().write_all(address.as_bytes()).await.unwrap();
        }
    }
    let end = child.wait_with_output().await.unwrap();
    (end.status.code(), out, String::from_utf8_lossy(&end.stderr).into_owned())
}

/// The parameters of a link.
fn of(link: &str, name: &str) -> String {
    let url = url::Url::parse(link).unwrap();
    url.query_pairs().find(|(n, _)| n == name).unwrap().1.into_owned()
}

/// Where the browser comes to.
fn granted(link: &str) -> String {
    format!("{}?code=planted-code&state={}#_=_", of(link, "redirect_uri"), of(link, "state"))
}

on_both! {
    async fn a_channel_is_connected_and_connected_again_from_the_command_line(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let caller = Caller::new(&bench).await;
        let boss = &caller.administrator;
        // An app of the person's own, entered before the link is asked for.
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "planted-secret-two\n").unwrap();
        let [authorize, token] = ["authorize", "token"].map(|path| format!("{}/{path}", net.url));
        let file = secret.path().display().to_string();
        let app = ["channels", "add-app", "--adapter", "x", "--client-id", "second-app", "--secret-file", &file,
            "--authorize-url", &authorize, "--token-url", &token];
        let (code, out, errors) = run(&caller, boss, &app).await;
        assert!(code == Some(0) && out.contains("second-app") && out.contains("/console/settings/channels/connected"), "{out}{errors}");
        let (_, apps, _) = run(&caller, boss, &["channels", "apps"]).await;
        assert!(apps.contains("second-app") && apps.contains("the-app") && !apps.contains("planted"), "{apps}");
        let server = format!("server={}", net.url);
        let connect = ["channels", "connect", "--name", "ours", "--adapter", "x", "--set", &server];
        // An address of something else that was begun, which somebody hands over, ends nothing.
        let foreign = |link: &str| granted(link).replace("state=hlo_", "state=hlo_0");
        let (code, _, errors) = pasting(&caller, &connect, foreign).await;
        assert!(code == Some(1) && errors.contains("something else") && !errors.contains("planted"), "{errors}");
        assert!(net.known().asked.is_empty());
        let (code, out, errors) = pasting(&caller, &connect, granted).await;
        assert_eq!(code, Some(0), "{out}{errors}");
        assert!(out.contains("ours") && !out.contains("planted-"), "{out}");
        assert_eq!(net.known().asked, ["planted-code"]);
        let (_, list, _) = run(&caller, boss, &["channels", "list", "--json"]).await;
        let list: Value = serde_json::from_str(&list).unwrap();
        let id = list.as_array().unwrap().iter().find(|c| c["name"] == "ours").unwrap()["id"].as_str().unwrap().to_owned();
        let (code, out, errors) = pasting(&caller, &["channels", "connect-again", &id], granted).await;
        assert_eq!((code, net.known().asked.len()), (Some(0), 2), "{out}{errors}");
        let (_, grant, _) = run(&caller, boss, &["channels", "access", &id]).await;
        assert!(grant.contains("renew_at"), "{grant}");
        worker.stop().await.unwrap();
    }

    async fn what_was_begun_is_ended_by_another_command_with_the_same_token_alone(bench) {
        let worker = bench.start().await;
        let net = Network::start(&bench).await;
        let caller = Caller::new(&bench).await;
        let server = format!("server={}", net.url);
        let connect = ["--json", "channels", "connect", "--name", "ours", "--adapter", "x", "--set", &server];
        let begin = async || {
            let (code, out, errors) = run(&caller, &caller.administrator, &connect).await;
            assert_eq!(code, Some(6), "nothing was pasted: {errors}");
            let start: Value = serde_json::from_str(&out).unwrap();
            granted(start["url"].as_str().unwrap())
        };
        let address = begin().await;
        // A browser in which nobody is signed in, and one with a session: both leave it to the program, and show its address.
        let path = address.split_once("/console").map(|(_, path)| format!("{}/console{path}", caller.base)).unwrap();
        let path = path.trim_end_matches("#_=_");
        let nobody = caller.http.call(Request::get(path)).await.unwrap();
        assert!(nobody.status == 401 && text(&nobody).contains("give it the whole address"), "{}", text(&nobody));
        let cookie = format!("holdline={}", sign_in(&bench, &bench.administrator).await.cookie);
        let here = caller.http.call(Request::get(path).header("cookie", &cookie)).await.unwrap();
        assert!(here.status == 409 && text(&here).contains("give it the whole address"), "{}", text(&here));
        assert!(net.known().asked.is_empty());
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
        command.env("HOLDLINE_SERVER", &caller.base).env("HOLDLINE_TOKEN", caller.administrator.expose_secret());
        let mut child = command.args(["channels", "connected"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(address.as_bytes()).await.unwrap();
        let end = child.wait_with_output().await.unwrap();
        assert_eq!(end.status.code(), Some(0), "{}", String::from_utf8_lossy(&end.stdout));
        assert_eq!(net.known().asked, ["planted-code"]);
        worker.stop().await.unwrap();
    }
}
