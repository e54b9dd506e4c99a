//! `holdline serve`: one node, until it is told to stop.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::End;
use crate::clock::Clock;
use crate::config::Config;
use crate::service::Service;
use crate::worker::faults;

/// Flags win over the environment, and the environment over the file.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The configuration file.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where to listen.
    #[arg(long)]
    listen: Option<String>,
    /// The data folder.
    #[arg(long)]
    data: Option<PathBuf>,
    /// `postgres://…`; without it the embedded SQLite is used.
    #[arg(long)]
    database_url: Option<String>,
    /// Where the public page is reached from outside.
    #[arg(long)]
    public_url: Option<String>,
    /// A private network that outgoing requests may reach; can be repeated.
    #[arg(long)]
    allow_private: Vec<ipnet::IpNet>,
    /// What people call this node.
    #[arg(long)]
    node_name: Option<String>,
}

impl Args {
    fn config(self) -> Result<Config, String> {
        let mut config = Config::read(self.config.as_deref())?;
        config.listen = self.listen.unwrap_or(config.listen);
        config.data = self.data.unwrap_or(config.data);
        config.public_url = self.public_url.or(config.public_url);
        config.node_name = self.node_name.unwrap_or(config.node_name);
        config.database_url = self.database_url.map(Into::into).or(config.database_url);
        config.allow_private.extend(self.allow_private);
        config.check()?;
        Ok(config)
    }
}

/// Runs a node until SIGTERM or SIGINT.
pub async fn run(args: Args) -> anyhow::Result<End> {
    let config = args.config().map_err(anyhow::Error::msg)?;
    logs(&config);
    faults::arm();
    let service = Service::start(&config, Clock::real()).await?;
    notify(&[sd_notify::NotifyState::Ready]);
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut pulse = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            // A new process is the remedy: whoever supervises this one starts it again.
            why = service.app.breaks_down() => {
                notify(&[sd_notify::NotifyState::Stopping]);
                service.abandon().await;
                anyhow::bail!("{why}; start this node again");
            }
            // Fed by this loop alone: a database that is down is no reason to restart the node.
            _ = pulse.tick() => notify(&[sd_notify::NotifyState::Watchdog]),
        }
    }
    notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping: what is in flight settles first");
    service.stop().await?;
    Ok(End::Done)
}

/// Tells systemd, when it is there.
fn notify(states: &[sd_notify::NotifyState]) {
    if let Err(e) = sd_notify::notify(states) {
        tracing::debug!(error = %e, "no service manager to notify");
    }
}

fn logs(config: &Config) {
    let filter = EnvFilter::try_new(format!("tokio_cron_scheduler=warn,{}", config.log))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    if config.log_format == "json" { builder.json().init() } else { builder.init() }
}
