//! The start of a node's process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use channels::http::Http;
use holdline::app::App;
use holdline::worker::runner::Runner;
use holdline::worker::{Options, Worker};

use crate::people::Record;

/// Starts the sender of a node, again and again until it does; `record` gets what kept it.
pub async fn starts(
    node: usize,
    (app, http, options, runner): (App, Arc<Http>, Options, Runner),
    worker: Arc<Mutex<Option<Worker>>>,
    record: Arc<Mutex<Record>>,
) {
    loop {
        match Worker::start_on(app.clone(), Arc::clone(&http), options.clone(), runner.clone()).await {
            Ok(started) => {
                *worker.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
                return;
            }
            Err(e) => {
                let line = format!("node {node} does not start: {e}");
                record.lock().unwrap_or_else(PoisonError::into_inner).lines.push(line);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
