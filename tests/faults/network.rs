//! A network of one process alone, of which everything can be cut off at once, as by a switch that dies: what is under
//! way in either direction is lost, nobody is told, and TCP goes on trying.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::TcpListener;

/// A network namespace with a loopback interface and nothing else.
pub struct Network {
    name: String,
}

impl Network {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("holdline-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        run("ip", &["netns", "add", &name]);
        let network = Self { name };
        run("ip", &["-n", &network.name, "link", "set", "lo", "up"]);
        network
    }

    fn path(&self) -> String {
        format!("/run/netns/{}", self.name)
    }

    /// What makes a command run inside: its words come before those of the command.
    pub fn enter(&self) -> [String; 2] {
        ["nsenter".into(), format!("--net={}", self.path())]
    }

    /// Does this on a thread that is inside. A socket that it makes stays inside.
    fn inside<T: Send + 'static>(&self, act: impl FnOnce() -> T + Send + 'static) -> T {
        let space = File::open(self.path()).unwrap();
        let thread = std::thread::spawn(move || {
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            act()
        });
        thread.join().unwrap()
    }

    /// Listens inside, where nobody else has a port.
    pub fn listen(&self, at: SocketAddr) -> TcpListener {
        let listener = self.inside(move || std::net::TcpListener::bind(at)).unwrap();
        listener.set_nonblocking(true).unwrap();
        TcpListener::from_std(listener).unwrap()
    }

    /// Connects from inside.
    pub fn connect(&self, at: SocketAddr) -> io::Result<TcpStream> {
        self.inside(move || TcpStream::connect(at))
    }

    /// From now on nothing arrives, or everything does again.
    pub fn cut_off(&self, is_cut: bool) {
        let verb = if is_cut { "replace" } else { "del" };
        let mut words = vec!["-n", &self.name, "qdisc", verb, "dev", "lo", "root"];
        words.extend(is_cut.then_some("blackhole"));
        run("tc", &words);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn run(program: &str, words: &[&str]) {
    let status = Command::new(program).args(words).status().expect("iproute2 is installed");
    assert!(
        status.success(),
        "{program} {words:?}: run this as root, in a container with SYS_ADMIN and NET_ADMIN"
    );
}
