//! The only HTTP client.

/// The shared client.
#[derive(Debug)]
pub struct Http;
