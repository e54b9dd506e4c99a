//! The one integration binary. Every test of the core runs on SQLite and on PostgreSQL.

mod api;
mod approvals;
mod audit_forms;
mod audit_tamper;
mod begun;
mod browser;
mod channel_settings;
mod claims;
mod commands;
mod console;
mod deploy;
mod drill;
mod edits;
mod flow;
mod housekeeping;
mod imports;
mod incidents;
#[cfg(feature = "failpoints")]
mod kill;
mod nodes;
mod notices;
mod people;
mod public_page;
mod real_channels;
mod recover;
mod repeats;
mod returns;
mod roles;
mod settling;
mod signal_cards;
mod signals;
mod slow_channels;
mod support;
mod tidy;
mod two_nodes;
