//! Medians, and the table that is printed.

use std::io::Write;
use std::time::Duration;

use comfy_table::Table as Lines;

/// What a figure is held to.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// The ratio is at most this.
    RatioAtMost(f64),
    /// The ratio is at least this.
    RatioAtLeast(f64),
    /// The measured value is below this: value, limit, unit.
    Below(f64, f64, &'static str),
    /// Shown, and held to nothing.
    Shown,
}

impl Target {
    fn met(self, ratio: Option<f64>) -> Option<bool> {
        match (self, ratio) {
            (Self::RatioAtMost(most), Some(r)) => Some(r <= most),
            (Self::RatioAtLeast(least), Some(r)) => Some(r >= least),
            (Self::Below(value, limit, _), _) => Some(value < limit),
            (Self::RatioAtMost(_) | Self::RatioAtLeast(_), None) => Some(false),
            (Self::Shown, _) => None,
        }
    }

    fn words(self) -> String {
        match self {
            Self::RatioAtMost(most) => format!("at most {most}x"),
            Self::RatioAtLeast(least) => format!("at least {least}x"),
            Self::Below(_, limit, unit) => format!("below {limit} {unit}"),
            Self::Shown => "-".into(),
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    pub figure: String,
    pub database: &'static str,
    pub baseline: String,
    pub measured: String,
    /// The median of the ratios within each round.
    pub ratio: Option<f64>,
    pub target: Target,
}

/// All lines.
#[derive(Debug, Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// Adds a line, and shows it at once: a full run takes a while.
    pub fn add(&mut self, row: Row) {
        let ratio = row.ratio.map_or_else(|| "-".into(), |r| format!("{r:.2}x"));
        eprintln!("{}, {}: {} -> {} ({ratio})", row.database, row.figure, row.baseline, row.measured);
        self.0.push(row);
    }

    /// Whether every target is met.
    pub fn all_met(&self) -> bool {
        self.0.iter().all(|r| r.target.met(r.ratio) != Some(false))
    }

    /// Writes the table to the standard output.
    pub fn print(&self) {
        let mut lines = Lines::new();
        lines.load_style(comfy_table::presets::ASCII_MARKDOWN);
        lines.set_header(["figure", "database", "baseline", "measured", "ratio", "target", "met"]);
        for r in &self.0 {
            let met = r.target.met(r.ratio).map_or("-", |m| if m { "yes" } else { "NO" });
            let ratio = r.ratio.map_or_else(|| "-".into(), |r| format!("{r:.2}x"));
            lines.add_row([
                r.figure.as_str(),
                r.database,
                &r.baseline,
                &r.measured,
                &ratio,
                &r.target.words(),
                met,
            ]);
        }
        let _ = writeln!(std::io::stdout(), "{lines}");
    }
}

/// The value below which the given share of the samples lies.
pub fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// The middle one.
pub fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// The median of what `measured` is to `baseline` in each round.
pub fn ratio(measured: &[f64], baseline: &[f64]) -> f64 {
    let each: Vec<_> = measured.iter().zip(baseline).map(|(m, b)| m / b).collect();
    median(&each)
}

/// Milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// `1.23 ms` out of milliseconds.
pub fn show_ms(value: f64) -> String {
    format!("{value:.2} ms")
}
