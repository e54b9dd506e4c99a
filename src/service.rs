//! One running node: database, sender and web, put together.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use channels::http::{Http, Policy};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use crate::app::secrets::Keys;
use crate::app::{App, nodes, people};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Store;
use crate::web::{self, Web};
use crate::worker::node::{Memory, memory_file};
use crate::worker::{Options, Worker};

/// A running node.
pub struct Service {
    pub app: App,
    pub address: SocketAddr,
    worker: Worker,
    web: tokio::task::JoinHandle<()>,
    stop_web: tokio::sync::watch::Sender<bool>,
    _lock: File,
}

impl Service {
    /// Starts a node. The clock is the real one, but for drills and tests.
    ///
    /// # Errors
    /// In words: what is missing, taken or not readable.
    pub async fn start(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let service = Self::start_quietly(config, clock).await?;
        if let Some(token) = people::first_start(&service.app).await? {
            announce(service.address, token.expose_secret(), &config.data)?;
        }
        Ok(service)
    }

    /// Starts a node without the words of the first start: a drill makes its own people.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub async fn start_quietly(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.data)
            .with_context(|| format!("cannot make the data folder {}", config.data.display()))?;
        let lock = lock(&config.data)?;
        let keys = instance_key(config)?;
        let store = match &config.database_url {
            Some(url) => Store::postgres(url.expose_secret()).await?,
            None => Store::sqlite(&config.data.join("holdline.db")).await?,
        };
        let file = memory_file(&config.data);
        let memory = Memory::read(&file, || clock.id()).map_err(anyhow::Error::msg)?;
        memory.write(&file).map_err(anyhow::Error::msg)?;
        let listener = TcpListener::bind(&config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let app = App::new(store, clock, keys, &memory.node, &public_url);
        nodes::gate_row(&app).await?;
        nodes::check_key(&app).await?;
        let policy = Policy { allow_private: config.allow_private.clone(), ..Policy::default() };
        let http = Arc::new(Http::new(policy).map_err(anyhow::Error::msg)?);
        let options = Options {
            node_name: config.node_name.clone(),
            data: config.data.clone(),
            longest_sleep: Duration::from_secs(30),
            drain: Duration::from_secs(15),
            ticks: true,
        };
        let worker = Worker::start(app.clone(), http, options).await?;
        let router = web::router(Web { app: app.clone(), metrics: recorder()? });
        let (stop_web, mut stopped) = tokio::sync::watch::channel(false);
        let serve = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(async move {
                let _ = stopped.changed().await;
            });
        let web = tokio::spawn(async move {
            if let Err(e) = serve.await {
                tracing::error!(error = %e, "the web server ended");
            }
        });
        tracing::info!(%address, database = app.database(), node = config.node_name, "serving");
        Ok(Self { app, address, worker, web, stop_web, _lock: lock })
    }

    /// The sender of this node.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Stops: no new requests, what is in flight settles, the node leaves the list.
    ///
    /// # Errors
    /// The database's own.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop_web.send_replace(true);
        self.worker.stop().await?;
        if tokio::time::timeout(Duration::from_secs(5), self.web).await.is_err() {
            tracing::warn!("some web requests did not end in time");
        }
        self.app.close().await;
        Ok(())
    }
}

/// One process owns the data folder, and so the embedded database.
fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("holdline.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path)?;
    if let Err(e) = fs4::FileExt::try_lock(&file) {
        bail!(
            "another holdline uses the data folder {} ({e}). Talk to it with the other commands, or give this one \
             its own folder with --data",
            data.display()
        );
    }
    Ok(file)
}

fn instance_key(config: &Config) -> anyhow::Result<Keys> {
    let path = config.instance_key_file.clone().unwrap_or_else(|| config.data.join("instance.key"));
    match std::fs::read_to_string(&path) {
        Ok(text) => Keys::from_hex(&text).map_err(|e| anyhow::anyhow!("{}: {e}", path.display())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && config.instance_key_file.is_none() => {
            let keys = Keys::random();
            private_file(&path, keys.to_hex().expose_secret())?;
            Ok(keys)
        }
        Err(e) => bail!("cannot read the instance key {}: {e}", path.display()),
    }
}

/// Writes a file that only its owner can read.
fn private_file(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    Ok(())
}

/// The one-time token goes to the terminal and into a private file, and to no log.
fn announce(address: SocketAddr, token: &str, data: &Path) -> anyhow::Result<()> {
    let path = data.join("setup.token");
    private_file(&path, token)?;
    let mut out = std::io::stderr().lock();
    writeln!(out, "First start: nobody is here yet. Make the first administrator with")?;
    writeln!(out, "  holdline --server http://{address} setup --token {token} --name NAME --email ADDRESS")?;
    writeln!(out, "The token is also in {}. It works once.", path.display())?;
    Ok(())
}

/// The recorder of measurements: one for the whole process.
fn recorder() -> anyhow::Result<PrometheusHandle> {
    static HANDLE: std::sync::OnceLock<PrometheusHandle> = std::sync::OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder()?;
    Ok(HANDLE.get_or_init(|| handle).clone())
}
