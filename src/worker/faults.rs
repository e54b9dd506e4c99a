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

/// Arms the points that the environment names: at `HOLDLINE_KILL_AT=point:count` the process kills itself
/// with SIGKILL when it passes the point for the count-th time, at `HOLDLINE_PANIC_AT` what passes it panics.
#[cfg(feature = "failpoints")]
pub fn arm() {
    arm_with("HOLDLINE_KILL_AT", || {
        let id = std::process::id().to_string();
        let _ = std::process::Command::new("kill").args(["-9", &id]).status();
        loop {
            std::thread::park();
        }
    });
    arm_with("HOLDLINE_PANIC_AT", || panic!("at a fault point"));
}

#[cfg(feature = "failpoints")]
fn arm_with(variable: &str, act: fn()) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let Ok(wanted) = std::env::var(variable) else { return };
    let (name, count) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    let count: usize = count.parse().unwrap_or(1);
    let passed = AtomicUsize::new(0);
    let pass = move || {
        if passed.fetch_add(1, Ordering::SeqCst) + 1 == count {
            act();
        }
    };
    if let Err(e) = fail::cfg_callback(name, pass) {
        tracing::error!(point = name, error = e, "cannot arm the fault point");
    }
}

/// Nothing to arm in this build.
#[cfg(not(feature = "failpoints"))]
pub fn arm() {}
