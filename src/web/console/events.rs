//! Live updates: a page hears that something has changed, and asks for itself again.
//!
//! The pulse is the size of the log: whatever changes, on whichever node, has an entry. It is read
//! once for all who watch this node.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures::Stream;
use futures::stream::unfold;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::fields;
use super::page::Answer;
use super::visit::Visit;
use crate::app::{App, overview, sessions};
use crate::web::Web;

/// How often the log is looked at while anybody watches.
const LOOK: Duration = Duration::from_millis(400);
/// Most often a page hears of a change.
const SPACING: Duration = Duration::from_millis(900);
/// How often a page hears that the connection lives.
const BEAT: Duration = Duration::from_secs(10);

/// The size of the log, for as long as somebody watches.
#[derive(Debug, Default)]
pub struct Pulse(std::sync::Mutex<Option<watch::Receiver<i64>>>);

impl Pulse {
    /// Listens. The first who listens starts the look; it ends when nobody does.
    pub fn listen(&self, app: &App) -> watch::Receiver<i64> {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(receiver) = kept.as_ref().filter(|r| r.has_changed().is_ok()) {
            return receiver.clone();
        }
        let (sender, receiver) = watch::channel(0);
        tokio::spawn(follow(app.clone(), sender));
        *kept = Some(receiver.clone());
        receiver
    }
}

async fn follow(app: App, sender: watch::Sender<i64>) {
    // One receiver is the pulse's own.
    let mut alone = 0;
    while alone < 50 {
        match overview::log_size(&app).await {
            Ok(size) => {
                sender.send_if_modified(|known| std::mem::replace(known, size) != size);
            }
            Err(e) => tracing::debug!(error = %e, "the log cannot be read"),
        }
        sleep(LOOK).await;
        alone = if sender.receiver_count() > 1 { 0 } else { alone + 1 };
    }
}

struct Live {
    web: Web,
    /// What the page shows already.
    seen: i64,
    pulse: watch::Receiver<i64>,
    visit: Visit,
    next_beat: Instant,
}

/// `GET /console/events?seen=SIZE`: `news` when the log has grown, `beat` every ten seconds. It ends
/// when the session does.
pub async fn stream(State(web): State<Web>, RawQuery(query): RawQuery, visit: Visit) -> Answer {
    let seen = fields::of_query(query.as_deref()).get("seen").parse().unwrap_or(-1);
    let pulse = web.pulse.listen(&web.app);
    let live = Live { web, seen, pulse, visit, next_beat: Instant::now() };
    let mut response = Sse::new(events(live)).into_response();
    // A proxy that collects what it passes on would hold live updates back.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    Ok(response)
}

fn events(live: Live) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(live, |mut live| async move {
        let event = live.next().await?;
        Some((Ok(event), live))
    })
}

impl Live {
    /// The next event; nothing: the session has ended, or the service stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let size = *self.pulse.borrow_and_update();
            if size > self.seen {
                let news = self.seen >= 0;
                self.seen = size;
                if news {
                    self.space_out().await?;
                    return Some(Event::default().event("news").data(size.to_string()));
                }
            }
            tokio::select! {
                changed = self.pulse.changed() => changed.ok()?,
                () = stopped(self.web.stopping.clone()) => return None,
                () = sleep_until(self.next_beat) => {
                    self.next_beat = Instant::now() + BEAT;
                    return self.is_signed_in().await.then(|| Event::default().event("beat").data("."));
                }
            }
        }
    }

    /// Several changes in a row are one piece of news.
    async fn space_out(&self) -> Option<()> {
        let stop = stopped(self.web.stopping.clone());
        if timeout(SPACING, stop).await.is_ok() { None } else { Some(()) }
    }

    async fn is_signed_in(&self) -> bool {
        let Some(signed) = &self.visit.signed else { return false };
        sessions::is_open(&self.web.app, &signed.session).await.unwrap_or(false)
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    if stopping.wait_for(|stop| *stop).await.is_err() {
        // Nobody can stop it any more.
        std::future::pending::<()>().await;
    }
}
