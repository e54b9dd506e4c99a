//! What receives the deliveries: a small HTTP server that notes what came and when.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A running receiver. It answers 200 to everything.
#[derive(Clone)]
pub struct Sink {
    pub url: String,
    seen: Arc<Mutex<Vec<(String, Instant)>>>,
}

impl Sink {
    /// Listens on a free port until the process ends.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let seen = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&seen), request));
                tokio::spawn(async move {
                    // A client that goes away ends the connection; nothing is wrong with that.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, seen }
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// What came, by its id, with the arrival of the first byte of content; then nothing has come.
    pub fn take(&self) -> Vec<(String, Instant)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn answer(
    seen: Arc<Mutex<Vec<(String, Instant)>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let id = request.headers().get("webhook-id").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let (mut body, mut first) = (request.into_body(), None);
    while let Some(Ok(_)) = body.frame().await {
        first.get_or_insert_with(Instant::now);
    }
    seen.lock().unwrap().push((id, first.unwrap_or_else(Instant::now)));
    Ok(Response::new(Full::default()))
}
