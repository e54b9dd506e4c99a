//! `holdline pin`.

use serde_json::json;

use super::End;
use super::api::Api;
use super::call::Show;

/// Keeps a post at the top wherever it is out, or lets it go.
pub(super) async fn run(api: &Api, show: Show<'_>, post: &str, pinned: bool) -> anyhow::Result<End> {
    let copies = api.post(&format!("/posts/{post}/pins"), &json!({"pinned": pinned})).await?;
    show(&copies, &["channel_name", "pinned_at", "reason"]);
    let all = copies.as_array().is_some_and(|all| all.iter().all(|copy| copy["reason"].is_null()));
    Ok(End::all(all))
}
