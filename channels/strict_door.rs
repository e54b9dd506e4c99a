//! Where a strict server takes connections, and where it refuses them for a while.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;

enum Port {
    Open(TcpListener),
    /// Nobody else gets it, and whoever connects is refused.
    Shut(TcpSocket),
}

/// A port that is shut after so many connections, until it is told to open again.
pub struct Door {
    port: Port,
    left: usize,
    opens: Arc<Notify>,
}

fn shut(address: SocketAddr) -> Port {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    Port::Shut(socket)
}

impl Door {
    /// It is shut before this returns where it takes none.
    pub async fn new(address: &str, takes: usize) -> Self {
        let port = Port::Open(TcpListener::bind(address).await.unwrap());
        let mut door = Self { port, left: takes, opens: Arc::default() };
        door.shut_when_full(door.address());
        door
    }

    pub fn address(&self) -> SocketAddr {
        match &self.port {
            Port::Open(listener) => listener.local_addr().unwrap(),
            Port::Shut(socket) => socket.local_addr().unwrap(),
        }
    }

    /// What opens it.
    pub fn opener(&self) -> Arc<Notify> {
        Arc::clone(&self.opens)
    }

    fn shut_when_full(&mut self, address: SocketAddr) {
        if self.left == 0 {
            // The listener goes first: a port that somebody listens on cannot be had.
            self.port = Port::Shut(TcpSocket::new_v4().unwrap());
            self.port = shut(address);
        }
    }

    /// The next connection. After the last one it is shut before this returns.
    pub async fn next(&mut self) -> Option<TcpStream> {
        if let Port::Shut(_) = self.port {
            self.opens.notified().await;
            let free = Port::Shut(TcpSocket::new_v4().unwrap());
            if let Port::Shut(socket) = std::mem::replace(&mut self.port, free) {
                self.port = Port::Open(socket.listen(64).unwrap());
            }
            self.left = usize::MAX;
        }
        let Port::Open(listener) = &self.port else { return None };
        let (socket, _) = listener.accept().await.ok()?;
        self.left -= 1;
        self.shut_when_full(self.address());
        Some(socket)
    }
}
