//! A link between a process and a server that can be cut at a chosen point, or stand still as a partition does.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where the connection of a post is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// The connection is closed as soon as it is there.
    BeforeConnect,
    /// The server gets half of what came first of the request.
    MidRequest,
    /// The server has acted, and nothing of its answer arrives.
    BeforeStatus,
    MidHeaders,
    MidBody,
}

/// Forwards bytes both ways until it is told otherwise.
pub struct Link {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    still: watch::Sender<bool>,
    cut: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    cuts: VecDeque<Cut>,
    struck: Vec<Cut>,
}

impl State {
    /// The next cut, if it is one of these.
    fn take(&mut self, of: impl Fn(Cut) -> bool) -> Option<Cut> {
        let cut = self.cuts.pop_front_if(|c| of(*c))?;
        self.struck.push(cut);
        Some(cut)
    }
}

impl Link {
    /// One in front of a server.
    pub async fn start(server: SocketAddr) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), move || StdStream::connect(server))
    }

    /// The same, for those who can reach this listener; the server is where `dial` gets to.
    pub fn on(
        listener: TcpListener,
        dial: impl Fn() -> io::Result<StdStream> + Send + Sync + 'static,
    ) -> Self {
        let dial = Arc::new(dial);
        let address = listener.local_addr().unwrap();
        let link = Self {
            address,
            state: Arc::default(),
            still: watch::Sender::new(false),
            cut: watch::Sender::new(0),
        };
        let (state, still, cut) = (Arc::clone(&link.state), link.still.clone(), link.cut.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if state.lock().unwrap().take(|c| c == Cut::BeforeConnect).is_some() {
                    continue;
                }
                let dial = Arc::clone(&dial);
                let (state, still, mut cut) = (Arc::clone(&state), still.subscribe(), cut.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        () = forward(client, dial(), state, still) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        link
    }

    /// Cuts the next posts so, one after the other.
    pub fn cut(&self, at: Cut, times: usize) {
        self.state.lock().unwrap().cuts.extend(std::iter::repeat_n(at, times));
        if at == Cut::BeforeConnect {
            self.cut_all();
        }
    }

    /// Whether one of the cuts has struck.
    pub fn has_struck(&self) -> bool {
        !self.state.lock().unwrap().struck.is_empty()
    }

    /// Takes back the cuts that have not struck; those that have.
    pub fn heal(&self) -> Vec<Cut> {
        let mut state = self.state.lock().unwrap();
        state.cuts.clear();
        std::mem::take(&mut state.struck)
    }

    /// Closes what is open.
    pub fn cut_all(&self) {
        self.cut.send_modify(|n| *n += 1);
    }

    /// Nothing passes any more, and nobody is told.
    pub fn stand_still(&self, still: bool) {
        self.still.send_replace(still);
    }
}

async fn forward(
    client: TcpStream,
    server: io::Result<StdStream>,
    state: Arc<Mutex<State>>,
    still: watch::Receiver<bool>,
) {
    let Ok(server) = server else { return };
    server.set_nonblocking(true).unwrap();
    let server = TcpStream::from_std(server).unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let ((client_reads, client_writes), (server_reads, server_writes)) =
        (client.into_split(), server.into_split());
    let armed = Mutex::new(None);
    tokio::select! {
        () = requests(client_reads, server_writes, &state, &armed, still.clone()) => {}
        () = answers(server_reads, client_writes, &armed, still) => {}
    }
}

/// What has come, once the link does not stand still; nothing: it is over.
async fn next(from: &mut OwnedReadHalf, still: &mut watch::Receiver<bool>) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 16_384];
    let count = from.read(&mut bytes).await.ok().filter(|n| *n > 0)?;
    still.wait_for(|still| !still).await.ok()?;
    bytes.truncate(count);
    Some(bytes)
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &Mutex<State>,
    armed: &Mutex<Option<Cut>>,
    mut still: watch::Receiver<bool>,
) {
    while let Some(bytes) = next(&mut from, &mut still).await {
        let mut part = bytes.as_slice();
        if bytes.starts_with(b"POST ") {
            let cut = state.lock().unwrap().take(|c| c != Cut::BeforeConnect);
            if cut == Some(Cut::MidRequest) {
                part = &bytes[..bytes.len() / 2];
            }
            *armed.lock().unwrap() = cut;
        }
        let is_over = part.len() < bytes.len();
        if to.write_all(part).await.is_err() || is_over {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    armed: &Mutex<Option<Cut>>,
    mut still: watch::Receiver<bool>,
) {
    while let Some(bytes) = next(&mut from, &mut still).await {
        let head = bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let passes = match *armed.lock().unwrap() {
            Some(Cut::BeforeStatus) => 0,
            Some(Cut::MidHeaders) => head / 2,
            Some(Cut::MidBody) => (head + 1).min(bytes.len() - 1),
            _ => bytes.len(),
        };
        if to.write_all(&bytes[..passes]).await.is_err() || passes < bytes.len() {
            return;
        }
    }
}
