//! What other settings of a channel would lose.

use ::channels::place;
use serde_json::Value;

use super::channels::ChannelView;
use super::{AppError, Result};
use crate::store::Tx;

const UNDER_WAY: &str = "posts on this channel are being sent or are in doubt; they would be read back from another \
    place: wait, or settle them (`holdline held list --state in_doubt`), and change the settings then";

const OUT: &str = "posts of this channel are out, and with these settings it could not be told whether they are \
    taken down: connect another channel with them, and disable this one";

/// Whether settings name another place, in whatever letters. How often somebody looks at the account names none.
pub(super) fn moves(adapter: &str, before: &Value, to: &Value) -> bool {
    let place = |settings: &Value| {
        let mut settings = place::plain(adapter, settings);
        if let Some(all) = settings.as_object_mut() {
            all.remove("watch");
        }
        settings
    };
    place(before) != place(to)
}

/// Whether the channel can lead elsewhere now.
pub(super) async fn may_move(tx: &mut Tx, before: &ChannelView, to: &Value) -> Result<()> {
    if tx.under_way_on(&before.id).await? > 0 {
        return Err(AppError::Conflict(UNDER_WAY.into()));
    }
    if loses_posts(&before.adapter, &before.settings, to) && tx.has_accepted_on(&before.id).await? {
        return Err(AppError::Conflict(OUT.into()));
    }
    Ok(())
}

/// Whether posts that are out would not be seen with other settings: these servers and sites say the same of
/// a post that is gone, and that is another's; Mastodon's also of one that only followers see.
fn loses_posts(adapter: &str, before: &Value, after: &Value) -> bool {
    let (before, after) = (&place::plain(adapter, before), &place::plain(adapter, after));
    let hides = |settings: &Value| settings["visibility"].as_str().is_some_and(|v| v.trim() == "private");
    let server = |settings: &Value| settings["server"].as_str().map(|s| s.trim().to_owned());
    let moves = server(before) != server(after) && (server(before).is_none() || server(after).is_none());
    match adapter {
        "mastodon" => !place::same(before, after) || hides(before) && !hides(after),
        // Without a server it is the network's own.
        "facebook" | "instagram" | "linkedin" | "threads" | "x" => moves || !place::same(before, after),
        // The ids of its messages are the account's.
        "sms" => moves || !place::same(before, after) || before["account"] != after["account"],
        "ghost" | "wordpress" => !place::same(before, after),
        // A receipt names its channel, so that one may be another.
        "discord_bot" => {
            let at = |settings: &Value| serde_json::json!({ "server": server(settings) });
            moves || !place::same(&at(before), &at(after))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::loses_posts;

    #[test]
    fn another_server_does_not_see_the_posts_that_are_out() {
        let (own, one) = (json!({}), json!({ "server": "https://one.example" }));
        let other = json!({ "server": "https://two.example", "organization": 7 });
        for adapter in ["x", "linkedin", "instagram"] {
            for (before, after) in [(&own, &one), (&one, &own), (&one, &other)] {
                assert!(loses_posts(adapter, before, after), "{adapter}: {before} to {after}");
            }
            assert!(!loses_posts(adapter, &one, &json!({ "server": "https://one.example/" })));
            assert!(!loses_posts(adapter, &own, &own));
        }
        let account = |sid: &str| json!({ "account": sid, "to": "+41790000001" });
        assert!(loses_posts("sms", &account("AC1"), &account("AC2")) && loses_posts("sms", &own, &one));
        assert!(!loses_posts("sms", &account("AC1"), &json!({ "account": "AC1", "to": "+41790000002" })));
        let site = |url: &str| json!({ "url": url, "account": "press" });
        for adapter in ["ghost", "wordpress"] {
            let at = |url: &str| loses_posts(adapter, &site("https://one.example/blog"), &site(url));
            assert!(
                at("https://two.example/blog") && at("https://one.example") && at("http://one.example/blog")
            );
            assert!(!at("https://one.example/blog/"), "{adapter}");
        }
        assert!(!loses_posts("webhook", &site("https://one.example"), &site("https://two.example")));
        let written_out = json!({ "page": "7", "server": "https://graph.facebook.com/" });
        assert!(!loses_posts("facebook", &json!({ "page": 7 }), &written_out), "it is the usual one");
        assert!(loses_posts(
            "facebook",
            &json!({ "page": 7 }),
            &json!({ "page": 7, "server": "https://one.example" })
        ));
        let channel = |id: &str| json!({ "server": "https://one.example", "channel": id });
        assert!(!loses_posts("discord_bot", &channel("6"), &channel("7")));
        assert!(loses_posts("discord_bot", &channel("6"), &json!({ "channel": "6" })));
        assert!(loses_posts("discord_bot", &channel("6"), &other));
        assert!(!loses_posts("mastodon", &one, &json!({ "server": "https://one.example/" })));
        assert!(loses_posts("mastodon", &one, &other) && !loses_posts("bluesky", &one, &other));
    }
}
