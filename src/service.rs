//! One running node: database, sender and web, put together.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use channels::http::{Http, Policy};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use crate::app::invitations::{self, Invited};
use crate::app::secrets::Keys;
use crate::app::{App, keys, nodes, people};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::budget::Reserve;
use crate::store::Store;
use crate::web::{self, Web};
use crate::worker::mailer::Mailing;
use crate::worker::memory::{Memory, memory_file};
use crate::worker::{Options, Worker};

/// A running node.
pub struct Service {
    pub app: App,
    pub address: SocketAddr,
    worker: Worker,
    mailing: Option<Mailing>,
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
        private_folder(&config.data)
            .with_context(|| format!("cannot make the data folder {}", config.data.display()))?;
        let lock = lock(
            &config.data,
            "Talk to it with the other commands, or give this one its own folder with --data",
        )?;
        let (held, store) = keys_and_store(config).await?;
        let file = memory_file(&config.data);
        let memory = Memory::read(&file, || clock.id()).map_err(anyhow::Error::msg)?;
        memory.write(&file).map_err(anyhow::Error::msg)?;
        let listener = TcpListener::bind(&config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let app = App::new(store, clock, held, &memory.node, &public_url);
        nodes::gate_row(&app).await?;
        keys::check(&app).await?;
        let policy = Policy {
            allow_private: config.allow_private.clone(),
            public: !config.only_private,
            ..Policy::default()
        };
        let http = Arc::new(Http::new(policy).map_err(anyhow::Error::msg)?);
        let options = Options {
            node_name: config.node_name.clone(),
            data: config.data.clone(),
            longest_sleep: Duration::from_secs(30),
            drain: Duration::from_secs(15),
            reserve: Reserve(config.reserve_percent),
            ticks: true,
        };
        let mailing = mailing(config, &app, &http)?;
        let worker = Worker::start(app.clone(), http, options).await?;
        let proxies = config.trusted_proxies.as_slice().into();
        let (stop_web, stopped) = tokio::sync::watch::channel(false);
        let stopping = stopped.clone();
        let pulse = Arc::default();
        let router = web::router(Web {
            app: app.clone(),
            metrics: recorder()?,
            proxies,
            stopping,
            pulse,
            whole_log: Arc::default(),
            reports: Arc::default(),
        });
        let web = tokio::spawn(web::listen(listener, router, stopped));
        tracing::info!(%address, database = app.database(), node = config.node_name, "serving");
        Ok(Self { app, address, worker, mailing, web, stop_web, _lock: lock })
    }

    /// The sender of this node.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Ends a node whose sender has broken down. It stays on the list of nodes: what it had in hand is
    /// settled by the next process, or by another node.
    pub async fn abandon(self) {
        self.stop_web.send_replace(true);
        self.worker.abandon().await;
    }

    /// Stops: no new requests, what is in flight settles, the node leaves the list.
    ///
    /// # Errors
    /// The database's own.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop_web.send_replace(true);
        if let Some(mailing) = self.mailing {
            mailing.stop().await;
        }
        let stopped = self.worker.stop().await;
        if tokio::time::timeout(Duration::from_secs(5), self.web).await.is_err() {
            tracing::warn!("some web requests did not end in time");
        }
        let stopped = match stopped {
            Ok(stopped) => {
                stopped.remember().await;
                Ok(())
            }
            Err(e) => Err(e.into()),
        };
        self.app.close().await;
        stopped
    }
}

/// Writes a new invitation for an administrator who lost their token, without a service: whoever holds
/// the data folder and the instance key may. On the embedded database the service must be stopped.
///
/// # Errors
/// In words: what is missing, that a service runs, or that nobody has this address.
pub async fn recover(config: &Config, email: &str) -> anyhow::Result<Invited> {
    let data = &config.data;
    let missing =
        |path: &Path| format!("{} is not there; name the folder of the service with --data", path.display());
    // Nothing is made here: a wrong folder is no new installation.
    let (file, key) = (data.join("holdline.db"), key_file(config));
    if config.database_url.is_none() && !file.exists() {
        bail!(missing(&file));
    }
    if !key.exists() {
        bail!(missing(&key));
    }
    let _lock = match &config.database_url {
        Some(_) => None,
        None => Some(lock(data, "Stop it first: this command needs the database for itself")?),
    };
    let held = Keys::read(&key).map_err(key_refused)?;
    let app = App::new(open(config).await?, Clock::real(), held, "local", &config.public_url());
    keys::check(&app).await?;
    let invited = invitations::recover(&app, email).await;
    app.close().await;
    Ok(invited?)
}

