//! Programs of others that tests run.

use std::path::PathBuf;

/// The folder into which `tests/peers` installs them: `PEER_HOME`, or one in the home.
pub fn programs() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = || set("HOME").unwrap_or_else(|| "/var/tmp".into());
    set("PEER_HOME").unwrap_or_else(|| home().join(".cache/holdline-peers"))
}
