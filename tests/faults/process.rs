//! A real `serve` process, which can be stopped, killed, cut off and told a wrong time.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::link::Link;
use super::network::Network;
use crate::kill::Victim;

pub const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Where Debian has the library that lies about the time.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// One node.
pub struct Process {
    pub name: &'static str,
    folder: PathBuf,
    _own: Option<TempDir>,
    pub port: u16,
    /// Its way to PostgreSQL.
    pub database: Option<Link>,
    /// Its own network, and its way from there to the channels.
    pub network: Option<Arc<Network>>,
    _channel: Option<Link>,
    url: Option<String>,
    /// What its clock is off by, as libfaketime reads it.
    clock: PathBuf,
    child: Child,
}

/// A free port. Somebody else may take it before it is used; then the node does not start, in words.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Process {
    /// One on the victim's database; with `channel`, where the channels are, in a network of its own.
    pub async fn new(victim: &Victim, name: &'static str, channel: Option<SocketAddr>) -> Self {
        let (folder, own) = match &victim.url {
            None => (victim.folder.path().to_owned(), None),
            Some(_) => {
                let own = TempDir::new().unwrap();
                std::fs::copy(victim.folder.path().join("instance.key"), own.path().join("instance.key"))
                    .unwrap();
                (own.path().to_owned(), Some(own))
            }
        };
        let network = channel.map(|_| Arc::new(Network::new()));
        let (mut database, mut url) = (None, None);
        if let Some(whole) = &victim.url {
            let mut through = url::Url::parse(whole).unwrap();
            let server = format!("{}:{}", through.host_str().unwrap(), through.port().unwrap());
            let server: SocketAddr = server.parse().unwrap();
            let link = match &network {
                Some(network) => Link::on(network.listen(LOOPBACK), move || TcpStream::connect(server)),
                None => Link::start(server).await,
            };
            through.set_port(Some(link.address.port())).unwrap();
            url = Some(through.to_string());
            database = Some(link);
        }
        let to_channel = network
            .as_ref()
            .zip(channel)
            .map(|(n, at)| Link::on(n.listen(at), move || TcpStream::connect(at)));
        let clock = folder.join("clock");
        std::fs::write(&clock, "+0").unwrap();
        let port = free_port();
        let child = spawn(&folder, name, port, url.as_deref(), &clock, network.as_deref(), None);
        Self { name, folder, _own: own, port, database, network, _channel: to_channel, url, clock, child }
    }

    /// Ends it, and starts it so that it kills itself when it passes this point for the count-th time.
    pub async fn restart_to_die(&mut self, point: &str, count: usize) {
        self.kill().await;
        let at = format!("{point}:{count}");
        let (folder, url, network) = (&self.folder, self.url.as_deref(), self.network.as_deref());
        self.child = spawn(folder, self.name, self.port, url, &self.clock, network, Some(&at));
    }

    /// Waits until it listens; it is not started again.
    pub async fn until_answers(&mut self) {
        let until = Instant::now() + Duration::from_secs(60);
        while !self.answers() {
            assert!(!self.has_ended(), "{} dies at its start\n{}", self.name, self.log());
            assert!(Instant::now() < until, "{} does not start\n{}", self.name, self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until it has killed itself.
    pub async fn until_killed(&mut self) {
        let status = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("{} runs on:\n{}", self.name, self.log())).unwrap();
        assert_eq!(status.signal(), Some(9), "{status:?}");
    }

    /// Sends it a signal, by the name that `kill` knows.
    pub async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("the node runs").to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().await.unwrap().success());
    }

    /// Ends it as a power cut does.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Starts it again when it has ended.
    pub fn restart_if_ended(&mut self) -> bool {
        let has_ended = self.has_ended();
        if has_ended {
            let network = self.network.as_deref();
            self.child =
                spawn(&self.folder, self.name, self.port, self.url.as_deref(), &self.clock, network, None);
        }
        has_ended
    }

    /// Sets its clock off by so many seconds.
    pub fn step_clock(&self, seconds: i64) {
        std::fs::write(&self.clock, format!("{seconds:+}")).unwrap();
    }

    /// Waits until it answers.
    pub async fn until_up(&mut self) {
        let until = Instant::now() + Duration::from_secs(60);
        while !self.answers() {
            self.restart_if_ended();
            assert!(Instant::now() < until, "{} does not start:\n{}", self.name, self.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn answers(&self) -> bool {
        dial(self.network.as_deref(), self.port).is_ok()
    }

    /// The end of what it logged.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("serve.log")).unwrap_or_default();
        log.lines().rev().take(30).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// Connects to what listens at that port in that network.
pub fn dial(network: Option<&Network>, port: u16) -> io::Result<TcpStream> {
    let at = SocketAddr::new(LOOPBACK.ip(), port);
    match network {
        Some(network) => network.connect(at),
        None => TcpStream::connect(at),
    }
}

/// A program that runs in that network.
fn within(network: Option<&Network>, program: &str) -> Command {
    let Some([enter, space]) = network.map(Network::enter) else { return Command::new(program) };
    let mut command = Command::new(enter);
    command.args([space.as_str(), program]);
    command
}

/// The command, which runs in that network.
pub fn holdline(network: Option<&Network>) -> Command {
    within(network, env!("CARGO_BIN_EXE_holdline"))
}

fn spawn(
    folder: &std::path::Path,
    name: &str,
    port: u16,
    url: Option<&str>,
    clock: &std::path::Path,
    network: Option<&Network>,
    dies_at: Option<&str>,
) -> Child {
    let mut command = holdline(network);
    command.args(["serve", "--allow-private", "127.0.0.0/8", "--node-name", name, "--data"]).arg(folder);
    command.args(["--listen", &format!("127.0.0.1:{port}")]).env("HOLDLINE_LOG", "warn");
    command.env_remove("HOLDLINE_KILL_AT").env_remove("HOLDLINE_PANIC_AT");
    command.envs(dies_at.map(|at| ("HOLDLINE_KILL_AT", at)));
    assert!(std::path::Path::new(FAKETIME).exists(), "{FAKETIME} is missing: apt-get install faketime");
    command.env("LD_PRELOAD", FAKETIME).env("FAKETIME_TIMESTAMP_FILE", clock);
    // The steps of a clock are those of the day's time; what runs monotonically goes on.
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    if let Some(url) = url {
        command.args(["--database-url", url]);
    }
    let log = std::fs::File::options().create(true).append(true).open(folder.join("serve.log")).unwrap();
    command.stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn().unwrap()
}
