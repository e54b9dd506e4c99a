//! What was typed into a form.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header;

use super::page::Failed;
use crate::app::AppError;
use crate::domain::nul;
use crate::web::errors::TOO_LARGE;

/// Most bytes of a form.
pub const LIMIT: usize = 1 << 20;
/// Most fields of a form.
const MOST: usize = 20_000;

/// The fields of a form, in their order; a name may come several times.
#[derive(Debug, Clone, Default)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The first value of that name, without blanks around it; empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.trim())
    }

    /// The first value of that name exactly as it was typed: for secrets.
    pub fn raw(&self, name: &str) -> String {
        self.0.iter().find(|(n, _)| n == name).map_or_else(String::new, |(_, v)| v.clone())
    }

    /// The value, when something was typed.
    pub fn some(&self, name: &str) -> Option<String> {
        Some(self.get(name)).filter(|v| !v.is_empty()).map(str::to_owned)
    }

    /// A text as it was typed; browsers send its lines with CR LF.
    pub fn text(&self, name: &str) -> String {
        self.get(name).replace("\r\n", "\n")
    }

    /// Every value of that name.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(n, v)| n == name && !v.trim().is_empty()).map(|(_, v)| v.clone()).collect()
    }

    /// Whether a box of that name is ticked, or a button of that name was pressed.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// Words that are separated by commas.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.get(name).split(',').map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    }
}

/// Reads the form of a request, or the query of its address.
pub async fn read(request: Request) -> Result<Fields, Failed> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if super::upload::is_multipart(&request) {
        return Ok(super::upload::read_parts(request, false).await?.0);
    }
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(AppError::field("form", "send it as the page's own form does").into());
    }
    let bytes = to_bytes(request.into_body(), LIMIT).await;
    parse(&bytes.map_err(|_| AppError::TooLarge(TOO_LARGE.into()))?)
}

/// Reads fields from the query of an address.
pub fn of_query(query: Option<&str>) -> Fields {
    parse(query.unwrap_or_default().as_bytes()).unwrap_or_default()
}

fn parse(bytes: &[u8]) -> Result<Fields, Failed> {
    checked(form_urlencoded::parse(bytes).map(|(n, v)| (n.into_owned(), v.into_owned())))
}

/// Why somebody freezes: nothing is refused for these words, because a freeze does not wait.
const MENDED: &str = "reason";

/// Fields without a character that no database keeps.
pub fn checked(pairs: impl Iterator<Item = (String, String)>) -> Result<Fields, Failed> {
    let mut pairs: Vec<(String, String)> = pairs.take(MOST).collect();
    for (_, reason) in pairs.iter_mut().filter(|(name, _)| name == MENDED) {
        *reason = nul::replaced(reason);
    }
    if pairs.iter().any(|(n, v)| n.contains('\0') || v.contains('\0')) {
        return Err(AppError::field("form", nul::WORDS).into());
    }
    Ok(Fields(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_order_and_repetition() {
        let fields = parse(b"a=1&b=x%0D%0Ay&a=2&c=&l=promo,+spring+").unwrap();
        assert_eq!((fields.get("a"), fields.all("a").len()), ("1", 2));
        assert_eq!(fields.text("b"), "x\ny");
        assert_eq!((fields.some("c"), fields.has("c")), (None, true));
        assert_eq!(fields.list("l"), ["promo", "spring"]);
        assert!(parse(b"a=%00").is_err() && parse(b"reason%00=a").is_err());
        assert_eq!(parse(b"reason=a%00b").unwrap().get("reason"), "a\u{1}b");
    }
}
