//! A strict mail server in miniature, for tests: it keeps the messages that it took, and breaks the connection where
//! it is told to (RFC 5321, RFC 4954).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::strict::{Door, Fate};
use crate::suite::Cut;

/// A message that it took, and who gets it.
#[derive(Debug, Clone)]
pub struct Taken {
    pub to: Vec<String>,
    pub text: String,
}

/// What it keeps.
#[derive(Default)]
pub struct State {
    pub taken: Vec<Taken>,
    fates: VecDeque<Fate>,
    faults: Vec<String>,
}

/// The server.
pub struct Office {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Office {
    /// The fates are those of the messages, in their order; then all are taken.
    pub async fn start(fates: &[Fate]) -> Self {
        Self::behind(Door::new("127.0.0.1:0", usize::MAX).await, fates)
    }

    pub fn behind(mut door: Door, fates: &[Fate]) -> Self {
        let port = door.address().port();
        let state = State { fates: fates.iter().cloned().collect(), ..State::default() };
        let office = Self { port, state: Arc::new(Mutex::new(state)) };
        let state = Arc::clone(&office.state);
        tokio::spawn(async move {
            while let Some(socket) = door.next().await {
                let state = Arc::clone(&state);
                tokio::spawn(async move { Talk::new(state).hold(socket).await });
            }
        });
        office
    }

    /// What it keeps. What it was sent must have been without fault.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let state = self.state.lock().unwrap();
        assert_eq!(state.faults, Vec::<String>::new());
        state
    }
}

/// One connection.
struct Talk {
    state: Arc<Mutex<State>>,
    fate: Fate,
    /// The commands that must have come before the next one.
    seen: Vec<&'static str>,
    to: Vec<String>,
    eight: bool,
}

impl Talk {
    fn new(state: Arc<Mutex<State>>) -> Self {
        let fate = state.lock().unwrap().fates.pop_front().unwrap_or(Fate::Done);
        Self { state, fate, seen: Vec::new(), to: Vec::new(), eight: false }
    }

    fn fault(&self, what: impl Into<String>) {
        self.state.lock().unwrap().faults.push(what.into());
    }

    fn breaks(&self, cut: Cut) -> bool {
        matches!(self.fate, Fate::Broken { at, .. } if at == cut)
    }

    async fn hold(mut self, mut socket: TcpStream) {
        if self.breaks(Cut::BeforeRead) {
            return;
        }
        let (read, mut write) = socket.split();
        let mut read = BufReader::new(read);
        let _ = write.write_all(b"220 mail.bank.example\r\n").await;
        loop {
            let mut line = Vec::new();
            if read.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let said = self.command(&self.plain(&line));
            if write.write_all(said.as_bytes()).await.is_err() || said.starts_with("221") {
                return;
            }
            if said.starts_with("354") {
                let Some(text) = self.message(&mut read).await else { return };
                let said = self.take(text).await;
                let _ = write.write_all(said.as_bytes()).await;
                if matches!(self.fate, Fate::Broken { .. }) {
                    return;
                }
            }
        }
    }

    /// A line without its end, which is CR and LF.
    fn plain(&self, line: &[u8]) -> String {
        let Some(plain) = line.strip_suffix(b"\r\n").filter(|l| !l.contains(&b'\r') && l.len() <= 998) else {
            self.fault(format!("a line that is none: {}", String::from_utf8_lossy(line)));
            return String::new();
        };
        if !self.eight && !plain.is_ascii() {
            self.fault("eight bits");
        }
        String::from_utf8_lossy(plain).into_owned()
    }

    fn after(&mut self, word: &'static str, before: &'static str) {
        if !before.is_empty() && !self.seen.contains(&before) {
            self.fault(format!("{word} without {before}"));
        }
        self.seen.push(word);
    }

    fn command(&mut self, line: &str) -> String {
        let (word, rest) = line.split_at(line.find([' ', ':']).unwrap_or(line.len()));
        match word {
            "EHLO" => {
                self.after("EHLO", "");
                return "250-mail.bank.example\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n".to_owned();
            }
            "AUTH" => {
                self.after("AUTH", "EHLO");
                let expected = STANDARD.encode("\0holdline\0hunter2");
                if rest != format!(" PLAIN {expected}") {
                    return "535 5.7.8 no\r\n".to_owned();
                }
                return "235 2.7.0 in\r\n".to_owned();
            }
            "MAIL" => {
                self.after("MAIL", "AUTH");
                self.eight = rest.contains("BODY=8BITMIME");
                if !rest.starts_with(" FROM:<press@bank.example>") {
                    self.fault(format!("a sender: {rest}"));
                }
            }
            "RCPT" => {
                self.after("RCPT", "MAIL");
                self.to.push(rest.trim_start_matches(" TO:<").trim_end_matches('>').to_owned());
            }
            "DATA" => {
                self.after("DATA", "RCPT");
                return "354 go on\r\n".to_owned();
            }
            "QUIT" => return "221 bye\r\n".to_owned(),
            _ => self.fault(format!("what is {line}?")),
        }
        "250 ok\r\n".to_owned()
    }

    /// The message, unless the connection breaks in it.
    async fn message(&self, read: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
        let mut text = String::new();
        loop {
            let mut line = Vec::new();
            if read.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 || self.breaks(Cut::MidRequest) {
                return None;
            }
            match self.plain(&line).as_str() {
                "." => return Some(text),
                line => text += &format!("{}\r\n", line.strip_prefix('.').unwrap_or(line)),
            }
        }
    }

    /// What it says of a message that is whole.
    async fn take(&self, text: String) -> &'static str {
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        for name in ["From", "To", "Subject", "Message-ID", "Date", "MIME-Version", "Content-Type"] {
            let count = head.lines().filter(|line| line.starts_with(&format!("{name}: "))).count();
            if count != 1 {
                self.fault(format!("{count} times {name}"));
            }
        }
        if !matches!(self.fate, Fate::Broken { done: false, .. }) {
            self.state.lock().unwrap().taken.push(Taken { to: self.to.clone(), text });
        }
        if let Fate::Slow(wait) = self.fate {
            tokio::time::sleep(wait).await;
        }
        match self.fate {
            Fate::Broken { at: Cut::BeforeStatus, .. } => "",
            Fate::Broken { at: Cut::MidHeaders, .. } => "25",
            Fate::Broken { .. } => "250-2.0.0 queued\r\n250 a",
            _ => "250 2.0.0 queued\r\n",
        }
    }
}
