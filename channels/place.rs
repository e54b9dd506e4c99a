//! Whether two connections can lead to the same account, and where. Pure.

use serde_json::Value;
use url::Url;

use crate::{
    buffer, discord_bot, facebook, hootsuite, instagram, linkedin, slack, sms, telegram, threads, whatsapp,
    x, x_ads,
};

/// The server of an adapter whose settings name none; nothing: they always name one, or a site.
fn usual_server(adapter: &str) -> Option<&'static str> {
    Some(match adapter {
        "buffer" => buffer::SERVER,
        "discord_bot" => discord_bot::SERVER,
        "facebook" => facebook::SERVER,
        "hootsuite" => hootsuite::SERVER,
        "instagram" => instagram::SERVER,
        "linkedin" => linkedin::SERVER,
        "slack" => slack::SERVER,
        "sms" => sms::SERVER,
        "telegram" => telegram::SERVER,
        "threads" => threads::SERVER,
        "whatsapp" => whatsapp::SERVER,
        "x" => x::SERVER,
        "x_ads" => x_ads::SERVER,
        _ => return None,
    })
}

/// The server of a channel: that of its settings, or the usual one of its network.
pub fn server(adapter: &str, settings: &Value) -> Option<Url> {
    let told = named(settings, "server").and_then(|told| Url::parse(&told).ok());
    told.or_else(|| Url::parse(usual_server(adapter)?).ok())
}

/// The settings in one way of writing: an address however people wrote it, no server where it is the usual one, and the
/// name of an account in the letters in which its network compares it. What has another case elsewhere stays as it is:
/// ids of Matrix and Slack, numbers, paths.
pub fn plain(adapter: &str, settings: &Value) -> Value {
    let mut settings = settings.clone();
    let Some(all) = settings.as_object_mut() else { return settings };
    if let Some(server) = all.remove("server") {
        let usual = usual_server(adapter).and_then(whole);
        let told = server.as_str().map(str::trim);
        match told.and_then(whole) {
            Some(server) if Some(&server) == usual.as_ref() => {}
            Some(server) => drop(all.insert("server".to_owned(), server.into())),
            // Nothing is the usual one; what cannot be read is nobody's.
            None if server.is_null() || told == Some("") => {}
            None => drop(all.insert("server".to_owned(), server)),
        }
    }
    for name in NAMES {
        if let Some(told) = named(&settings, name) {
            settings[name] = letters(adapter, name, &told).into();
        }
    }
    settings
}

/// The whole address of a server, written in one way.
fn whole(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|url| url.origin().is_tuple())?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// The settings that name an account, or a chat of Telegram.
const NAMES: [&str; 6] = ["page", "organization", "user", "account", "number", "chat"];

/// The name of an account as its network compares it. Handles of Bluesky are names of the DNS, and a DID keeps its letters
/// (<https://atproto.com/specs/handle>, <https://atproto.com/specs/did>). WordPress looks a login up without regard to
/// case, by the collation of its table. A public name of Telegram has no case
/// (<https://core.telegram.org/method/account.checkUsername>), and its number is none.
fn letters(adapter: &str, name: &str, told: &str) -> String {
    match (adapter, name) {
        ("bluesky", "account") => match told.trim_start_matches('@') {
            did if did.starts_with("did:") => did.to_owned(),
            handle => handle.to_lowercase(),
        },
        ("wordpress", "account") => told.to_lowercase(),
        ("telegram", "chat") if told.starts_with('@') => told.to_lowercase(),
        _ => told.to_owned(),
    }
}

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

/// The setting that names the account by the very number by which the network tells whose a credential is.
fn number_setting(adapter: &str) -> Option<&'static str> {
    match adapter {
        "facebook" => Some("page"),
        "instagram" | "threads" => Some("user"),
        _ => None,
    }
}

/// Whether the settings of an adapter name the account by its number, so that a credential of another one is never the
/// channel's.
pub fn names_account(adapter: &str) -> bool {
    number_setting(adapter).is_some()
}

/// Whether both settings may name one account by two numbers: Instagram Login has one for each app besides the account's
/// own, so one of both is of that login.
pub fn has_two_numbers(adapter: &str, one: &Value, other: &Value) -> bool {
    let is_logins = |settings: &Value| written(adapter, settings) == instagram::LOGIN_SERVER;
    adapter == "instagram" && (is_logins(one) || is_logins(other))
}

/// The number of the account that the settings name so.
pub fn number(adapter: &str, settings: &Value) -> Option<String> {
    named(settings, number_setting(adapter)?)
}

/// A setting as text, however it was written.
fn named(settings: &Value, name: &str) -> Option<String> {
    let value = settings.get(name).filter(|value| !value.is_null())?;
    let text = value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned());
    Some(text).filter(|text| !text.is_empty())
}

