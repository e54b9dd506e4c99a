//! Posts that a hold has to delete, and that are made again from their snapshots: what all such schedules share.
//! Pure.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::scheduler::{GONE, Scheduled, is_then};

/// The mark of what we deleted.
pub(crate) const CANCELLED: &str = "cancelled";

/// Said of what a hold deleted.
pub(crate) const ANEW: &str = "it was cancelled in the network, and is made again when it is put back";
/// Said of what is not there after a request to delete it whose answer was lost.
pub(crate) const SOMEHOW: &str = "it is not in the network any more: it was cancelled, by Holdline or by somebody else, or it is published; look at the account before you put it back";
/// Said of what is not there.
pub(crate) const NOT_THERE: &str =
    "the server has it no more: it is published, or somebody has cancelled it; look at the account";
/// Said of what is there after it was deleted.
pub(crate) const STILL_THERE: &str = "the server still shows what it has cancelled";
/// Said when what would be made again is there, and not for the time that is asked for.
pub(crate) const LIKE_IT: &str = "the account has one like it on its schedule already, at another time; if that is another post, schedule this one there by hand";

/// Most names of what does not come back.
const NAMED: usize = 10;

/// Whether a post with this mark has to be made again.
pub(crate) fn is_made_again(mark: &str) -> bool {
    matches!(mark, CANCELLED | GONE)
}

/// The first of them that is to go out at that time.
pub(crate) fn first_at(items: &[Scheduled], at: DateTime<Utc>) -> Option<String> {
    items.iter().find(|item| is_then(item.due, at)).map(|item| item.remote_id.clone())
}

/// Whether a field holds nothing.
pub(crate) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(_) | Value::Bool(true) => false,
    }
}

/// What cannot be made again of a post, as a sentence.
pub(crate) fn not_made_again(besides: &Value) -> Option<String> {
    let fields = besides.as_object().filter(|fields| !fields.is_empty())?;
    let plain = |name: &&String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let names: Vec<_> = fields.keys().filter(plain).take(NAMED).map(String::as_str).collect();
    Some(format!("not all of it can be made again: {}", names.join(", ")))
}
