//! The one integration binary. Every test of the core runs on SQLite and on PostgreSQL.

mod flow;
mod support;
