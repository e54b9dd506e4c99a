//! Plays seeds: `--seed N` one, with its steps; `--from N --count N` many, in one thread.

use std::io::Write;
use std::time::Instant;

use holdline_simulation::planted::Fault;
use holdline_simulation::seed::{self, Verdict};
use holdline_simulation::stage::on_stage;

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| -> Option<u64> {
        let at = words.iter().position(|w| w == name)?;
        words.get(at + 1)?.parse().ok()
    };
    let planted = words.iter().position(|w| w == "--planted").and_then(|at| words.get(at + 1));
    let unknown = |name: &String| std::io::Error::other(format!("{name} is no planted fault"));
    let planted = planted.map(|name| Fault::named(name).ok_or_else(|| unknown(name))).transpose()?;
    let mut out = std::io::stdout().lock();
    if let Some(one) = number("--seed") {
        let verdict = on_stage(async |stage| seed::play(stage, one, planted, true).await);
        for line in &verdict.log {
            writeln!(out, "{line}")?;
        }
        return say(&mut out, &verdict);
    }
    let (from, count) = (number("--from").unwrap_or(0), number("--count").unwrap_or(100));
    let began = Instant::now();
    let broken = on_stage(async |stage| {
        let mut broken = 0;
        for one in from..from + count {
            let verdict = seed::play(stage, one, planted, false).await;
            broken += u64::from(!verdict.broken.is_empty());
            if !verdict.broken.is_empty() {
                say(&mut std::io::stderr(), &verdict).ok();
            }
        }
        broken
    });
    writeln!(out, "{count} seeds in {:?}, broken: {broken}", began.elapsed())?;
    if broken > 0 { Err(std::io::Error::other("an invariant is broken")) } else { Ok(()) }
}

fn say(out: &mut impl Write, v: &Verdict) -> std::io::Result<()> {
    writeln!(
        out,
        "seed {}: {} nodes, {} steps, {} ms, trace {:016x}",
        v.seed, v.nodes, v.steps, v.lasted, v.trace
    )?;
    for (what, times) in v.met.iter().filter(|(_, times)| **times > 0) {
        writeln!(out, "  met {times} x {what}")?;
    }
    for broken in &v.broken {
        writeln!(out, "  BROKEN {broken}")?;
    }
    Ok(())
}
