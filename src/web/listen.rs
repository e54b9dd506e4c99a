//! Answers connections. A connection that does not send the head of its request in time is closed,
//! so that silent ones cannot use up the files of the process.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The longest time for the head of a request, and that an idle connection stays open.
const HEAD: Duration = Duration::from_secs(15);

/// Answers until `stop` changes, and then until every request under way has its answer.
pub async fn listen(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            Some(_) = open.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    open.spawn(converse(stream, peer, router.clone(), stop.clone(), HEAD));
                }
                Err(e) => {
                    // Most likely too many open files: the others must end first.
                    tracing::warn!(error = %e, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            },
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    mut stop: watch::Receiver<bool>,
    head: Duration,
) {
    let inner = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        inner.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(e) = ended {
        tracing::trace!(error = %e, "a connection broke");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Sends these bytes and reads until the connection ends.
    async fn talk(head: Duration, bytes: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let whoami = |ConnectInfo(a): ConnectInfo<SocketAddr>| async move { a.ip().to_string() };
        let router = Router::new().route("/", get(whoami));
        let server = tokio::spawn(async move {
            let (stream, peer) = listener.accept().await.unwrap();
            converse(stream, peer, router, stopped, head).await;
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(bytes).await.unwrap();
        let mut answer = String::new();
        let all = client.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(5), all).await.expect("it stays open").unwrap();
        server.await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_silent_connection_is_closed() {
        let short = Duration::from_millis(100);
        assert!(!talk(short, b"").await.contains("200"));
        assert!(!talk(short, b"GET / HTTP/1.1\r\nhost: x\r\n").await.contains("200"));
        let answer = talk(short, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
    }

    #[tokio::test]
    async fn stopping_waits_for_the_answer_under_way() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let late = || async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "late"
        };
        let server = tokio::spawn(listen(listener, Router::new().route("/", get(late)), stopped));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.send_replace(true);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("late"), "{answer}");
        server.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
