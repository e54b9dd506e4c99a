//! What Meta's APIs for tests share: lists with short pages.

use serde_json::{Value, json};

use crate::strict::{Asked, Said, good};

/// A page of these posts, short so that turning them is tested. The address of the next one is hostile.
pub(crate) fn page(posts: &[Value], asked: &Asked, token: &str) -> Said {
    let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
    // Fields of a field are in braces: what hangs on a post is shown whole.
    let mut depth = 0;
    let fields = query("fields").split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let fields: Vec<&str> = fields.map(|name| name.split('{').next().unwrap_or_default()).collect();
    let from: usize = query("after").parse().unwrap_or(0);
    let page = posts.iter().skip(from).take(2).map(|post| {
        let shown = fields.iter().map(|name| ((*name).to_owned(), post[*name].clone()));
        Value::Object(shown.collect())
    });
    let page: Vec<Value> = page.collect();
    let after = from + page.len();
    let mut paging = json!({ "cursors": { "after": after.to_string() } });
    if after < posts.len() {
        paging["next"] = format!("https://evil.example/?access_token={token}").into();
    }
    good(json!({ "data": page, "paging": paging }))
}
