//! The real sender, application and store, the real HTTP client and an adapter, on simulated time, chance and network:
//! one seed decides everything, and plays the same again.
//!
//! [`stage`] has what all seeds share, [`plan`] what happens in a seed, [`world`] the nodes and the scheduler, [`tasks`]
//! the executor, [`network`] and [`people`] who is around them; [`facts`] reads what a seed left, [`checks`] judges it,
//! [`situations`] counts what was met. What is simulated and what is not stands in `ARCHITECTURE.md`.

/// The chance that a seed gives.
pub mod chance;
/// The invariants.
pub mod checks;
/// The files of a node whose process is gone.
mod disks;
/// What a seed left.
pub mod facts;
/// Timelines, and the fate of each request.
pub mod network;
/// What people do.
pub mod people;
/// What happens, and when.
pub mod plan;
/// Faults that must be found.
pub mod planted;
/// One processor for one simulation.
mod processor;
/// One seed.
pub mod seed;
/// What the checks say.
pub mod sentences;
/// What must be seen to happen.
pub mod situations;
/// What seeds share.
pub mod stage;
/// The start of a node.
mod starting;
/// The executor.
pub mod tasks;
/// The housekeeping of a node.
mod ticks;
/// What nodes hear of each other.
mod words;
/// Nodes and the scheduler.
pub mod world;
