//! Who gets a token, and whose words they approve with it.

use channels::http::Request;
use holdline::app::approvals::{self, NewDecision};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::import::Importer;
use holdline::app::membership::{self, PersonEdit};
use holdline::app::people::{self, NewPerson, NewToken};
use holdline::app::posts::{self, NewPost, PostFilter};
use holdline::app::{Actor, AppError, Result, channels as app_channels, incidents, invitations};
use holdline::domain::approval::Decision;
use holdline::domain::role::Role;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;

/// Somebody with these roles who has joined.
async fn joined(bench: &Bench, name: &str, roles: Vec<Role>) -> Actor {
    let new = NewPerson { name: name.into(), email: format!("{name}@example.org"), roles };
    let invited = people::create(&bench.app, &bench.administrator, &new).await.unwrap();
    let (_, token) = accept(bench, &invited.secret).await.unwrap();
    people::authenticate(&bench.app, token.expose_secret(), "test").await.unwrap()
}

async fn accept(bench: &Bench, invitation: &SecretString) -> Result<(people::PersonView, SecretString)> {
    invitations::accept(&bench.app, invitation.expose_secret(), "test").await
}

async fn entries(bench: &Bench, verb: &str) -> usize {
    let filter = AuditFilter { verb: Some(verb.into()), limit: 500, ..AuditFilter::default() };
    audit::list(&bench.app, &bench.administrator, &filter).await.unwrap().len()
}

async fn approve(bench: &Bench, by: &Actor, post: &str) -> Result<()> {
    let bundle = approvals::sheet(&bench.app, by, post).await.unwrap().bundle;
    let new = NewDecision { decision: Decision::Approve, bundle, comment: None, unready: Vec::new() };
    approvals::decide(&bench.app, by, post, &new).await.map(drop)
}

