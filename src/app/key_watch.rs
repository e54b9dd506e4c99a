//! Looks after the file of the instance keys while a node runs. Nothing that sends waits for that file.

use std::time::Duration;

use tokio::sync::oneshot;

use super::key_file::SILENT;
use super::keys::{self, CHECK};
use super::{App, AppError, Result, rotation};

/// How often the key file is read again.
const LOOKS: Duration = Duration::from_secs(2);
/// How long the file may take to answer.
const ANSWERS: Duration = Duration::from_secs(10);

/// On the list of nodes: its file has no key. A node that says nothing is one of an earlier release.
const NONE: &str = "-";

/// Reads or writes the key file, on a thread of its own: a mount can hang for ever.
fn start<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, String> + Send + 'static,
) -> oneshot::Receiver<std::result::Result<T, String>> {
    let (done, answer) = oneshot::channel();
    let thread = std::thread::Builder::new().name("keys".into());
    if let Err(e) = thread.spawn(move || drop(done.send(work()))) {
        tracing::error!(error = %e, "no thread is left for the key file");
    }
    answer
}

/// As [`start`], and waits a while for the answer.
///
/// # Errors
/// In words: those of the work, or that the file does not answer. Then it may still be written.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, String> + Send + 'static,
) -> std::result::Result<T, String> {
    let answer = tokio::time::timeout(ANSWERS, start(work)).await;
    answer.ok().and_then(std::result::Result::ok).unwrap_or_else(|| Err(SILENT.into()))
}

/// Reads the key file of this node again.
///
/// # Errors
/// In words; what is known stays.
pub(super) async fn refresh(app: &App) -> std::result::Result<(), String> {
    let ring = app.keys().clone();
    on_disk(move || ring.refresh()).await
}

/// Reads the key file again and again. What hinders that is told when it changes.
pub(crate) async fn follow(app: App) {
    let mut told = None;
    loop {
        let ring = app.keys().clone();
        let mut answer = start(move || ring.refresh());
        let in_time = tokio::time::timeout(ANSWERS, &mut answer).await;
        let why = match &in_time {
            Ok(Ok(read)) => read.as_ref().err().cloned(),
            _ => Some(SILENT.to_owned()),
        };
        if why != told {
            match &why {
                Some(why) => tracing::warn!("the instance keys stay as they were: {why}"),
                None => tracing::info!("the key file can be read again"),
            }
            told = why;
        }
        if in_time.is_err() {
            // One question at a time: it is asked again when this one is answered.
            drop(answer.await);
        }
        tokio::time::sleep(LOOKS).await;
    }
}

/// Ids of the keys that this node has in its file, for the list of nodes; [`NONE`] when it has none.
pub(crate) fn known(app: &App) -> String {
    let ids = app.keys().ids().join(",");
    if ids.is_empty() { NONE.into() } else { ids }
}

/// Waits until no exchange of the instance key is half-way between its look at the list of nodes and its
/// commit. Whoever is on the list by then knows afterwards which key seals.
///
/// # Errors
/// The database's own.
pub(crate) async fn settle(app: &App) -> Result<()> {
    app.store().begin().await?.setting_to_judge_by(CHECK).await?;
    Ok(())
}

/// Why this node can open nothing that is sealed now: it does not know the key.
///
/// # Errors
/// The database's own.
pub(crate) async fn unknown(app: &App) -> Result<Option<String>> {
    let Some(kept) = app.store().setting(CHECK).await? else { return Ok(None) };
    let why = app.keys().open(CHECK, &kept).err();
    Ok(why.map(|e| format!("{e}. Give this node the key file of the installation")))
}

/// What is wrong with the places where the key that seals is kept.
///
/// # Errors
/// The database's own.
pub(crate) async fn trouble(app: &App) -> Result<Option<String>> {
    let Some(seals) = keys::sealing_now(app).await? else { return Ok(None) };
    let mut nodes = app.store().nodes().await?;
    nodes.retain(|n| n.id == app.node() || !n.keys.is_empty());
    let missing = keys::lacking(app, &nodes, &seals).join(", ");
    Ok((!missing.is_empty()).then(|| {
        format!(
            "the instance key that seals is not in the key file of {missing}: after a restart nothing can be opened \
             there. See `holdline keys show`"
        )
    }))
}

/// Says aloud when the key that seals is in the memory of this process alone, and forgets the keys that are
/// used no more. A file that cannot be written is told of once.
///
/// # Errors
/// The database's own.
pub(crate) async fn tend(app: &App) -> Result<()> {
    if let Some(seals) = keys::sealing_now(app).await?
        && !app.keys().ids().contains(&seals)
    {
        tracing::error!(
            key = seals,
            "the instance key that seals is not in the key file of this node, and is lost with this process: bring the \
             file back, or run `holdline keys save`"
        );
    }
    match rotation::tidy(app).await {
        Err(AppError::Conflict(why)) => {
            if app.keys().tell(&why) {
                tracing::warn!("{why}");
            }
            Ok(())
        }
        done => done,
    }
}
