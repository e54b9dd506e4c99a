//! `holdline serve` as a process of its own, as it is installed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::place::Place;
use crate::table::ms;

/// A running process. It is asked to stop when it is dropped.
pub struct Process {
    child: Child,
    /// From the start of the process until `/readyz` answered 200, in milliseconds.
    pub ready_after: f64,
}

impl Process {
    /// Starts it on the place's database, and waits until it is ready.
    pub fn start(place: &Place) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
        command.args(["serve", "--listen", &address, "--data"]).arg(place.folder());
        if let Some(url) = &place.url {
            command.args(["--database-url", url]);
        }
        command.env("HOLDLINE_LOG", "error").stdout(Stdio::null()).stderr(Stdio::null());
        let began = Instant::now();
        let mut process = Self { child: command.spawn().unwrap(), ready_after: 0.0 };
        while !ready(&address) {
            assert!(process.child.try_wait().unwrap().is_none(), "the process ended");
            assert!(began.elapsed() < Duration::from_secs(60), "not ready within a minute");
            std::thread::sleep(Duration::from_millis(1));
        }
        process.ready_after = ms(began.elapsed());
        process
    }

    /// Its resident memory in MiB.
    pub fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1_024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After a kill the next one would wait until this one is surely silent (PostgreSQL).
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn ready(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
