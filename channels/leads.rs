//! What is said of private settings in their place.

use crate::{hash, sms};

/// Where something private leads, or how many addresses it has, and a digest that tells two apart.
pub(crate) fn leads(text: &str) -> String {
    let digest = format!("(sha256 {})", &hash(text.as_bytes())[..12]);
    let origin = url::Url::parse(text).map(|url| url.origin());
    if let Some(origin) = origin.ok().filter(url::Origin::is_tuple) {
        return format!("{}/… {digest}", origin.ascii_serialization());
    }
    let numbers =
        text.split([',', ';', '\n']).filter(|entry| sms::is_number(&entry.replace(' ', ""))).count();
    match (text.matches('@').count(), numbers) {
        (0, 0) => digest,
        (0, 1) => format!("1 number {digest}"),
        (0, n) => format!("{n} numbers {digest}"),
        (1, _) => format!("1 address {digest}"),
        (n, _) => format!("{n} addresses {digest}"),
    }
}
