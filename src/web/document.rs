//! What the OpenAPI document says of every route alike.

use serde_json::{Value, json};

/// What takes no token: whoever calls these has none yet, or is a network, which signs what it says.
const OPEN: [&str; 3] = ["/api/v1/setup", "/api/v1/join", "/api/v1/reports/"];

/// Adds who may call, what an error looks like, and a name for each operation that is its own.
pub fn complete(mut document: Value) -> Value {
    document["components"]["securitySchemes"] = json!({"token": {"type": "http", "scheme": "bearer"}});
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, operation) in paths.flat_map(|(p, item)| {
        item.as_object_mut().into_iter().flatten().map(move |(_, operation)| (p.clone(), operation))
    }) {
        let own = operation["operationId"].as_str().unwrap_or_default();
        let name = format!("{}_{own}", operation["tags"][0].as_str().unwrap_or("api"));
        operation["operationId"] = name.into();
        operation["responses"]["default"] = json!({
            "description": "What is wrong, and what to do",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        });
        if !OPEN.iter().any(|open| path.starts_with(open)) {
            operation["security"] = json!([{ "token": [] }]);
        }
    }
    document
}
