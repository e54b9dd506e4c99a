//! What may change in a connected channel, and who sees its settings.

use holdline::app::audit::{self, AuditFilter};
use holdline::app::permits::{self, Rooms};
use holdline::app::sending::{self, Outcome};
use holdline::app::{AppError, channels, watches};
use serde_json::{Value, json};

use crate::on_both;

on_both! {
    async fn other_settings_need_the_credential_again(bench) {
        let mut bench = bench;
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZI";
        let url = "https://hooks.example.org/in/geheim";
        bench.connect_with("hook", "webhook", json!({"url": url}), Some(secret)).await;
        let id = bench.channels.last().unwrap().clone();
        let edit = |edit: Value| {
            let (app, by, id) = (&bench.app, &bench.administrator, &id);
            async move { channels::edit(app, by, id, None, serde_json::from_value(edit).unwrap()).await }
        };
        let elsewhere = json!({"url": "https://elsewhere.example.net/"});
        let refused = edit(json!({"settings": elsewhere})).await;
        let Err(AppError::Invalid(problems)) = refused else { panic!("not refused: {refused:?}") };
        assert_eq!(problems[0].field, "credential");
        edit(json!({"settings": {"url": url}, "name": "hook again"})).await.expect("the settings are the same");
        edit(json!({"settings": elsewhere, "credential": secret})).await.unwrap();
        let log = AuditFilter { verb: Some("channel.changed".into()), limit: 5, ..AuditFilter::default() };
        let log = audit::list(&bench.app, &bench.administrator, &log).await.unwrap();
        let replaced: Vec<_> = log.iter().map(|e| serde_json::to_value(e).unwrap()["entry"]["after"]
            ["credential_replaced"].clone()).collect();
        assert!(replaced.contains(&json!(true)) && replaced.contains(&Value::Null), "{replaced:?}");
    }

    async fn the_same_place_in_other_words_needs_no_credential_and_loses_nothing(bench) {
        let mut bench = bench;
        bench.connect_with("page", "facebook", json!({"page": 7}), Some("EAAbank")).await;
        let id = bench.channels.last().unwrap().clone();
        let known = json!({"ready": true, "detail": "d", "facts": {"account": "Bank (7)", "account_id": "7"}});
        bench.meddle(&[
            &format!("update channels set other_account = 'Alice (8)', other_account_id = '8', checked_at = 1,
                health = '{known}' where id = '{id}'"),
            &format!("insert into watches (channel_id, account, shown, since, looked_at, whole)
                values ('{id}', 'facebook 7', 'Bank', 1, 2, true)").replace("true", if bench.url().is_some() { "true" } else { "1" }),
        ]).await;
        let (app, by) = (&bench.app, &bench.administrator);
        let edit = async |edit: Value| channels::edit(app, by, &id, None, serde_json::from_value(edit).unwrap()).await;
        let account = |c: &channels::ChannelView| c.health.as_ref().and_then(|h| h.facts.account.clone());
        for settings in [
            json!({"page": "7", "server": "https://graph.facebook.com"}),
            json!({"page": " 7 ", "server": "https://Graph.Facebook.com:443/"}),
            json!({"page": 7, "server": ""}),
        ] {
            let same = edit(json!({"settings": settings})).await.unwrap();
            assert_eq!((same.other_account.as_deref(), account(&same).as_deref()), (Some("Alice (8)"), Some("Bank (7)")));
            let (watch, _) = watches::of_channel(app, by, &id).await.unwrap().expect("it goes on");
            assert!(watch.looked_at.is_some(), "{settings}");
        }
        let refused = edit(json!({"settings": {"page": 7, "server": "https://elsewhere.example"}})).await;
        assert!(matches!(&refused, Err(AppError::Invalid(problems)) if problems[0].field == "credential"), "{refused:?}");
        // A new credential for the same place takes no mark back; for another place it does.
        let settings = json!({"page": "7", "server": "https://graph.facebook.com"});
        let same = edit(json!({"settings": settings, "credential": "EAAother"})).await.unwrap();
        assert_eq!(same.other_account.as_deref(), Some("Alice (8)"));
        let other = edit(json!({"settings": {"page": 9}, "credential": "EAAnine"})).await.unwrap();
        assert_eq!(other.other_account, None);
    }

    async fn settings_do_not_change_under_a_send(bench) {
        let id = &bench.channels[0];
        let post = json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "x"}});
        bench.approved(post).await;
        let mut rooms = Rooms::default();
        rooms.set(id, 1);
        let permit = permits::claim(&bench.app, 8, 8, &mut rooms).await.unwrap().permits.remove(0);
        let edit = |edit: Value| {
            let (app, by) = (&bench.app, &bench.administrator);
            async move { channels::edit(app, by, id, None, serde_json::from_value(edit).unwrap()).await }
        };
        let elsewhere = json!({"settings": {"url": bench.sandbox.url("elsewhere")}});
        assert!(matches!(edit(elsewhere.clone()).await, Err(AppError::Conflict(_))), "it is being sent");
        let doubt = Outcome::InDoubt { reason: "cut".into(), readable: true };
        sending::settle(&bench.app, &[(permit.clone(), doubt)], |_| true).await.unwrap();
        assert!(matches!(edit(elsewhere.clone()).await, Err(AppError::Conflict(_))), "it is in doubt");
        edit(json!({"name": "alpha again"})).await.expect("a name is no other place");
        let accepted = Outcome::Accepted { remote_id: "1".into(), url: None, note: None, started_only: false };
        sending::settle(&bench.app, &[(permit, accepted)], |_| true).await.unwrap();
        edit(elsewhere).await.unwrap();
    }

    async fn private_settings_are_for_administrators_and_not_for_the_log(bench) {
        let mut bench = bench;
        let url = "https://hooks.example.org:8443/in/geheim?token=geheim";
        bench.connect("hook", "webhook", json!({"url": url})).await;
        let to = "ana@geheim.example, ben@geheim.example";
        bench.connect("mail", "email", json!({"host": "mail.example.org", "from": "a@example.org", "to": to})).await;
        let list = async |by| channels::list(&bench.app, by).await.unwrap();
        let whole = list(&bench.administrator).await;
        let of = |list: &[channels::ChannelView], name| {
            list.iter().find(|c| c.name == name).unwrap().settings.clone()
        };
        assert_eq!((&of(&whole, "hook")["url"], &of(&whole, "mail")["to"]), (&json!(url), &json!(to)));
        for by in [&bench.operator, &bench.approver] {
            let seen = list(by).await;
            let (hook, mail) = (of(&seen, "hook"), of(&seen, "mail"));
            let shown = hook["url"].as_str().unwrap();
            assert!(shown.starts_with("https://hooks.example.org:8443/… (sha256 "), "{shown}");
            assert!(mail["to"].as_str().unwrap().starts_with("2 addresses (sha256 "), "{mail}");
            assert_eq!(mail["host"], "mail.example.org");
            let one = channels::get(&bench.app, by, bench.channels.last().unwrap()).await.unwrap();
            assert_eq!(one.settings, mail);
        }
        let edit = serde_json::from_value(json!({"settings": {"url": format!("{url}&more")}})).unwrap();
        let id = &bench.channels[bench.channels.len() - 2];
        let edited = channels::edit(&bench.app, &bench.administrator, id, None, edit).await.unwrap();
        assert_eq!(edited.settings["url"], format!("{url}&more"));
        let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
        let log = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
        let log = serde_json::to_string(&log).unwrap();
        assert!(log.contains("2 addresses") && !log.contains("geheim"), "{log}");
    }
}