async fn open(config: &Config) -> anyhow::Result<Store> {
    Ok(match &config.database_url {
        Some(url) => Store::postgres(url.expose_secret()).await?,
        None => Store::sqlite(&config.data.join("holdline.db")).await?,
    })
}

/// One process owns the data folder, and so the embedded database.
fn lock(data: &Path, remedy: &str) -> anyhow::Result<File> {
    let path = data.join("holdline.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path)?;
    if let Err(e) = fs4::FileExt::try_lock(&file) {
        bail!("another holdline uses the data folder {} ({e}). {remedy}", data.display());
    }
    Ok(file)
}

/// Mails to people of the team, when a server for them is configured.
fn mailing(config: &Config, app: &App, http: &Arc<Http>) -> anyhow::Result<Option<Mailing>> {
    let Some(settings) = config.mail() else { return Ok(None) };
    let read = |file: &std::path::PathBuf| {
        std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the mail password {}", file.display()))
    };
    let password = config.mail_password_file.as_ref().map(read).transpose()?;
    let password = password.map(|p| p.trim_end_matches(['\r', '\n']).to_owned().into());
    let mailing = Mailing::start(app.clone(), Arc::clone(http), settings, password);
    mailing.map(Some).map_err(|why| anyhow::anyhow!("the mail server of the configuration: {why}"))
}

fn key_file(config: &Config) -> PathBuf {
    config.instance_key_file.clone().unwrap_or_else(|| config.data.join("instance.key"))
}

/// The instance keys, and the database that they belong to. A key is made at the first start alone, where no
/// file is named: a named one that is not there is a mount that is missing, and so is a link that leads nowhere.
async fn keys_and_store(config: &Config) -> anyhow::Result<(Keys, Store)> {
    let path = key_file(config);
    let absent = path.symlink_metadata().is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
    if config.instance_key_file.is_some() || !absent {
        return Ok((Keys::read(&path).map_err(key_refused)?, open(config).await?));
    }
    let store = open(config).await?;
    if !keys::is_new(&store).await? {
        bail!(
            "the instance key {} is not there, and what this database holds is sealed under it: bring it back from \
             your backups",
            path.display()
        );
    }
    Ok((Keys::create(&path).map_err(key_refused)?, store))
}

fn key_refused(why: String) -> anyhow::Error {
    anyhow::anyhow!("the instance key: {why}")
}

/// Makes the folder for its owner only: drafts, hashes of tokens and the key are in it. A folder
/// that is there already keeps the rights that somebody gave it.
fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only its owner can read.
fn private_file(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    Ok(())
}

/// The one-time token goes into a private file, and to stderr only where a person reads it: what
/// systemd or a container collects is a log.
fn announce(address: SocketAddr, token: &str, data: &Path) -> anyhow::Result<()> {
    let path = data.join("setup.token");
    private_file(&path, token)?;
    let mut out = std::io::stderr().lock();
    let shown = out.is_terminal().then_some(token);
    out.write_all(words_of_first_start(address, shown, &path).as_bytes())?;
    Ok(())
}

/// How this very program is called in a shell: it need not be on the `PATH`.
pub(crate) fn program() -> String {
    std::env::current_exe().map_or_else(|_| "holdline".into(), |path| quoted(&path.display().to_string()))
}

fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

fn words_of_first_start(address: SocketAddr, token: Option<&str>, path: &Path) -> String {
    let (path, program) = (path.display(), program());
    let shown = token.map_or_else(|| format!("\"$(cat {path})\""), str::to_owned);
    format!(
        "First start: nobody is here yet. Make the first administrator with\n  \
         {program} --server http://{address} setup --token {shown} --name NAME --email ADDRESS\n\
         The token is in {path}. It works once.\n"
    )
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn others_cannot_read_the_data_folder() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("a/b");
        private_folder(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        private_folder(&path).unwrap();
    }

    #[test]
    fn a_log_does_not_get_the_set_up_token() {
        let address = "127.0.0.1:8740".parse().unwrap();
        let words = |token| words_of_first_start(address, token, Path::new("data/setup.token"));
        assert!(words(Some("hls_1")).contains("--token hls_1 "));
        assert!(words(None).contains("--token \"$(cat data/setup.token)\" "));
        let this = std::env::current_exe().unwrap();
        assert!(words(None).contains(&quoted(this.to_str().unwrap())), "a program that is not on the PATH");
        assert_eq!((quoted("/a b/it's").as_str(), quoted("/a/b-1").as_str()), ("'/a b/it'\\''s'", "/a/b-1"));
    }
}
