//! The command line: `serve`, `drill`, `recover` and `audit verify` do their work here; every other command
//! talks to a running service.

mod api;
mod audit;
mod bounces;
mod call;
mod channels;
mod connect;
mod drill;
mod incidents;
mod pins;
mod posts;
mod ready;
mod recover;
mod retract;
mod serve;
mod signals;
mod swept;
mod table;
mod verbs;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Where the service is when nothing says otherwise.
const HERE: &str = "http://127.0.0.1:8740";

/// What a command ends with, for scripts.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage
  3  refused by the service
  4  the service cannot be reached
  5  an invariant broke, or the log does not verify
  6  done, but not all of it: a freeze that is not sealed, a post that is still live, rows or posts that
     are left, a channel that is not ready
  75 not taken, of `bounces`: the mail server that pipes the mail in tries again later";

/// Freezes scheduled posts when an incident begins, publishes approved crisis updates, and proves both.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub struct Cli {
    /// Where the service is.
    #[arg(long, global = true, env = "HOLDLINE_SERVER", default_value = HERE)]
    server: String,
    /// Your token.
    #[arg(long, global = true, env = "HOLDLINE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service.
    Serve(serve::Args),
    /// Rehearse the whole main job on sandbox channels; nothing outside is reached.
    Drill(drill::Args),
    /// Ask a running service whether it is ready: that of --server, or else the one that this
    /// machine's configuration describes.
    Health {
        /// The configuration file.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Invite an administrator who lost their token, on the service's own machine; on the embedded
    /// database the service must be stopped. What they had stops at once, and the log says so.
    Recover(recover::Args),
    #[command(flatten)]
    Api(verbs::Command),
    /// The audit log: list, key, export, verify.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Read the configuration and say what is wrong with it.
    CheckConfig {
        /// The file.
        file: PathBuf,
    },
}

/// What a command can end with. The numbers are those of the exit code.
#[derive(Debug)]
pub(crate) enum End {
    Done,
    /// An invariant broke, or the log does not verify.
    Broken,
    /// The service did what it could, and something is left for a person.
    Partly,
    /// What a mail server piped in was not taken, and why; it tries again.
    NotTaken(anyhow::Error),
}

impl End {
    /// Done, or done in part.
    fn all(done: bool) -> Self {
        if done { Self::Done } else { Self::Partly }
    }
}

/// Runs one command. `holdline --help` lists the exit codes.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail(&anyhow::anyhow!("cannot start: {e}")),
    };
    match runtime.block_on(command(cli)) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Broken) => ExitCode::from(5),
        Ok(End::Partly) => ExitCode::from(6),
        Ok(End::NotTaken(e)) => {
            fail(&e);
            // What mail servers know as a failure that passes (`EX_TEMPFAIL` of sysexits.h).
            ExitCode::from(75)
        }
        Err(e) => fail(&e),
    }
}

async fn command(cli: Cli) -> anyhow::Result<End> {
    let api = || api::Api::new(&cli.server, cli.token.clone());
    match cli.command {
        Command::Serve(args) => serve::run(args).await,
        Command::Drill(args) => drill::run(args).await,
        Command::Health { config } => {
            let server = if cli.server == HERE { own_address(config.as_deref())? } else { cli.server };
            let words = api::Api::new(&server, None)?.text("/readyz").await?;
            table::line(&words);
            Ok(End::Done)
        }
        Command::Recover(args) => recover::run(args, cli.json).await,
        Command::Api(command) => call::run(&api()?, cli.json, command).await,
        Command::Audit(command) => audit::run(api, cli.json, command).await,
        Command::CheckConfig { file } => {
            crate::config::Config::read(Some(&file)).map_err(anyhow::Error::msg)?;
            table::line("the configuration is good");
            Ok(End::Done)
        }
    }
}

/// Where the service of this machine listens, by its configuration; a service on every interface
/// is asked on the loopback one.
fn own_address(file: Option<&std::path::Path>) -> anyhow::Result<String> {
    let listen = crate::config::Config::read(file).map_err(anyhow::Error::msg)?.listen;
    let any = |host: &str| listen.strip_prefix(host).map(|port| port.to_owned());
    Ok(match (any("0.0.0.0:"), any("[::]:")) {
        (Some(port), _) => format!("http://127.0.0.1:{port}"),
        (_, Some(port)) => format!("http://[::1]:{port}"),
        _ => format!("http://{listen}"),
    })
}

#[expect(clippy::print_stderr, reason = "errors of the command line go to stderr")]
fn fail(e: &anyhow::Error) -> ExitCode {
    eprintln!("holdline: {}", table::visible(&format!("{e:#}")));
    match e.downcast_ref::<api::Refused>() {
        Some(_) => ExitCode::from(3),
        None if e.is::<api::Unreachable>() => ExitCode::from(4),
        None => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_two_options_of_a_command_collide() {
        super::Cli::command().debug_assert();
    }
}
