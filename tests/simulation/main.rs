//! Plays seeds: `--seed N` one, with its steps; `--from A --count N` many, in one thread; each with the fault that
//! `--planted NAME` names, if any. It ends with 1 when an invariant is broken, with 2 when it is called in another way.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use holdline_simulation::planted::Fault;
use holdline_simulation::seed::{self, Verdict};
use holdline_simulation::stage::on_stage;

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    seed: Option<u64>,
    from: Option<u64>,
    count: Option<u64>,
    planted: Option<Fault>,
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked::default();
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{name} {value}: give a number"));
        match name.as_str() {
            "--seed" => asked.seed = Some(number()?),
            "--from" => asked.from = Some(number()?),
            "--count" => asked.count = Some(number()?),
            "--planted" => {
                let fault = Fault::named(&value);
                asked.planted = Some(fault.ok_or_else(|| format!("{value} is no planted fault"))?);
            }
            _ => return Err(format!("{name}: use --seed N, or --from A --count N, and --planted NAME")),
        }
    }
    if asked.seed.is_some() && (asked.from.is_some() || asked.count.is_some()) {
        return Err("give one --seed, or --from and --count".into());
    }
    if asked.count == Some(0) {
        return Err("--count 0 plays nothing".into());
    }
    Ok(asked)
}

fn main() -> ExitCode {
    let asked = match read(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            writeln!(std::io::stderr(), "{why}").ok();
            return ExitCode::from(2);
        }
    };
    match play(&asked) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(e) => {
            writeln!(std::io::stderr(), "{e}").ok();
            ExitCode::FAILURE
        }
    }
}

/// How many seeds are broken.
fn play(asked: &Asked) -> std::io::Result<u64> {
    let mut out = std::io::stdout().lock();
    if let Some(one) = asked.seed {
        let verdict = on_stage(async |stage| seed::play(stage, one, asked.planted, true).await);
        for line in &verdict.log {
            writeln!(out, "{line}")?;
        }
        say(&mut out, &verdict)?;
        return Ok(u64::from(!verdict.broken.is_empty()));
    }
    let (from, count) = (asked.from.unwrap_or(0), asked.count.unwrap_or(100));
    let began = Instant::now();
    let broken = on_stage(async |stage| {
        let mut broken = 0;
        for one in from..from + count {
            let verdict = seed::play(stage, one, asked.planted, false).await;
            broken += u64::from(!verdict.broken.is_empty());
            if !verdict.broken.is_empty() {
                say(&mut std::io::stderr(), &verdict).ok();
            }
        }
        broken
    });
    writeln!(out, "{count} seeds in {:?}, broken: {broken}", began.elapsed())?;
    Ok(broken)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let asked = |line: &str| read(line.split_whitespace().map(str::to_owned));
        assert_eq!(asked("--seed 7"), Ok(Asked { seed: Some(7), ..Asked::default() }));
        assert_eq!(asked("--planted ThawFloods").unwrap().planted, Fault::named("ThawFloods"));
        for wrong in ["--planted Nothing", "--planted", "--seed x", "--seed 1 --count 2", "--count 0", "7 8"]
        {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }
}
