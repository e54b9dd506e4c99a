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

/// The number of the account that the settings name, where the network tells whose a credential is by that very number.
/// A credential of another account than this is never the channel's.
pub fn number(adapter: &str, settings: &Value) -> Option<String> {
    let name = match adapter {
        "facebook" => "page",
        "threads" => "user",
        _ => return None,
    };
    named(settings, name)
}

/// A setting as text, however it was written.
fn named(settings: &Value, name: &str) -> Option<String> {
    let value = settings.get(name).filter(|value| !value.is_null())?;
    let text = value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned());
    Some(text).filter(|text| !text.is_empty())
}

/// Whether the settings lead to the same account as far as they say which: to the same server or site, and there to the
/// same page or user. The room, the list and the form of posts are no other account.
pub fn same_account(one: &Value, other: &Value) -> bool {
    let account = |settings: &Value| {
        ["page", "organization", "user", "account", "number"].map(|name| named(settings, name))
    };
    account(one) == account(other) && written(one) == written(other)
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
    fn a_room_or_a_warning_is_no_other_account() {
        let of = |more: Value| {
            let mut settings = json!({ "server": "https://one.example", "account": "bank.example" });
            settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            settings
        };
        let one = of(json!({}));
        for same in [
            json!({ "channel": "C7" }),
            json!({ "chat": -7 }),
            json!({ "warning": "Bank" }),
            json!({ "server": "https://One.example/" }),
            json!({ "account": " bank.example " }),
        ] {
            assert!(same_account(&one, &of(same.clone())), "{same}");
        }
        for other in [
            json!({ "server": "https://two.example" }),
            json!({ "server": null }),
            json!({ "account": "alice.example" }),
            json!({ "page": 7 }),
            json!({ "user": "7" }),
            json!({ "number": "7" }),
        ] {
            assert!(!same_account(&one, &of(other.clone())), "{other}");
        }
        assert!(same_account(&json!({ "page": "7" }), &json!({ "page": 7 })));
    }

    #[test]
    fn some_settings_name_the_number_of_the_account() {
        assert_eq!(number("facebook", &json!({ "page": 4711 })).as_deref(), Some("4711"));
        assert_eq!(number("threads", &json!({ "user": " 7 " })).as_deref(), Some("7"));
        assert_eq!(
            (number("threads", &json!({ "page": 7 })), number("x", &json!({ "user": 7 }))),
            (None, None)
        );
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
