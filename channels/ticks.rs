//! The time by which leases are counted.

use std::sync::Arc;
use std::time::Duration;

/// Time that only goes forward: [`now`], or that of a simulation.
pub type Ticks = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Time since the machine started, also while it slept: a lease must run out in the sleep.
pub fn now() -> Duration {
    #[cfg(target_os = "linux")]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(CLOCK);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}
