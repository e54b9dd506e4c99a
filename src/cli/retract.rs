//! `holdline retract`.

use serde_json::json;

use super::End;
use super::api::Api;
use super::call::Show;

/// Takes one delivery down, or every copy of a post.
pub(super) async fn run(
    api: &Api,
    show: Show<'_>,
    delivery: Option<String>,
    post: Option<String>,
    comment: &str,
) -> anyhow::Result<End> {
    let comment = json!({ "comment": comment });
    if let Some(post) = post {
        let copies = api.post(&format!("/posts/{post}/retract"), &comment).await?;
        show(&copies, &["channel_name", "gone", "reason"]);
        let all = copies.as_array().is_some_and(|all| all.iter().all(|copy| copy["gone"] == true));
        return Ok(End::all(all));
    }
    let delivery = delivery.unwrap_or_default();
    let value = api.post(&format!("/deliveries/{delivery}/retract"), &comment).await?;
    show(&value, &["result", "reason"]);
    Ok(End::all(value["result"] == "gone"))
}
