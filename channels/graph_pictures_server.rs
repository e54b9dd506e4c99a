//! For tests of networks that fetch pictures: posts with some, and where they are fetched.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use url::Url;

use crate::{Channel, Failure, Health, Job, MediaRef, Pass, Receipt, Retraction, Sighting, watch};

/// A channel each of whose posts gets so many pictures.
pub(crate) struct Illustrated(usize, Box<dyn Channel>);

impl Illustrated {
    pub(crate) fn of(count: usize, channel: Box<dyn Channel>) -> Box<dyn Channel> {
        Box::new(Self(count, channel))
    }
}

/// The job with so many pictures, at addresses that are secrets.
pub(crate) fn with(job: &Job, count: usize) -> Job {
    let mut job = job.clone();
    let picture = |n: usize| MediaRef {
        sha256: "ab".into(),
        mime: "image/jpeg".into(),
        alt: format!("Picture {n} & its words"),
    };
    job.rendition.media = (1..=count).map(picture).collect();
    job.media = (1..=count).map(|n| vec![u8::try_from(n).unwrap()]).collect();
    job.media_urls = (1..=count).map(|n| format!("{}/media/{n}/hunter2-{n}", pictures())).collect();
    job
}

#[async_trait]
impl Channel for Illustrated {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        self.1.publish(&with(job, self.0), pass).await
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        self.1.read_back(&with(job, self.0)).await
    }

    async fn by_words(&self, job: &Job, remote_id: Option<&str>) -> Option<Sighting> {
        self.1.by_words(&with(job, self.0), remote_id).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        self.1.retract(&with(job, self.0), remote_id).await
    }

    async fn watch(&self, since: DateTime<Utc>) -> Result<Option<watch::Account>, String> {
        self.1.watch(since).await
    }

    async fn check(&self) -> Health {
        self.1.check().await
    }
}

/// Type and bytes of what is at the address.
pub(crate) fn fetch(address: &str) -> Option<(String, Vec<u8>)> {
    let url = Url::parse(address).ok()?;
    let mut socket = TcpStream::connect((url.host_str()?, url.port()?)).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let head = format!("GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", url.path());
    socket.write_all(head.as_bytes()).ok()?;
    let mut all = Vec::new();
    socket.read_to_end(&mut all).ok()?;
    let at = all.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&all[..at]).to_lowercase();
    let mime = head.lines().find_map(|l| l.strip_prefix("content-type: "))?;
    head.starts_with("http/1.1 200").then(|| (mime.to_owned(), all[at + 4..].to_vec()))
}

/// Where pictures are: each has its path as its content. One whose path says so is no JPEG.
pub(crate) fn pictures() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                let mut head = [0; 1_000];
                let read = socket.read(&mut head).unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default();
                let mime = if path.contains("png") { "image/png" } else { "image/jpeg" };
                let status = if path.contains("gone") { "404 Not Found" } else { "200 OK" };
                let whole = format!("HTTP/1.1 {status}\r\nContent-Type: {mime}\r\n\r\n{path}");
                let _ = socket.write_all(whole.as_bytes());
            }
        });
        url
    })
}
