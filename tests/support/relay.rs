//! A relay in front of a real server that can lose one answer: the server has acted, and the client
//! never learns it. Or it answers in the server's place that there is trouble.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PAUSE: Duration = Duration::from_millis(50);

/// Forwards bytes both ways until it is told to lose an answer.
pub struct Relay {
    pub url: String,
    faults: Arc<Mutex<Faults>>,
}

#[derive(Default)]
struct Faults {
    lose: Option<String>,
    /// What is refused, and how often it passes before.
    refuse: Option<(String, usize)>,
    /// What is put into requests in the place of what.
    turn: Option<(String, String)>,
    /// Which request waits, and whether one does.
    hold: Option<(String, bool)>,
}

impl Relay {
    /// Starts one in front of `http://host:port`.
    pub async fn start(server: &str) -> Self {
        let target: SocketAddr = server.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let faults = Arc::new(Mutex::new(Faults::default()));
        let relay = Self { url, faults: Arc::clone(&faults) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target, Arc::clone(&faults)));
            }
        });
        relay
    }

    /// Loses the answer to the next request that holds this text in its head or its body.
    pub fn lose_answer_to(&self, text: &str) {
        self.faults.lock().unwrap().lose = Some(text.to_owned());
    }

    /// Answers requests that hold this text in their first bytes with 503, after so many have passed.
    pub fn refuse_after(&self, text: &str, passes: usize) {
        self.faults.lock().unwrap().refuse = Some((text.to_owned(), passes));
    }

    /// Asks the server for `to` whenever it is asked for `from`: a name has been turned. Of requests without
    /// content.
    pub fn turn(&self, from: &str, to: &str) {
        self.faults.lock().unwrap().turn = Some((from.to_owned(), to.to_owned()));
    }

    /// Keeps requests that hold this text in their first bytes from the server until [`Self::go_on`].
    pub fn hold(&self, text: &str) {
        self.faults.lock().unwrap().hold = Some((text.to_owned(), false));
    }

    /// Waits until such a request is there.
    pub async fn held(&self) {
        for _ in 0..600 {
            if self.faults.lock().unwrap().hold.as_ref().is_some_and(|(_, waits)| *waits) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no request came that is to wait");
    }

    /// Refuses and holds nothing any more.
    pub fn go_on(&self) {
        let mut faults = self.faults.lock().unwrap();
        (faults.refuse, faults.hold) = (None, None);
    }

    /// Whether the answer was lost by now.
    pub fn lost(&self) -> bool {
        self.faults.lock().unwrap().lose.is_none()
    }
}

async fn forward(mut client: TcpStream, target: SocketAddr, faults: Arc<Mutex<Faults>>) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut asked = String::new();
    loop {
        tokio::select! {
            n = client.read(&mut up) => match n {
                Ok(n) if n > 0 => {
                    let said = String::from_utf8_lossy(&up[..n]);
                    if is_refused(&faults, &said) {
                        let _ = client.write_all(REFUSED).await;
                        return;
                    }
                    while is_held(&faults, &said) {
                        tokio::time::sleep(PAUSE).await;
                    }
                    let turned = turned(&faults, &said);
                    asked.push_str(&said);
                    let sent = turned.as_deref().map_or(&up[..n], str::as_bytes);
                    if server.write_all(sent).await.is_err() { return }
                }
                _ => return,
            },
            n = server.read(&mut down) => match n {
                Ok(n) if n > 0 => {
                    if is_lost(&faults, &asked) { return }
                    asked.clear();
                    if client.write_all(&down[..n]).await.is_err() { return }
                }
                _ => return,
            },
        }
    }
}

/// Whether this is the answer to lose; it is lost once.
fn is_lost(faults: &Mutex<Faults>, asked: &str) -> bool {
    faults.lock().unwrap().lose.take_if(|text| asked.contains(text.as_str())).is_some()
}

const REFUSED: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

fn is_refused(faults: &Mutex<Faults>, said: &str) -> bool {
    match &mut faults.lock().unwrap().refuse {
        Some((text, passes)) if said.contains(text.as_str()) => {
            let refused = *passes == 0;
            *passes = passes.saturating_sub(1);
            refused
        }
        _ => false,
    }
}

fn is_held(faults: &Mutex<Faults>, said: &str) -> bool {
    match &mut faults.lock().unwrap().hold {
        Some((text, waits)) if said.contains(text.as_str()) => {
            *waits = true;
            true
        }
        _ => false,
    }
}

fn turned(faults: &Mutex<Faults>, said: &str) -> Option<String> {
    let faults = faults.lock().unwrap();
    let (from, to) = faults.turn.as_ref()?;
    said.starts_with("GET ").then(|| said.replace(from.as_str(), to))
}
