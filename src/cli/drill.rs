//! `holdline drill`: the whole main job on sandbox channels.

use clap::Args as ClapArgs;

use super::{End, table};
use crate::drill::{self, Plan};

/// How to rehearse.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Routine posts in the queue.
    #[arg(long, default_value_t = 10_000)]
    posts: usize,
    /// Stay up afterwards, to look around.
    #[arg(long)]
    serve: bool,
}

/// Rehearses, prints what happens, and fails when an invariant broke.
pub async fn run(args: Args) -> anyhow::Result<End> {
    let plan = Plan { posts: args.posts, stay: args.serve };
    let held = drill::run(&plan, table::line).await?;
    Ok(if held { End::Done } else { End::Broken })
}
