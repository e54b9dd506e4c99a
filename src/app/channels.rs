//! Later.
pub struct HealthView;
