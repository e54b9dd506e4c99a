//! A model of the freeze, the gate, outcomes and the return: three nodes, up to two routine posts and a crisis
//! update, and a checker that walks every state within the bounds of each scenario.
//!
//! [`state`] has what is where, [`actions`] each step with the function that it stands for, [`rules`] what can be taken
//! out and what is taken for granted, [`properties`] what must hold and what must be met, [`scenarios`] the bounds.
//! Time is an order here: a lease runs out before others call the node silent, and what it has begun ends before they
//! call it gone. What is not in the model stands in `ARCHITECTURE.md`.

/// Every step.
pub mod actions;
/// How often each thing may happen.
pub mod bounds;
/// Crashes, cuts, restores and clones.
pub mod faults;
/// The gate of a node.
pub mod keeper;
/// What the checker walks.
pub mod model;
/// People, and reading back.
pub mod people;
/// What must hold, and what must be met.
pub mod properties;
/// Deliveries in the database.
pub mod queue;
/// What can be taken out, and what is taken for granted.
pub mod rules;
/// The bounds of each run.
pub mod scenarios;
/// Attempts and networks.
pub mod sending;
/// What is where.
pub mod state;
mod symmetry;
