//! Holdline: freezes scheduled posts when an incident begins, publishes approved crisis updates,
//! and proves both.
//!
//! The modules in reading order:

/// One function per verb.
pub mod app;
/// The audit log as a folder that anybody can verify offline.
pub mod audit_export;
/// The command line.
pub mod cli;
/// Time and ids.
pub mod clock;
/// Configuration.
pub mod config;
/// The words and rules, pure.
pub mod domain;
/// The whole main job, rehearsed on sandbox channels.
pub mod drill;
/// Local timelines with switchable faults, for drills and tests.
pub mod sandbox;
/// One running node.
pub mod service;
/// SQL only.
pub mod store;
/// The API, the public page, and what operations need.
pub mod web;
/// The sender: the only part that publishes.
pub mod worker;
