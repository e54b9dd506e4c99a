//! Holdline: freezes scheduled posts when an incident begins, publishes approved crisis updates,
//! and proves both.
//!
//! The modules in reading order:

/// One function per verb.
pub mod app;
/// Time and ids.
pub mod clock;
/// The words and rules, pure.
pub mod domain;
/// Local timelines with switchable faults, for drills and tests.
pub mod sandbox;
/// SQL only.
pub mod store;
/// The API, the public page, and what operations need.
pub mod web;
/// The sender: the only part that publishes.
pub mod worker;
