//! `holdline recover`: the way back for an administrator who lost their token, on the machine itself.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use secrecy::ExposeSecret;
use serde_json::json;

use super::{End, table};
use crate::config::Config;
use crate::service;

/// Where the installation is, and who comes back.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The data folder of the service.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The configuration file of the service.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The address of the administrator.
    #[arg(long)]
    email: String,
}

/// Writes the invitation and prints it.
pub async fn run(args: Args, as_json: bool) -> anyhow::Result<End> {
    let mut config = Config::read(args.config.as_deref()).map_err(anyhow::Error::msg)?;
    config.data = args.data.unwrap_or(config.data);
    let invited = service::recover(&config, &args.email).await?;
    let value = json!({"person": invited.person, "invitation": invited.secret.expose_secret(),
        "expires_at": invited.expires_at});
    table::value(&value, as_json, &["person.id", "person.name", "person.roles", "invitation", "expires_at"]);
    if !as_json {
        table::line(
            "Their tokens are revoked. Start the service, and use it with `holdline join --token INVITATION`.",
        );
    }
    Ok(End::Done)
}
