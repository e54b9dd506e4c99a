//! One processor for one simulation.

/// Keeps this thread, and those that it starts, to one of the processors that it may use; each thread to the next one.
/// A simulation and its database take turns, thousands of times in a seed: on two processors each turn wakes a sleeping
/// one, and what that costs is most of the time of a seed. Where it cannot be done, seeds play as well, and slower.
#[cfg(target_os = "linux")]
pub fn keep_to_one() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let Ok(may) = sched_getaffinity(None) else { return };
    let ours: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|at| may.is_set(*at)).collect();
    let Some(one) = ours.get(NEXT.fetch_add(1, Ordering::Relaxed) % ours.len().max(1)) else { return };
    let mut only = CpuSet::new();
    only.set(*one);
    sched_setaffinity(None, &only).ok();
}

/// Elsewhere nothing tells a thread where to run.
#[cfg(not(target_os = "linux"))]
pub fn keep_to_one() {}
