//! The main job, end to end, on both databases: queue, freeze, approve, publish, thaw.

use holdline::app::approvals::{self, NewDecision};
use holdline::app::channels as app_channels;
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Choice, Review, Settle, Settlement};
use holdline::app::import::Importer;
use holdline::app::incidents::{self, NewIncident};
use holdline::app::posts::{self, PostFilter};
use holdline::app::{AppError, site};
use holdline::domain::approval::Decision;
use holdline::domain::delivery::State;
use holdline::domain::freeze::Scope;
use holdline::domain::incident::Severity;
use holdline::sandbox::Fault;
use serde_json::json;

use crate::on_both;
use crate::support::Bench;

fn routine(text: &str) -> serde_json::Value {
    json!({"kind": "routine", "source": {"text": text}, "labels": ["promo"]})
}

async fn incident(bench: &Bench, freeze: bool) -> incidents::Opened {
    let new = NewIncident {
        title: "Payments are down".into(),
        severity: Severity::Major,
        drill: false,
        freeze,
        scope: Scope::default(),
        promise: None,
        playbook: None,
        adopt: None,
        freeze_too: false,
        signal: None,
    };
    incidents::open(&bench.app, &bench.operator, &new).await.unwrap()
}

on_both! {
    async fn a_post_goes_out_once_after_another_person_approved_it(bench) {
        let worker = bench.start().await;
        let post = bench.submit(routine("hello")).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert!(bench.sandbox.arrivals().is_empty(), "nothing leaves without approval");
        bench.approve(&post.id).await;
        let view = bench.until(&post.id, &["accepted"]).await;
        assert_eq!(view.deliveries.len(), 3, "the website takes no marketing");
        for name in ["alpha", "beta", "gamma"] {
            let texts: Vec<_> = bench.sandbox.timeline(name).into_iter().map(|p| p.text).collect();
            assert_eq!(texts, ["hello"]);
        }
        worker.stop().await.unwrap();
    }

    async fn nobody_approves_their_own_words_or_words_that_changed(bench) {
        let post = bench.submit(routine("first words")).await;
        let sheet = approvals::sheet(&bench.app, &bench.approver, &post.id).await.unwrap();
        let old = NewDecision { decision: Decision::Approve, bundle: sheet.bundle, comment: None, unready: Vec::new() };
        let edit = serde_json::from_value(json!({"kind": "routine", "source": {"text": "other words"},
            "submit": true})).unwrap();
        posts::edit(&bench.app, &bench.operator, &post.id, None, &edit).await.unwrap();
        let refused = approvals::decide(&bench.app, &bench.approver, &post.id, &old).await.unwrap_err();
        assert!(matches!(refused, AppError::Conflict(_)), "{refused}");
        let sheet = approvals::sheet(&bench.app, &bench.operator, &post.id).await.unwrap();
        let own = NewDecision { decision: Decision::Approve, bundle: sheet.bundle, comment: None, unready: Vec::new() };
        let refused = approvals::decide(&bench.app, &bench.operator, &post.id, &own).await.unwrap_err();
        assert!(matches!(refused, AppError::Forbidden(_)), "{refused}");
    }

    async fn a_freeze_holds_routine_posts_and_lets_the_crisis_through(bench) {
        let worker = bench.start().await;
        let opened = incident(&bench, true).await;
        let freeze = opened.freeze.unwrap();
        assert!(freeze.sealed_at.is_some(), "{freeze:?}");
        let marketing = bench.approved(routine("buy more")).await;
        let update = bench.approved(json!({"kind": "update", "incident": opened.incident.id,
            "source": {"title": "We are on it", "text": "Payments fail. We are working on it."},
            "promise": "2099-01-01T00:00:00Z"})).await;
        bench.until(&update.id, &["accepted"]).await;
        bench.until(&marketing.id, &["held"]).await;
        assert!(bench.sandbox.arrivals().iter().all(|a| a.posted.kind == "update"));
        let page = site::page(&bench.app, &opened.incident.slug).await.unwrap();
        assert_eq!(page.entries.len(), 1);
        assert_eq!(page.title, "We are on it", "what was approved, not what the incident is called");
        assert!(!opened.incident.url.contains("payments"), "{}", opened.incident.url);
        let address = format!("{}#{}", opened.incident.url, page.entries[0].id);
        let shown = posts::get(&bench.app, &bench.operator, &update.id).await.unwrap();
        assert!(shown.deliveries.iter().any(|d| d.url.as_deref() == Some(address.as_str())), "{shown:?}");
        assert_eq!(page.next_update.as_deref(), Some("2099-01-01T00:00:00.000Z"));
        freezes::thaw(&bench.app, &bench.approver, &freeze.id, "over").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        bench.until(&marketing.id, &["held"]).await;
        let held = held::list(&bench.app, &bench.operator, State::Held, None, "", 100).await.unwrap();
        assert_eq!(held.len(), 3);
        let review = Review { choice: Choice::Release, deliveries: vec![held[0].delivery.clone()], label: None,
            hash: None, expected: None, at: None, zone: None, spread_minutes: 0 };
        assert_eq!(held::review(&bench.app, &bench.operator, &review).await.unwrap().changed, 1);
        let review = Review { choice: Choice::Cancel, deliveries: Vec::new(), label: Some("promo".into()),
            expected: Some(3), ..review };
        let refused = held::review(&bench.app, &bench.operator, &review).await.unwrap_err().to_string();
        assert!(refused.starts_with("2 deliveries") && refused.contains("nothing was decided"), "{refused}");
        let review = Review { expected: Some(2), ..review };
        assert_eq!(held::review(&bench.app, &bench.operator, &review).await.unwrap().changed, 2);
        bench.until(&marketing.id, &["accepted", "cancelled"]).await;
        worker.stop().await.unwrap();
    }

    async fn an_allowed_label_goes_on_and_a_scope_narrows(bench) {
        let worker = bench.start().await;
        let new = NewFreeze { scope: Scope { allow: vec!["legal".into()],
            channels: vec![bench.channels[0].clone()], ..Scope::default() }, ..NewFreeze::default() };
        freezes::create(&bench.app, &bench.operator, &new).await.unwrap();
        let post = bench.approved(routine("buy more")).await;
        let view = bench.until(&post.id, &["accepted", "held"]).await;
        let held: Vec<_> = view.deliveries.iter().filter(|d| d.state == State::Held).collect();
        assert_eq!((held.len(), &held[0].channel), (1, &bench.channels[0]));
        let legal = bench.approved(json!({"kind": "routine", "source": {"text": "terms"}, "labels": ["legal"]})).await;
        bench.until(&legal.id, &["accepted"]).await;
        worker.stop().await.unwrap();
    }

    async fn a_freeze_by_brand_covers_the_channels_of_the_brand(bench) {
        let post = bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "x"}})).await;
        // The channel moves to another brand; a post of its old one waits for it.
        bench.sql(&format!("update channels set brand = 'shop' where id = '{}'", bench.channels[0])).await;
        let scope = Scope { brands: vec!["shop".into()], ..Scope::default() };
        let preview = freezes::preview(&bench.app, &bench.operator, &scope).await.unwrap();
        assert_eq!((preview.covered, preview.goes_on), (1, 0));
        let new = NewFreeze { scope, ..NewFreeze::default() };
        freezes::create(&bench.app, &bench.operator, &new).await.unwrap();
        let worker = bench.start().await;
        let held = bench.until(&post.id, &["held"]).await.deliveries.remove(0);
        let release = Review { choice: Choice::Release, deliveries: vec![held.id], label: None, hash: None, expected: None, at: None,
            zone: None, spread_minutes: 0 };
        let left = held::review(&bench.app, &bench.operator, &release).await.unwrap().left;
        assert!(left[0].1.contains("a freeze in force covers it"), "{left:?}");
        // A new post does not mix brands in the first place.
        let mixed = json!({"kind": "routine", "channels": ["alpha", "beta"], "source": {"text": "x"}});
        let refused = posts::create(&bench.app, &bench.operator, &serde_json::from_value(mixed).unwrap()).await;
        let Err(AppError::Invalid(problems)) = refused else { panic!("not refused: {refused:?}") };
        assert!(problems[0].field == "channels" && problems[0].message.contains("the brand shop"), "{problems:?}");
        assert!(bench.sandbox.arrivals().is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_lost_answer_is_read_back_and_never_sent_twice(bench) {
        bench.sandbox.fault("alpha", Fault::CutAfterAccept, 1);
        bench.sandbox.fault("beta", Fault::TooMany { seconds: 1 }, 1);
        bench.sandbox.fault("gamma", Fault::ServerError { accepted: false }, 1);
        let worker = bench.start().await;
        let post = bench.approved(routine("once")).await;
        bench.until(&post.id, &["accepted", "in_doubt", "scheduled"]).await;
        bench.app.clock().advance(6_000);
        bench.until(&post.id, &["accepted"]).await;
        for name in ["alpha", "beta", "gamma"] {
            assert_eq!(bench.sandbox.timeline(name).len(), 1, "{name}");
        }
        worker.stop().await.unwrap();
    }

    async fn what_waits_behind_a_channel_that_asks_us_to_wait_loses_no_try(bench) {
        for _ in 0..3 {
            bench.sandbox.fault("alpha", Fault::TooMany { seconds: 1 }, 1);
        }
        let worker = bench.start().await;
        let mut importer = Importer::new(&bench.app, &bench.operator, true).await.unwrap();
        for n in 0..120 {
            let row = json!({"kind": "routine", "labels": ["rush"], "submit": true, "channels": ["alpha"],
                "source": {"text": format!("{n}")}});
            importer.feed(format!("{row}\n").as_bytes()).await.unwrap();
        }
        importer.finish().await.unwrap();
        assert_eq!(bench.approve_all("rush").await, 120);
        for _ in 0..200 {
            if bench.sandbox.timeline("alpha").len() == 120 {
                break;
            }
            bench.app.clock().advance(300);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(bench.sandbox.timeline("alpha").len(), 120);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let all = posts::list(&bench.app, &bench.operator, &PostFilter { limit: 500, ..PostFilter::default() }).await;
        let mut tries = 0;
        for post in all.unwrap() {
            tries += posts::get(&bench.app, &bench.operator, &post.id).await.unwrap().deliveries[0].attempts;
        }
        assert_eq!(tries, 123, "one for each post, and one more for each 429");
        worker.stop().await.unwrap();
    }

    async fn marketing_that_names_a_drill_reaches_no_live_channel(bench) {
        let new = NewIncident { drill: true, ..serde_json::from_value(json!({"title": "Practice",
            "severity": "minor", "freeze": false})).unwrap() };
        let opened = incidents::open(&bench.app, &bench.operator, &new).await.unwrap();
        let post = json!({"kind": "routine", "incident": opened.incident.id, "source": {"text": "x"}});
        let refused = posts::create(&bench.app, &bench.operator, &serde_json::from_value(post).unwrap()).await;
        assert!(refused.is_err(), "no channel of this bench is for drills: {refused:?}");
    }

    async fn the_freeze_of_a_drill_leaves_real_marketing_alone(bench) {
        let (app, by) = (&bench.app, &bench.operator);
        let drill = |scope: serde_json::Value| -> NewIncident { serde_json::from_value(
            json!({"title": "Practice", "severity": "minor", "drill": true, "scope": scope})).unwrap() };
        let problem = |refused: Result<incidents::Opened, AppError>| match refused {
            Err(AppError::Invalid(mut problems)) => problems.remove(0),
            other => panic!("not refused: {other:?}"),
        };
        let none = problem(incidents::open(app, by, &drill(json!({}))).await);
        assert!(none.field == "drill" && none.message.contains("connect one"), "{none:?}");
        let practice = json!({"name": "practice", "adapter": "sandbox", "drill": true,
            "settings": {"url": bench.sandbox.url("practice")}});
        let practice = serde_json::from_value(practice).unwrap();
        let practice = app_channels::create(app, &bench.administrator, practice).await.unwrap().id;
        let live = problem(incidents::open(app, by, &drill(json!({"channels": [bench.channels[0], practice]}))).await);
        assert!(live.field == "scope.channels" && live.message.contains("alpha is live"), "{live:?}");
        let frozen = incidents::open(app, by, &drill(json!({}))).await.unwrap().freeze.unwrap();
        assert_eq!(frozen.scope.channels, [practice]);
        let worker = bench.start().await;
        let mut post = routine("real");
        post["channels"] = json!(["alpha"]);
        let real = bench.approved(post.clone()).await;
        bench.until(&real.id, &["accepted"]).await;
        post["channels"] = json!(["practice"]);
        let exercise = bench.approved(post).await;
        bench.until(&exercise.id, &["held"]).await;
        worker.stop().await.unwrap();
    }

    async fn marketing_of_a_brand_with_only_a_website_is_refused(bench) {
        let site = json!({"name": "north page", "adapter": "website", "brand": "north"});
        let site = serde_json::from_value(site).unwrap();
        app_channels::create(&bench.app, &bench.administrator, site).await.unwrap();
        let post = json!({"kind": "routine", "brand": "north", "source": {"text": "x"}});
        let refused = posts::create(&bench.app, &bench.operator, &serde_json::from_value(post).unwrap()).await;
        let Err(AppError::Invalid(problems)) = refused else { panic!("not refused: {refused:?}") };
        assert_eq!(problems[0].field, "channels");
    }

    async fn a_drill_that_names_a_live_channel_is_refused_for_that_alone(bench) {
        let new = json!({"title": "Practice", "severity": "minor", "freeze": false, "drill": true});
        let opened =
            incidents::open(&bench.app, &bench.operator, &serde_json::from_value(new).unwrap()).await.unwrap();
        let promise = holdline::clock::rfc3339(bench.app.clock().now() + 3_600_000);
        let post = json!({"kind": "update", "incident": opened.incident.id, "channels": ["alpha"],
            "promise": promise, "source": {"text": "x"}});
        let refused = posts::create(&bench.app, &bench.operator, &serde_json::from_value(post).unwrap()).await;
        let Err(AppError::Invalid(problems)) = refused else { panic!("not refused: {refused:?}") };
        let [only] = problems.as_slice() else { panic!("{problems:?}") };
        assert_eq!((only.field.as_str(), only.message.as_str()), ("channels", "alpha is live; a drill cannot reach it"));
    }

    async fn a_cut_before_reading_is_proved_absent_before_it_is_sent_again(bench) {
        bench.sandbox.fault("alpha", Fault::CutBeforeRead, 1);
        let worker = bench.start().await;
        let post = bench.approved(routine("again")).await;
        bench.until(&post.id, &["accepted", "in_doubt"]).await;
        // Two looks within the time in which the first request could still land prove nothing.
        for _ in 0..4 {
            bench.app.clock().advance(6_000);
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
        let view = bench.until(&post.id, &["accepted", "in_doubt"]).await;
        assert!(view.deliveries.iter().any(|d| d.state == State::InDoubt), "{view:?}");
        assert_eq!(bench.sandbox.timeline("alpha").len(), 0, "it was not sent again");
        for _ in 0..6 {
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            bench.app.clock().advance(31_000);
        }
        bench.until(&post.id, &["accepted"]).await;
        assert_eq!(bench.sandbox.timeline("alpha").len(), 1);
        worker.stop().await.unwrap();
    }

    async fn what_expired_is_never_sent(bench) {
        let soon = holdline::clock::rfc3339(bench.app.clock().now() + 60_000);
        let end = holdline::clock::rfc3339(bench.app.clock().now() + 120_000);
        let post = bench.approved(json!({"kind": "routine", "source": {"text": "late"}, "due": soon,
            "valid_until": end})).await;
        bench.app.clock().advance(180_000);
        let worker = bench.start().await;
        bench.until(&post.id, &["expired"]).await;
        assert!(bench.sandbox.arrivals().is_empty());
        worker.stop().await.unwrap();
    }

    async fn break_glass_sends_and_owes_a_review_by_another(bench) {
        let worker = bench.start().await;
        let opened = incident(&bench, false).await;
        let post = bench.submit(json!({"kind": "update", "incident": opened.incident.id,
            "source": {"text": "Leave the building."}})).await;
        let sheet = approvals::sheet(&bench.app, &bench.operator, &post.id).await.unwrap();
        let alone = NewDecision { decision: Decision::BreakGlass, bundle: sheet.bundle.clone(), comment: None, unready: Vec::new() };
        assert!(matches!(approvals::decide(&bench.app, &bench.operator, &post.id, &alone).await,
            Err(AppError::Invalid(_))));
        let alone = NewDecision { comment: Some("lives are at stake".into()), ..alone };
        approvals::decide(&bench.app, &bench.operator, &post.id, &alone).await.unwrap();
        bench.until(&post.id, &["accepted"]).await;
        let owed = approvals::reviews_owed(&bench.app, &bench.approver).await.unwrap();
        assert_eq!(owed.len(), 1);
        assert!(approvals::review(&bench.app, &bench.operator, &owed[0].id, "mine").await.is_err());
        approvals::review(&bench.app, &bench.approver, &owed[0].id, "was right").await.unwrap();
        assert!(approvals::reviews_owed(&bench.app, &bench.approver).await.unwrap().is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_person_settles_what_reading_cannot(bench) {
        bench.sandbox.fault("alpha", Fault::CutBeforeRead, 1);
        let worker = bench.start().await;
        let post = bench.approved(routine("seen")).await;
        let view = bench.until(&post.id, &["accepted", "in_doubt"]).await;
        let doubt = view.deliveries.iter().find(|d| d.state == State::InDoubt).unwrap();
        let word = Settle { settlement: Settlement::NotPublished, note: "not on the page".into(), url: None };
        held::settle(&bench.app, &bench.operator, &doubt.id, &word).await.unwrap();
        bench.until(&post.id, &["accepted", "failed"]).await;
        assert!(held::settle(&bench.app, &bench.operator, &doubt.id, &word).await.is_err());
        worker.stop().await.unwrap();
    }
}
