//! What the runs have seen, in `evidence/` of the target folder, for whoever writes it up.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Takes away what an earlier run has left: of a run that does not come to its end there is nothing.
pub fn forget(name: &str) {
    let file = file(name);
    if file.exists() {
        std::fs::remove_file(file).unwrap();
    }
}

/// Writes the figures of one test.
pub fn write(name: &str, figures: &Value) {
    let file = file(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, serde_json::to_vec_pretty(figures).unwrap()).unwrap();
}

/// The target folder has this program in `debug/deps`.
fn file(name: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().nth(3).unwrap_or_else(|| Path::new("target"));
    target.join("evidence").join(format!("{name}.json"))
}
