//! Sends the mails to people of the team. They are no posts: a freeze does not hold them.

use std::sync::Arc;
use std::time::Duration;

use channels::Connection;
use channels::http::Http;
use channels::mailer::{Letter, Mailer};
use futures::future::join_all;
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::app::hub::Topic;
use crate::app::notices::{self, Envelope};
use crate::app::{App, Result};
use crate::clock::date_time;

/// Mails that are sent at once.
const AT_ONCE: usize = 4;
/// Longest time between two looks, when nothing wakes it.
const LONGEST: Duration = Duration::from_secs(30);
/// Shortest time between two looks: a node whose gate is closed leaves what is due to others.
const SHORTEST: Duration = Duration::from_secs(1);
/// How long a stop waits for the mails that are under way.
const DRAIN: Duration = Duration::from_secs(5);

/// The running mailer of this node.
pub struct Mailing {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Mailing {
    /// Starts it, with the settings of the mail server as an e-mail channel has them. From then on
    /// the changes of every node write notices.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn start(
        app: App,
        http: Arc<Http>,
        settings: Value,
        password: Option<SecretString>,
    ) -> std::result::Result<Self, String> {
        let clock = app.clock().clone();
        let clock = Arc::new(move || date_time(clock.now()));
        let mailer =
            Mailer::new(&Connection { settings, credential: password, http, clock, public_url: None })?;
        app.set_mails();
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(run(app, mailer, stopping));
        Ok(Self { stop, task })
    }

    /// Stops. A mail that is not done by then is tried again later, by whichever node is there.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if timeout(DRAIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

async fn run(app: App, mailer: Mailer, mut stopping: watch::Receiver<bool>) {
    let mut news = app.hub().listen(Topic::Notices);
    loop {
        if let Err(e) = notices::announce(&app).await {
            tracing::error!(error = %e, cause = ?e, "cannot tell the other nodes that this one sends mails");
        }
        if let Err(e) = round(&app, &mailer, &stopping).await {
            tracing::error!(error = %e, cause = ?e, "cannot send the mails to the team; they are tried again");
        }
        let now = app.clock().now();
        let wait = match notices::next_try(&app).await {
            Ok(Some(at)) => Duration::from_millis(u64::try_from(at - now).unwrap_or(0)),
            _ => LONGEST,
        };
        tokio::select! {
            () = sleep(wait.clamp(SHORTEST, LONGEST)) => {}
            changed = news.changed() => if changed.is_err() { return },
            () = stopped(&mut stopping) => return,
        }
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Sends everything that is due.
async fn round(app: &App, mailer: &Mailer, stopping: &watch::Receiver<bool>) -> Result<()> {
    while !*stopping.borrow() {
        let mails = notices::take(app).await?;
        if mails.is_empty() {
            break;
        }
        for some in mails.chunks(AT_ONCE) {
            let sending: Vec<_> = some.iter().map(|mail| one(app, mailer, mail)).collect();
            for done in join_all(sending).await {
                done?;
            }
        }
    }
    Ok(())
}

async fn one(app: &App, mailer: &Mailer, mail: &Envelope) -> Result<()> {
    let letter = Letter {
        id: &mail.id,
        to: &mail.to,
        subject: &mail.subject,
        text: &mail.text,
        html: None,
        pictures: Vec::new(),
        language: &mail.language,
        unsubscribe: None,
    };
    let outcome = mailer.send(&letter).await;
    if let Err(why) = &outcome {
        tracing::warn!(to = mail.to, why, "a mail to the team was not sent");
    }
    notices::settle(app, mail, outcome).await
}