on_both! {
    async fn nobody_makes_a_token_for_somebody_else(bench) {
        let new = NewToken { label: "x".into(), roles: Vec::new(), days: None };
        let refused = people::create_token(&bench.app, &bench.administrator, &bench.approver.id, &new).await;
        assert!(matches!(refused, Err(AppError::Forbidden(_))), "{refused:?}");
        let (own, _) = people::create_token(&bench.app, &bench.approver, &bench.approver.id, &new).await.unwrap();
        assert_eq!(own.roles, [Role::Approver]);
    }

    async fn a_limited_token_makes_no_wider_one(bench) {
        let both = joined(&bench, "both", vec![Role::Operator, Role::Auditor]).await;
        let limited = NewToken { label: "log".into(), roles: vec![Role::Auditor], days: Some(1) };
        let (_, secret) = people::create_token(&bench.app, &both, &both.id, &limited).await.unwrap();
        let small = people::authenticate(&bench.app, secret.expose_secret(), "test").await.unwrap();
        assert_eq!(small.roles, [Role::Auditor]);
        let all = NewToken { label: "all".into(), roles: Vec::new(), days: None };
        let (made, _) = people::create_token(&bench.app, &small, &both.id, &all).await.unwrap();
        assert_eq!(made.roles, [Role::Auditor]);
        let wider = NewToken { label: "all".into(), roles: vec![Role::Operator], days: None };
        assert!(people::create_token(&bench.app, &small, &both.id, &wider).await.is_err());
        // Neither by an invitation of one's own.
        let boss = &bench.administrator;
        assert!(matches!(invitations::again(&bench.app, boss, &boss.id).await, Err(AppError::Conflict(_))));
    }

    async fn an_invitation_works_once_and_for_seven_days(bench) {
        let new = |n: &str| NewPerson { name: n.into(), email: format!("{n}@example.org"), roles: vec![Role::Operator] };
        let first = people::create(&bench.app, &bench.administrator, &new("first")).await.unwrap();
        let held = people::authenticate(&bench.app, first.secret.expose_secret(), "test").await;
        assert!(held.is_err(), "an invitation is no token");
        accept(&bench, &first.secret).await.unwrap();
        assert!(matches!(accept(&bench, &first.secret).await, Err(AppError::Unauthorized(_))));
        let late = people::create(&bench.app, &bench.administrator, &new("late")).await.unwrap();
        bench.app.clock().advance(7 * 86_400_000 + 1);
        assert!(accept(&bench, &late.secret).await.is_err(), "it has expired");
        let again = invitations::again(&bench.app, &bench.administrator, &late.person.id).await.unwrap();
        accept(&bench, &again.secret).await.unwrap();
        let gone = people::create(&bench.app, &bench.administrator, &new("gone")).await.unwrap();
        membership::disable(&bench.app, &bench.administrator, &gone.person.id).await.unwrap();
        assert!(accept(&bench, &gone.secret).await.is_err(), "who is disabled joins no more");
        assert!(invitations::again(&bench.app, &bench.administrator, &gone.person.id).await.is_err());
    }

    async fn two_who_use_one_invitation_get_one_token(bench) {
        let new = NewPerson { name: "x".into(), email: "x@example.org".into(), roles: vec![Role::Operator] };
        let invited = people::create(&bench.app, &bench.administrator, &new).await.unwrap();
        let (a, b, c) =
            tokio::join!(accept(&bench, &invited.secret), accept(&bench, &invited.secret), accept(&bench, &invited.secret));
        assert_eq!([a, b, c].iter().filter(|r| r.is_ok()).count(), 1);
    }

    async fn inviting_again_locks_the_person_out_and_is_in_the_log(bench) {
        let caller = Caller::new(&bench).await;
        let me = |token: SecretString| {
            let request = Request::get(&caller.url("/me")).bearer(&token);
            async { caller.http.call(request).await.unwrap().status }
        };
        assert_eq!(me(caller.approver.clone()).await, 200);
        let before = entries(&bench, "person.invited").await;
        let url = caller.url(&format!("/people/{}/invitation", bench.approver.id));
        let refused = caller.call(Request::post(&url).json(&json!({}))).await;
        assert_eq!(refused.status, 403, "an operator invites nobody");
        let answer = caller.administer(Request::post(&url).json(&json!({}))).await;
        assert_eq!(answer.status, 201);
        assert_eq!(me(caller.approver.clone()).await, 401, "every token of that person stops");
        assert_eq!(entries(&bench, "person.invited").await, before + 1);
        let invitation = answer.json::<Value>().unwrap()["invitation"].clone();
        let join = Request::post(&caller.url("/join")).json(&json!({"invitation": invitation}));
        let answer = caller.http.call(join).await.unwrap();
        let body: Value = answer.json().unwrap();
        assert_eq!((answer.status, &body["person"]["id"]), (201, &json!(bench.approver.id)));
        assert_eq!(me(body["token"].as_str().unwrap().to_owned().into()).await, 200);
        assert_eq!(entries(&bench, "person.joined").await, 3, "operator, approver, and again");
    }

    async fn another_administrator_corrects_name_and_roles_and_the_log_says_so(bench) {
        let (boss, app) = (&bench.administrator, &bench.app);
        let ana = joined(&bench, "ana", vec![Role::Operator, Role::Auditor]).await;
        let token = NewToken { label: "both".into(), roles: Vec::new(), days: None };
        let (_, token) = people::create_token(app, &ana, &ana.id, &token).await.unwrap();
        let edit = |roles: &[Role]| PersonEdit { roles: Some(roles.to_vec()), ..PersonEdit::default() };
        let name = PersonEdit { name: Some(" Ana Lee ".into()), ..edit(&[Role::Auditor, Role::Approver]) };
        let view = membership::edit(app, boss, &ana.id, &name).await.unwrap();
        assert_eq!((view.name.as_str(), &view.roles[..]), ("Ana Lee", &[Role::Auditor, Role::Approver][..]));
        let now = people::authenticate(app, token.expose_secret(), "test").await.unwrap();
        assert_eq!(now.roles, [Role::Auditor], "a token loses a role and gets none");
        let filter = AuditFilter { verb: Some("person.changed".into()), limit: 5, ..AuditFilter::default() };
        let entry = audit::list(app, boss, &filter).await.unwrap().remove(0).entry;
        assert_eq!((&entry["before"]["roles"], &entry["after"]["roles"], &entry["after"]["name"]),
            (&json!(["operator", "auditor"]), &json!(["auditor", "approver"]), &json!("Ana Lee")));
        assert!(matches!(membership::edit(app, boss, &ana.id, &edit(&[])).await, Err(AppError::Invalid(_))));
        assert!(matches!(membership::edit(app, boss, "nobody", &name).await, Err(AppError::NotFound { .. })));
        assert!(matches!(membership::edit(app, &ana, &ana.id, &name).await, Err(AppError::Forbidden(_))));
        let own = membership::edit(app, boss, &boss.id, &edit(&[Role::Administrator, Role::Operator])).await;
        assert!(matches!(own, Err(AppError::Conflict(_))), "nobody changes their own roles: {own:?}");
        assert_eq!(entries(&bench, "person.changed").await, 1, "what was refused is not in the log");
    }

    async fn somebody_is_always_left_to_administer(bench) {
        let app = &bench.app;
        let second = joined(&bench, "second", vec![Role::Administrator]).await;
        // Each takes the other out; both were let in before either was done.
        let off = PersonEdit { enabled: Some(false), ..PersonEdit::default() };
        let less = PersonEdit { roles: Some(vec![Role::Auditor]), ..PersonEdit::default() };
        let (one, two) = tokio::join!(
            membership::edit(app, &bench.administrator, &second.id, &off),
            membership::edit(app, &second, &bench.administrator.id, &less),
        );
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
        let left = people::list(app, &bench.operator).await.unwrap();
        let left = left.iter().filter(|p| p.disabled_at.is_none() && p.roles.contains(&Role::Administrator));
        assert_eq!(left.count(), 1);
        let own = membership::disable(app, &second, &second.id).await;
        assert!(matches!(own, Err(AppError::Conflict(_))), "{own:?}");
    }

    async fn whoever_is_enabled_again_needs_a_new_invitation(bench) {
        let (boss, app) = (&bench.administrator, &bench.app);
        let new = NewPerson { name: "x".into(), email: "x@example.org".into(), roles: vec![Role::Operator] };
        let first = people::create(app, boss, &new).await.unwrap();
        let (person, token) = accept(&bench, &first.secret).await.unwrap();
        let unused = invitations::again(app, boss, &person.id).await.unwrap();
        membership::disable(app, boss, &person.id).await.unwrap();
        let taken = people::create(app, boss, &new).await;
        assert!(matches!(taken, Err(AppError::Invalid(_))), "{taken:?}");
        let on = PersonEdit { enabled: Some(true), ..PersonEdit::default() };
        assert_eq!(membership::edit(app, boss, &person.id, &on).await.unwrap().disabled_at, None);
        assert!(people::authenticate(app, token.expose_secret(), "test").await.is_err(), "it stays revoked");
        assert!(accept(&bench, &unused.secret).await.is_err(), "so does an invitation from before");
        let again = invitations::again(app, boss, &person.id).await.unwrap();
        accept(&bench, &again.secret).await.unwrap();
    }

    async fn whoever_wrote_on_a_text_does_not_approve_it(bench) {
        let both = joined(&bench, "both", vec![Role::Operator, Role::Approver]).await;
        let routine = json!({"kind": "routine", "submit": true, "source": {"text": "first"}});
        let post = bench.submit(routine.clone()).await;
        // The approver puts in words of their own, and the author edits once more after that.
        for (by, text) in [(&both, "second"), (&bench.operator, "third")] {
            let mut new = routine.clone();
            new["source"]["text"] = json!(text);
            let new: NewPost = serde_json::from_value(new).unwrap();
            posts::edit(&bench.app, by, &post.id, None, &new).await.unwrap();
        }
        let view = posts::get(&bench.app, &both, &post.id).await.unwrap();
        assert_eq!((view.author, view.authors), (bench.operator.id.clone(), vec![bench.operator.id.clone(), both.id.clone()]));
        let refused = approve(&bench, &both, &post.id).await;
        assert!(matches!(refused, Err(AppError::Forbidden(_))), "{refused:?}");
        approve(&bench, &bench.approver, &post.id).await.unwrap();
    }

    async fn a_monitoring_system_freezes_marketing_and_no_crisis_post(bench) {
        let monitor = joined(&bench, "monitor", vec![Role::Integrator]).await;
        let incident = |crisis_too| serde_json::from_value(json!({"title": "Down", "severity": "major",
            "scope": {"crisis_too": crisis_too}})).unwrap();
        let refused = incidents::open(&bench.app, &monitor, &incident(true)).await;
        assert!(matches!(refused, Err(AppError::Forbidden(_))), "{refused:?}");
        let order: NewFreeze = serde_json::from_value(json!({"scope": {"crisis_too": true}})).unwrap();
        let refused = freezes::create(&bench.app, &monitor, &order).await;
        assert!(matches!(refused, Err(AppError::Forbidden(_))), "{refused:?}");
        assert!(freezes::list(&bench.app, &monitor, false).await.unwrap().is_empty());
        assert!(incidents::open(&bench.app, &monitor, &incident(false)).await.unwrap().freeze.is_some());
        for by in [&bench.operator, &bench.approver, &bench.administrator] {
            freezes::create(&bench.app, by, &order).await.unwrap();
        }
    }

    async fn who_only_reads_makes_nobody_log_in_at_a_network(bench) {
        let auditor = joined(&bench, "auditor", vec![Role::Auditor]).await;
        let worker = bench.start().await;
        let refused = app_channels::test(&bench.app, &auditor, &bench.channels[0]).await;
        assert!(matches!(refused, Err(AppError::Forbidden(_))), "{refused:?}");
        for by in [&bench.operator, &bench.approver, &bench.administrator] {
            assert!(app_channels::test(&bench.app, by, &bench.channels[0]).await.unwrap().health.ready);
        }
        worker.stop().await.unwrap();
    }

    async fn whoever_imports_is_an_author(bench) {
        let both = joined(&bench, "both", vec![Role::Operator, Role::Approver]).await;
        for atomic in [false, true] {
            let mut importer = Importer::new(&bench.app, &both, atomic).await.unwrap();
            let rows = if atomic { 600 } else { 1 };
            for n in 0..rows {
                let row = json!({"kind": "routine", "submit": true, "labels": [format!("{atomic}")],
                    "channels": ["alpha"], "source": {"text": format!("{n}")}});
                importer.feed(format!("{row}\n").as_bytes()).await.unwrap();
            }
            assert_eq!(importer.finish().await.unwrap().created, rows);
            let filter = PostFilter { label: Some(format!("{atomic}")), limit: 1, ..PostFilter::default() };
            let post = posts::list(&bench.app, &both, &filter).await.unwrap().remove(0);
            assert!(matches!(approve(&bench, &both, &post.id).await, Err(AppError::Forbidden(_))));
            approve(&bench, &bench.approver, &post.id).await.unwrap();
        }
    }

    async fn of_two_set_ups_at_the_same_moment_one_wins(bench) {
        let fresh = bench.empty().await;
        let tokens = [people::first_start(&fresh).await, people::first_start(&fresh).await];
        let tokens = tokens.map(|t| t.unwrap().unwrap());
        let boss = |n: usize| NewPerson {
            name: "Boss".into(), email: format!("boss{n}@example.org"), roles: vec![Role::Administrator],
        };
        let (one, two) = (boss(1), boss(2));
        // Each node printed a token of its own, and each works until one was used.
        let done = tokio::join!(
            people::set_up(&fresh, tokens[0].expose_secret(), &one, "test"),
            people::set_up(&fresh, tokens[1].expose_secret(), &two, "test"),
        );
        let won = usize::from(done.0.is_ok()) + usize::from(done.1.is_ok());
        assert_eq!(won, 1, "{done:?}");
        for token in &tokens {
            let again = people::set_up(&fresh, token.expose_secret(), &boss(3), "test").await;
            assert!(matches!(again, Err(AppError::Unauthorized(_))), "{again:?}");
        }
        assert!(people::first_start(&fresh).await.unwrap().is_none());
    }
}
