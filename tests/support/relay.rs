//! A relay in front of a real server that can lose one answer: the server has acted, and the client
//! never learns it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Forwards bytes both ways until it is told to lose an answer.
pub struct Relay {
    pub url: String,
    lose: Arc<Mutex<Option<String>>>,
}

impl Relay {
    /// Starts one in front of `http://host:port`.
    pub async fn start(server: &str) -> Self {
        let target: SocketAddr = server.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let lose = Arc::new(Mutex::new(None));
        let relay = Self { url, lose: Arc::clone(&lose) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target, Arc::clone(&lose)));
            }
        });
        relay
    }

    /// Loses the answer to the next request that holds this text in its head or its body.
    pub fn lose_answer_to(&self, text: &str) {
        *self.lose.lock().unwrap() = Some(text.to_owned());
    }

    /// Whether the answer was lost by now.
    pub fn lost(&self) -> bool {
        self.lose.lock().unwrap().is_none()
    }
}

async fn forward(mut client: TcpStream, target: SocketAddr, lose: Arc<Mutex<Option<String>>>) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut asked = String::new();
    loop {
        tokio::select! {
            n = client.read(&mut up) => match n {
                Ok(n) if n > 0 => {
                    asked.push_str(&String::from_utf8_lossy(&up[..n]));
                    if server.write_all(&up[..n]).await.is_err() { return }
                }
                _ => return,
            },
            n = server.read(&mut down) => match n {
                Ok(n) if n > 0 => {
                    if is_lost(&lose, &asked) { return }
                    asked.clear();
                    if client.write_all(&down[..n]).await.is_err() { return }
                }
                _ => return,
            },
        }
    }
}

/// Whether this is the answer to lose; it is lost once.
fn is_lost(lose: &Mutex<Option<String>>, asked: &str) -> bool {
    lose.lock().unwrap().take_if(|text| asked.contains(text.as_str())).is_some()
}
