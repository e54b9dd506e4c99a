//! Whether two connections lead to the same place. Pure.

use serde_json::Value;
use url::Url;

/// Whether the settings name the same server, and the same page on it. Where one names none, they may.
pub fn same(one: &Value, other: &Value) -> bool {
    let page = |settings: &Value| settings.get("page")?.as_str().map(|page| page.trim().to_owned());
    if let (Some(one), Some(other)) = (page(one), page(other))
        && one != other
    {
        return false;
    }
    let origin = |settings: &Value| {
        let server = settings.get("server").and_then(Value::as_str)?;
        Url::parse(server.trim()).ok().map(|url| url.origin()).filter(url::Origin::is_tuple)
    };
    match (origin(one), origin(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_page_is_another_place() {
        let page = |page: &str| json!({ "page": page });
        assert!(same(&page("1"), &page(" 1")) && same(&page("1"), &json!({})));
        assert!(!same(&page("1"), &page("2")));
    }

    #[test]
    fn a_server_is_the_same_however_it_is_written() {
        let server = |url: &str| json!({ "server": url });
        let one = server("https://social.example");
        for other in ["https://Social.example/", " https://social.example:443/@bank"] {
            assert!(same(&one, &server(other)), "{other}");
        }
        assert!(same(&one, &json!({})) && same(&one, &server("social.example")), "nobody knows");
        for other in ["https://other.example", "https://social.example:8443"] {
            assert!(!same(&one, &server(other)), "{other}");
        }
    }
}
