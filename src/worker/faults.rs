//! Fault points: places where the tests kill or pause the process. They are compiled in with the
//! feature `failpoints` only; a release build contains none of them.

/// Passes a fault point of that name.
#[cfg(feature = "failpoints")]
pub fn point(name: &str) {
    fail::eval(name, |_| ());
}

/// Passes a fault point of that name: nothing, in this build.
#[cfg(not(feature = "failpoints"))]
pub fn point(_: &str) {}

/// Arms the point that `HOLDLINE_KILL_AT=point:count` names: the process kills itself with SIGKILL
/// when it passes the point for the count-th time.
#[cfg(feature = "failpoints")]
pub fn arm() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let Ok(wanted) = std::env::var("HOLDLINE_KILL_AT") else { return };
    let (name, count) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    let count: usize = count.parse().unwrap_or(1);
    let passed = AtomicUsize::new(0);
    let kill = move || {
        if passed.fetch_add(1, Ordering::SeqCst) + 1 == count {
            let id = std::process::id().to_string();
            let _ = std::process::Command::new("kill").args(["-9", &id]).status();
            loop {
                std::thread::park();
            }
        }
    };
    if let Err(e) = fail::cfg_callback(name, kill) {
        tracing::error!(point = name, error = e, "cannot arm the fault point");
    }
}

/// Nothing to arm in this build.
#[cfg(not(feature = "failpoints"))]
pub fn arm() {}