/// Whether the settings lead to the same account as far as they say which: to the same server or site, and there to the
/// same page or user. The room, the list and the form of posts are no other account.
pub fn same_account(adapter: &str, one: &Value, other: &Value) -> bool {
    let (one, other) = (plain(adapter, one), plain(adapter, other));
    let account = |settings: &Value| {
        ["page", "organization", "user", "account", "number"].map(|name| named(settings, name))
    };
    account(&one) == account(&other) && written(adapter, &one) == written(adapter, &other)
}

/// The server or site that the settings name, written in one way however people wrote it; empty where it is the usual one.
fn written(adapter: &str, settings: &Value) -> String {
    as_set(&plain(adapter, settings))
}

/// The same, with the server also where it is the usual one and the settings name it: rows of sweeps keep it so.
pub fn as_set(settings: &Value) -> String {
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
        let of = |name: &str, url: &str| written("mastodon", &json!({ name: url }));
        assert_eq!(of("server", " https://Social.example:443/@bank"), "https://social.example");
        assert_eq!(of("url", "https://Bank.example/News/"), "https://bank.example/News");
        assert_ne!(of("url", "https://bank.example/news"), of("url", "https://bank.example/News"));
        assert_eq!(written("x", &json!({})), "");
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
            assert!(same_account("sms", &one, &of(same.clone())), "{same}");
        }
        for other in [
            json!({ "server": "https://two.example" }),
            json!({ "server": null }),
            json!({ "account": "alice.example" }),
            json!({ "page": 7 }),
            json!({ "user": "7" }),
            json!({ "number": "7" }),
        ] {
            assert!(!same_account("sms", &one, &of(other.clone())), "{other}");
        }
        assert!(same_account("facebook", &json!({ "page": "7" }), &json!({ "page": 7 })));
    }

    #[test]
    fn the_usual_server_goes_without_saying() {
        let without_server = |adapter: &crate::Adapter| {
            let is_needed = |s: &crate::Setting| s.name == "server" && s.required;
            let has = |name: &str| adapter.settings.iter().any(|s| s.name == name);
            has("server") && !adapter.settings.iter().any(is_needed)
        };
        let optional: Vec<_> = crate::ALL.iter().filter(|adapter| without_server(adapter)).collect();
        assert!(optional.len() >= 12, "{}", optional.len());
        for adapter in optional {
            let usual = usual_server(adapter.name).unwrap_or_else(|| panic!("{}", adapter.name));
            let (bare, other) = (json!({ "page": 7 }), json!({ "page": 7, "server": "https://two.example" }));
            for written in [usual.to_owned(), format!(" {usual}/"), usual.to_uppercase(), " ".to_owned()] {
                let said = json!({ "page": "7", "server": written });
                assert!(same_account(adapter.name, &bare, &said), "{}: {written}", adapter.name);
                assert_eq!(
                    plain(adapter.name, &bare),
                    plain(adapter.name, &said),
                    "{}: {written}",
                    adapter.name
                );
                assert_eq!(super::written(adapter.name, &said), "", "{}", adapter.name);
                assert!(!same_account(adapter.name, &said, &other), "{}", adapter.name);
            }
        }
        // It is another one's.
        let login = json!({ "server": instagram::LOGIN_SERVER });
        assert!(!same_account("instagram", &json!({}), &login));
        assert!(!same_account("threads", &json!({}), &json!({ "server": facebook::SERVER })));
    }

    #[test]
    fn a_name_is_compared_as_its_network_does() {
        let same = |adapter: &str, name: &str, one: &str, other: &str| {
            plain(adapter, &json!({ name: one })) == plain(adapter, &json!({ name: other }))
        };
        for other in ["@bank.example", "Bank.Example", " @Bank.example "] {
            assert!(same("bluesky", "account", "bank.example", other), "{other}");
            let of = |account: &str| json!({ "server": "https://bsky.social", "account": account });
            assert!(same_account("bluesky", &of("bank.example"), &of(other)), "{other}");
        }
        assert!(!same("bluesky", "account", "did:plc:abc", "did:plc:ABC"));
        assert!(same("wordpress", "account", "Press", "press") && same("telegram", "chat", "@Bank", "@bank"));
        assert!(!same("telegram", "chat", "-1007", "-1008") && !same("telegram", "chat", "@bank", "bank"));
        // Ids that have a case.
        assert!(!same("slack", "channel", "C024BE91L", "c024be91l"));
        assert!(!same("matrix", "room", "!Abc:bank.example", "!abc:bank.example"));
        assert!(!same("sms", "account", "ACab", "acab") && !same("email", "user", "Press", "press"));
        assert_eq!(
            plain("telegram", &json!({ "chat": -1007 })),
            plain("telegram", &json!({ "chat": "-1007" }))
        );
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
