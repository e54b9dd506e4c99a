//! The way back for an administrator who lost their token: the built program on the service's machine.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::{Database, fresh_postgres};

/// An installation that is started and stopped.
struct Place {
    folder: TempDir,
    url: Option<String>,
}

/// A running service.
struct Running {
    child: Child,
    address: String,
}

fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
    command.args(words).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The exit code, and all that was printed.
async fn run(words: &[&str]) -> (Option<i32>, String) {
    let output = program(words).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

impl Place {
    async fn new(database: Database) -> Self {
        let url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(fresh_postgres().await),
        };
        Self { folder: TempDir::new().unwrap(), url }
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = program(words);
        command.arg("--data").arg(self.data());
        if let Some(url) = &self.url {
            command.env("HOLDLINE_DATABASE_URL", url);
        }
        command
    }

    async fn serve(&self) -> Running {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("127.0.0.1:{port}");
        let child = self.program(&["serve", "--listen", &listen]).stderr(Stdio::null()).spawn().unwrap();
        let address = format!("http://{listen}");
        for _ in 0..300 {
            if run(&["health", "--server", &address]).await.0 == Some(0) {
                return Running { child, address };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the service does not get ready");
    }

    /// The one-time token, which the service writes once it answers.
    async fn set_up_token(&self) -> String {
        for _ in 0..100 {
            if let Ok(token) = std::fs::read_to_string(self.data().join("setup.token"))
                && token.ends_with('\n')
            {
                return token;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no set-up token is written");
    }

    async fn recover(&self, email: &str) -> (Option<i32>, String) {
        let output = self.program(&["--json", "recover", "--email", email]).output().await.unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }
}

impl Running {
    async fn call(&self, token: &str, words: &[&str]) -> (Option<i32>, Value) {
        let words = [&["--json", "--server", &self.address, "--token", token], words].concat();
        let (code, said) = run(&words).await;
        (code, serde_json::from_str(&said).unwrap_or(Value::String(said)))
    }

    async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }
}

async fn comes_back(database: Database) {
    let place = Place::new(database).await;
    assert_eq!(place.recover("boss@example.org").await.0, Some(1), "nothing is here yet");
    assert!(!place.data().join("holdline.db").exists() && !place.data().join("instance.key").exists());
    let service = place.serve().await;
    let token = place.set_up_token().await;
    let words = ["setup", "--name", "Boss", "--email", "boss@example.org"];
    let (code, made) = service.call(token.trim(), &words).await;
    assert_eq!(code, Some(0), "{made}");
    let lost = made["token"].as_str().unwrap().to_owned();
    if database == Database::Sqlite {
        let (code, said) = place.recover("boss@example.org").await;
        assert!(code == Some(1) && said.contains("Stop it first"), "{said}");
        assert_eq!(service.call(&lost, &["me"]).await.0, Some(0), "nothing was changed");
    }
    service.stop().await;
    let (code, said) = place.recover("nobody@example.org").await;
    assert!(code == Some(1) && said.contains("boss@example.org"), "{said}");
    let (code, said) = place.recover("Boss@example.org").await;
    assert_eq!(code, Some(0), "{said}");
    let invitation: Value = serde_json::from_str(&said).unwrap();
    let service = place.serve().await;
    assert_eq!(service.call(&lost, &["me"]).await.0, Some(3), "the lost token is revoked");
    let (code, joined) = service.call(invitation["invitation"].as_str().unwrap(), &["join"]).await;
    assert_eq!(code, Some(0), "{joined}");
    let token = joined["token"].as_str().unwrap();
    let (_, log) = service.call(token, &["audit", "list", "--verb", "person.invited"]).await;
    assert_eq!((&log[0]["entry"]["origin"], &log[0]["entry"]["actor"]), (&"local".into(), &"local".into()));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_without_a_token_comes_back_on_sqlite() {
    comes_back(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_without_a_token_comes_back_on_postgres() {
    comes_back(Database::Postgres).await;
}
