//! Parses the command line and runs one command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    holdline::cli::run(holdline::cli::Cli::parse())
}
