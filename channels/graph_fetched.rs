//! Pictures that a network fetches from this service: whether it can, and what no error may show of them. Pure.

use serde_json::Value;
use url::Url;

use crate::{Failure, address, place};

/// So many characters of an address's secret may be shown: nobody guesses the others.
const LEAST_SECRET: usize = 7;

/// Whether pictures at our own address can be fetched from that server: from the internet only where it is public. A
/// server without TLS is a test's, on an allowed private network.
pub(crate) fn can_fetch(own: &Url, server: &Url) -> bool {
    own.host().is_some() && server.scheme() == "http" || is_public(own)
}

/// Whether our own address is reached from the internet: by TLS only, and at no private address.
fn is_public(own: &Url) -> bool {
    let literal = match own.host() {
        Some(url::Host::Ipv4(v4)) => Some(v4.into()),
        Some(url::Host::Ipv6(v6)) => Some(v6.into()),
        Some(url::Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            let is_local = name == "localhost" || name.ends_with(".localhost") || !name.contains('.');
            return own.scheme() == "https" && !is_local;
        }
        None => return false,
    };
    own.scheme() == "https" && literal.is_some_and(address::is_public)
}

/// Why a post with pictures cannot go to a channel: its network fetches them, and our own address is not reached there.
pub const UNREACHED: &str = "the network fetches pictures from this service, whose address (public_url) is not reached \
     from the internet; set public_url to an https address, or leave the pictures out";

/// Whether pictures cannot go to a channel of these settings, because its network would fetch them from our own address.
pub fn is_unreached(adapter: &str, settings: &Value, own: &str) -> bool {
    if !crate::adapter(adapter).is_some_and(|adapter| adapter.capabilities.fetches) {
        return false;
    }
    // Where the settings lead to no server, whoever looks at the post fetches them.
    let server = place::server(adapter, settings);
    let reaches =
        |own: Url| server.as_ref().map_or_else(|| is_public(&own), |server| can_fetch(&own, server));
    !Url::parse(own).is_ok_and(reaches)
}

/// The failure without what is secret in the addresses of the pictures, which Meta may repeat: whoever has one
/// can fetch the picture for a while. A part is covered too, because long words are cut.
pub(crate) fn without_addresses(failure: Failure, urls: &[String]) -> Failure {
    let secrets = urls.iter().filter_map(|url| url.rsplit('/').next()).filter(|last| !last.is_empty());
    let cover = |reason: String, secret: &str| {
        let parts = (LEAST_SECRET..=secret.len()).rev().filter_map(|length| secret.get(..length));
        let part = parts.into_iter().find(|part| reason.contains(part));
        part.map_or_else(|| reason.clone(), |part| reason.replace(part, "…"))
    };
    failure.reworded(|reason| secrets.fold(reason, cover))
}

#[cfg(test)]
#[path = "graph_pictures_server.rs"]
pub(crate) mod illustrated;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_fetched_from_public_addresses_only() {
        let own = |url: &str| Url::parse(url).unwrap();
        let meta = own("https://graph.facebook.com");
        for reached in
            ["https://status.bank.example", "https://8.8.8.8/", "https://bank.example:8443/holdline"]
        {
            assert!(can_fetch(&own(reached), &meta), "{reached}");
        }
        for not in [
            "http://status.bank.example",
            "https://localhost:8740",
            "https://holdline",
            "https://a.localhost",
            "https://10.1.2.3",
            "https://127.0.0.1",
            "https://[::1]/",
            "http://127.0.0.1:8740",
        ] {
            assert!(!can_fetch(&own(not), &meta), "{not}");
        }
        assert!(can_fetch(&own("http://127.0.0.1:8740"), &own("http://127.0.0.1:1")), "a test's server");
        let none = serde_json::json!({});
        for adapter in ["threads", "instagram", "teams"] {
            assert!(!is_unreached(adapter, &none, "https://status.bank.example"), "{adapter}");
            for not in ["http://status.bank.example", "https://10.1.2.3", "http://127.0.0.1:8740", ""] {
                assert!(is_unreached(adapter, &none, not), "{adapter}: {not}");
            }
            if adapter == "teams" {
                continue;
            }
            let near = serde_json::json!({ "server": "http://127.0.0.1:1" });
            assert!(!is_unreached(adapter, &near, "http://127.0.0.1:8740"), "{adapter}");
        }
        assert!(!is_unreached("mastodon", &none, "http://127.0.0.1:8740"), "it is given the pictures");
    }
}
