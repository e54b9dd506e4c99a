//! `holdline channels connect`: a person grants access at the network of a channel, in any browser.
//!
//! The service takes what they come back with only by the token that began. This program besides compares the state
//! in the pasted address with the one that it began with, so an address that somebody else hands over ends nothing.

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use serde_json::{Value, json};

use super::api::Api;
use super::call::Show;
use super::channels::{CHANNEL, credential, pairs};
use super::{End, ready, table};

/// Longer addresses are no address.
const LONGEST: u64 = 16 << 10;
/// What stands before the name of the app, where there is one, in the path of a way back.
const WAY_BACK: &str = "/console/settings/channels/connected";

const APP: &[&str] = &["id", "adapter", "server", "client_id", "redirect", "created_at"];

/// What is done about access that people grant at networks.
#[derive(Debug, Subcommand)]
pub enum Granted {
    /// Connect a channel by granting access at its network. Shows where you do that in a browser, and reads the
    /// address that you come back to. Ends with 6 when none was given; then `connected` takes it. With `--json`
    /// two values are written: what began, with its `url`, and then the channel.
    Connect {
        #[arg(long)]
        name: String,
        #[arg(long)]
        adapter: String,
        #[arg(long, default_value = "main")]
        brand: String,
        /// `NAME=VALUE`; can be repeated.
        #[arg(long = "set")]
        settings: Vec<String>,
        /// Register Holdline anew at the server, where it registers itself.
        #[arg(long)]
        register: bool,
    },
    /// Grant a channel that is there new access, in the same way.
    ConnectAgain {
        id: String,
        /// Register Holdline anew at the server, where it registers itself.
        #[arg(long)]
        register: bool,
    },
    /// End what `connect` began: the address that the browser came back to comes on stdin, within ten minutes, with
    /// the same token.
    Connected,
    /// The apps that are registered at networks; the newest of a network is the one that new access is granted to.
    Apps,
    /// Enter an app that you registered at a network; shows the address to write there, to which it sends people back.
    AddApp {
        #[arg(long)]
        adapter: String,
        #[arg(long)]
        client_id: String,
        /// The file of its secret; `-` reads it from stdin.
        #[arg(long)]
        secret_file: PathBuf,
        /// Another address where people grant access.
        #[arg(long)]
        authorize_url: Option<String>,
        /// Another address where a code becomes a token.
        #[arg(long)]
        token_url: Option<String>,
        /// Another address where access is ended.
        #[arg(long)]
        revoke_url: Option<String>,
    },
}

/// Runs one of them.
pub(super) async fn run(api: &Api, show: Show<'_>, as_json: bool, command: Granted) -> anyhow::Result<End> {
    match command {
        Granted::Connect { name, adapter, brand, settings, register } => {
            let new = json!({"name": name, "adapter": adapter, "brand": brand, "settings": pairs(settings)?});
            return begin(api, show, as_json, &json!({"new": new, "register": register})).await;
        }
        Granted::ConnectAgain { id, register } => {
            return begin(api, show, as_json, &json!({"channel": id, "register": register})).await;
        }
        Granted::Connected => return came_back(api, show, as_json).await,
        Granted::Apps => show(&api.get("/oauth/apps").await?, APP),
        Granted::AddApp { adapter, client_id, secret_file, authorize_url, token_url, revoke_url } => {
            let secret = credential(Some(secret_file))?;
            let body = json!({"adapter": adapter, "client_id": client_id, "secret": secret,
                "authorize": authorize_url, "token": token_url, "revoke": revoke_url});
            show(&api.post("/oauth/apps", &body).await?, APP);
        }
    }
    Ok(End::Done)
}

/// Begins, shows where access is granted, and waits for the address that the browser comes back to.
async fn begin(api: &Api, show: Show<'_>, as_json: bool, wanted: &Value) -> anyhow::Result<End> {
    let start = api.post("/oauth/starts", wanted).await?;
    let url = start["url"].as_str().unwrap_or_default();
    if as_json {
        show(&start, &[]);
    } else {
        let network = start["network"].as_str().unwrap_or_default();
        let until = start["expires_at"].as_str().unwrap_or_default();
        table::line(&format!("Open this address, and grant access at {network} until {until}:\n\n{url}\n"));
        table::line(
            "Then the browser comes to an address of Holdline. Whatever the page says, paste the whole address",
        );
        table::line("here at once (what some networks give counts for half a minute):");
    }
    let Some(line) = one_line().await? else {
        if !as_json {
            table::line("Nothing was pasted; `holdline channels connected` reads the address, until then.");
        }
        return Ok(End::Partly);
    };
    let back = read(&line)?;
    ensure!(
        back["state"].as_str() == parameter(url, "state").as_deref(),
        "this address ends something else that was begun; nothing was done: begin again"
    );
    finish(api, show, as_json, &back).await
}

/// Ends what was begun before, with the address in the first line that comes in.
async fn came_back(api: &Api, show: Show<'_>, as_json: bool) -> anyhow::Result<End> {
    let line = one_line().await?.context("give the address that the browser came back to on stdin")?;
    finish(api, show, as_json, &read(&line)?).await
}

async fn finish(api: &Api, show: Show<'_>, as_json: bool, back: &Value) -> anyhow::Result<End> {
    let channel = api.post("/oauth/connections", back).await?;
    show(&channel, CHANNEL);
    if as_json {
        return Ok(End::Done);
    }
    ready::tested(api, show, as_json, channel["id"].as_str().unwrap_or_default()).await
}

/// The next line that comes in; nothing: there is none. What it holds is secret, and in no error.
async fn one_line() -> anyhow::Result<Option<String>> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::stdin().lock().take(LONGEST), &mut line).map(|_| line)
    });
    let line = read.await?.context("cannot read the address")?;
    Ok(Some(line.trim().to_owned()).filter(|line| !line.is_empty()))
}

/// What an address brings back, as the API takes it.
fn read(address: &str) -> anyhow::Result<Value> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let Some((_, app)) = path.split_once(WAY_BACK) else {
        bail!("this is not the address that the browser came back to: it has {WAY_BACK} in it");
    };
    let of = |name: &str| parameter(address, name);
    let state = of("state").context("the address holds no state; paste all of it")?;
    let app = Some(app.trim_matches('/')).filter(|app| !app.is_empty());
    Ok(json!({ "state": state, "app": app, "code": of("code"), "error": of("error") }))
}

/// A parameter of an address. Facebook writes a fragment behind them.
fn parameter(address: &str, name: &str) -> Option<String> {
    let query = address.split('#').next()?.split_once('?')?.1;
    let mut all = form_urlencoded::parse(query.as_bytes());
    all.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_is_read_as_it_stands_in_the_browser() {
        let of = |rest: &str| read(&format!("https://holdline.example{WAY_BACK}{rest}"));
        let (given, refused) =
            (of("?code=a%2Fb&state=hlo_1#_=_").unwrap(), of("?error=access_denied&state=s").unwrap());
        assert_eq!(given, json!({ "state": "hlo_1", "app": null, "code": "a/b", "error": null }));
        assert_eq!((&refused["code"], &refused["error"]), (&Value::Null, &json!("access_denied")));
        assert_eq!(of("/app-7?code=a&state=s").unwrap()["app"], "app-7");
        for odd in ["?code=secret-a", "?code=secret-a&state=", ""] {
            assert!(!of(odd).unwrap_err().to_string().contains("secret"), "{odd}");
        }
        assert!(read("https://holdline.example/console/sign-in?code=secret&state=s").is_err());
    }
}
