//! What the pages load: one style sheet and one script, inside the binary.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// One file. Its address holds a part of its hash, so that browsers may keep it for ever.
pub struct Asset {
    /// The name in the address.
    pub name: String,
    kind: &'static str,
    text: &'static str,
}

/// All files that the pages name.
pub struct Assets {
    pub style: Asset,
    pub script: Asset,
}

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// htmx 4.0.1 and its SSE extension, from the npm package htmx.org (the licence is beside them), and what
/// the pages do by themselves. They are one file: htmx looks at the page as soon as it can, and an
/// extension that came a moment later, over a slow line, would not be asked, and nothing be live.
const SCRIPTS: &str = concat!(
    include_str!("assets/vendor/htmx-4.0.1/htmx.min.js"),
    "\n;",
    include_str!("assets/vendor/htmx-4.0.1/hx-sse.min.js"),
    "\n;",
    include_str!("assets/live.js"),
);

/// The files, with their addresses.
pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: asset("console", "css", STYLE, include_str!("assets/console.css")),
    script: asset("console", "js", SCRIPT, SCRIPTS),
});

fn asset(name: &str, ending: &str, kind: &'static str, text: &'static str) -> Asset {
    let hash = ::channels::hash(text.as_bytes());
    Asset { name: format!("{name}-{}.{ending}", &hash[..12]), kind, text }
}

/// Serves a file, to anybody.
pub async fn serve(Path(name): Path<String>) -> Response {
    let a = &*ASSETS;
    let Some(a) = [&a.style, &a.script].into_iter().find(|a| a.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers =
        [(header::CONTENT_TYPE, a.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, a.text).into_response()
}
