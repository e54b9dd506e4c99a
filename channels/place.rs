//! Whether two connections can lead to the same account, and where. Pure.

use serde_json::Value;
use url::Url;

use crate::sms;

/// Whether the settings name the same server or site, and the same page, channel or account there. Where one
/// names none, they may.
pub fn same(one: &Value, other: &Value) -> bool {
    let origin = |settings: &Value| {
        let server = settings.get("server").and_then(Value::as_str)?;
        Url::parse(server.trim()).ok().map(|url| url.origin()).filter(url::Origin::is_tuple)
    };
    let page = |settings: &Value| {
        let page = ["page", "organization", "channel", "user"].iter().find_map(|name| settings.get(*name))?;
        Some(page.as_str().map_or_else(|| page.to_string(), |text| text.trim().to_owned()))
    };
    if matches!((page(one), page(other)), (Some(one), Some(other)) if one != other) {
        return false;
    }
    let account = |settings: &Value| {
        let account = settings.get("account")?.as_str()?.trim().to_owned();
        Some(account).filter(|account| sms::is_account(account))
    };
    if matches!((account(one), account(other)), (Some(one), Some(other)) if one != other) {
        return false;
    }
    // A site can be a folder of its server.
    let site = |settings: &Value| {
        let url = Url::parse(settings.get("url").and_then(Value::as_str)?.trim()).ok()?;
        Some((url.origin().ascii_serialization(), url.path().trim_end_matches('/').to_owned()))
    };
    if matches!((site(one), site(other)), (Some(one), Some(other)) if one != other) {
        return false;
    }
    match (origin(one), origin(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// The server or site that the settings name, written in one way however people wrote it; empty where they
/// name none.
pub fn written(settings: &Value) -> String {
    let named = |name: &str| Url::parse(settings.get(name)?.as_str()?.trim()).ok();
    let server = named("server").map(|url| url.origin().ascii_serialization());
    let site = || named("url").map(|u| u.origin().ascii_serialization() + u.path().trim_end_matches('/'));
    server.or_else(site).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_site_is_another_place() {
        let site = |url: &str| json!({ "url": url });
        let one = site("https://bank.example/news");
        assert!(same(&one, &site(" https://Bank.example:443/news/")) && same(&one, &json!({})));
        for other in ["https://bank.example", "https://bank.example/news2", "https://old.example/news"] {
            assert!(!same(&one, &site(other)), "{other}");
        }
    }

    #[test]
    fn a_place_is_written_in_one_way() {
        let of = |name: &str, url: &str| written(&json!({ name: url }));
        assert_eq!(of("server", " https://Social.example:443/@bank"), "https://social.example");
        assert_eq!(of("url", "https://Bank.example/News/"), "https://bank.example/News");
        assert_ne!(of("url", "https://bank.example/news"), of("url", "https://bank.example/News"));
        assert_eq!(written(&json!({})), "");
    }

    #[test]
    fn another_page_is_another_place() {
        let page = |page: &str| json!({ "page": page });
        assert!(same(&page("1"), &page(" 1")) && same(&page("1"), &json!({})));
        assert!(!same(&page("1"), &page("2")));
        assert!(!same(&json!({ "user": "1" }), &json!({ "user": "2" })));
        let channel = |id: &str| json!({ "channel": id });
        assert!(same(&channel("1"), &channel("1")) && !same(&channel("1"), &channel("2")));
    }

    #[test]
    fn another_account_for_text_messages_is_another_place() {
        let account = |digit: &str| json!({ "account": format!("AC{}", digit.repeat(32)) });
        assert!(same(&account("1"), &account("1")) && !same(&account("1"), &account("2")));
        // A name on a site is no account of its own.
        assert!(same(&json!({ "account": "press" }), &json!({ "account": "desk" })));
    }

    #[test]
    fn a_server_is_the_same_however_it_is_written() {
        let server = |url: &str| json!({ "server": url });
        let one = server("https://social.example");
        for other in ["https://Social.example/", " https://social.example:443/@bank"] {
            assert!(same(&one, &server(other)), "{other}");
        }
        assert!(same(&one, &json!({})) && same(&one, &server("social.example")), "nobody knows");
        let page = |number: Value| json!({ "organization": number });
        assert!(same(&page("4711".into()), &page(4711.into())) && same(&page("4711".into()), &json!({})));
        assert!(!same(&page("4711".into()), &page("4712".into())), "another page");
        for other in ["https://other.example", "https://social.example:8443"] {
            assert!(!same(&one, &server(other)), "{other}");
        }
    }
}
