//! Access of channels at their networks, which people grant there: given, renewed, ended.

mod beside;
/// A person grants a channel access at its network.
pub mod connecting;
pub(super) mod ends;
mod granting;
/// Access that people granted to channels.
pub mod grants;
/// Apps of ours at the networks.
pub mod oauth_apps;
/// Credentials that were seen to be another account's.
mod of_others;
/// A channel that leads to another account than before.
pub mod other_account;
/// A credential that an administrator calls the channel's own.
pub mod own_credential;
/// New tokens in the place of those that expire soon.
pub mod renewals;
/// The end of access.
pub mod revoking;
pub(super) mod same_account;
