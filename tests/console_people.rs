//! The console's form for a person: name and roles, and the way back in for whoever was disabled.

use channels::http::Request;
use holdline::app::people::NewToken;
use holdline::app::{membership, people};
use holdline::domain::role::Role;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::console::sign_in;
use crate::on_both;
use crate::support::caller::Caller;
use crate::support::visitor::{read, send, text};

on_both! {
    async fn an_administrator_changes_roles_and_lets_people_in_again(bench) {
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.administrator).await.cookie;
        let page = format!("/console/settings/people/{}", bench.operator.id);
        let edit = format!("{page}/edit");
        let person = || async {
            let all = people::list(&bench.app, &bench.administrator).await.unwrap();
            all.into_iter().find(|p| p.id == bench.operator.id).unwrap()
        };
        let refused = send(&caller, &cookie, &page, &edit, "name=Olga").await;
        assert_eq!(refused.status, 422, "nobody is without a role");
        assert!(text(&refused).contains("value=\"Olga\""), "what was typed stays");
        assert_eq!(person().await.roles, [Role::Operator]);
        let done = send(&caller, &cookie, &page, &edit, "name=Olga&had=operator&role=approver&role=auditor").await;
        assert_eq!(done.status, 303, "{}", text(&done));
        let now = person().await;
        assert_eq!((now.name.as_str(), now.roles), ("Olga", vec![Role::Approver, Role::Auditor]));
        let late = send(&caller, &cookie, &page, &edit, "name=Olga&had=operator&role=operator").await;
        assert!((400..500).contains(&late.status) && text(&late).contains("changed the roles"), "{}", text(&late));
        let early = send(&caller, &cookie, &page, &format!("{page}/enable"), "").await;
        assert!((400..500).contains(&early.status), "nobody is invited anew who is not disabled");
        let own = format!("/console/settings/people/{}/edit", bench.administrator.id);
        let refused = send(&caller, &cookie, &page, &own, "name=Boss&role=operator&role=administrator").await;
        assert!((400..500).contains(&refused.status), "nobody changes their own roles");
        assert!(text(&refused).contains("their own roles"));
        membership::disable(&bench.app, &bench.administrator, &bench.operator.id).await.unwrap();
        let shown = send(&caller, &cookie, &page, &format!("{page}/enable"), "").await;
        assert!(shown.status == 200 && text(&shown).contains("/console/join?invitation="), "{}", text(&shown));
        assert_eq!(person().await.disabled_at, None);
    }

    async fn an_administrator_sees_and_revokes_the_tokens_of_others(bench) {
        let caller = Caller::new(&bench).await;
        let new = NewToken { label: "nightly import".into(), roles: Vec::new(), days: Some(30) };
        let (token, secret) = people::create_token(&bench.app, &bench.operator, &bench.operator.id, &new).await.unwrap();
        let page = format!("/console/settings/people/{}", bench.operator.id);
        let other = sign_in(&bench, &bench.approver).await.cookie;
        assert!(!read(&caller, &other, &page).await.contains("nightly import"), "not for everybody");
        let cookie = sign_in(&bench, &bench.administrator).await.cookie;
        let shown = read(&caller, &cookie, &page).await;
        assert!(shown.contains("nightly import") && !shown.contains(secret.expose_secret()), "{shown}");
        let revoke = format!("{page}/revoke");
        let strange = send(&caller, &cookie, &page, &revoke, "token=none&word=revoke").await;
        assert_eq!(strange.status, 404, "{}", text(&strange));
        // What cannot be taken back asks for a word, beside the token that it is about.
        let sent = format!("token={}&word=REVOKE", token.id);
        let quick = send(&caller, &cookie, &page, &revoke, &format!("token={}", token.id)).await;
        let open = format!("id=\"revoke-{}\" open>", token.id);
        assert!(quick.status == 422 && text(&quick).contains(&open) && text(&quick).contains("Type REVOKE here"));
        people::authenticate(&bench.app, secret.expose_secret(), "test").await.unwrap();
        let done = send(&caller, &cookie, &page, &revoke, &sent).await;
        assert_eq!(done.status, 303, "{}", text(&done));
        assert!(people::authenticate(&bench.app, secret.expose_secret(), "test").await.is_err(), "it works no more");
        let to = done.header("location").unwrap();
        assert!(read(&caller, &cookie, to).await.contains("The token “nightly import” is revoked: it counts no more"));
        let twice = send(&caller, &cookie, &page, &revoke, &sent).await;
        assert!(twice.status == 422 && text(&twice).contains("this token was revoked before, at "), "{}", text(&twice));
    }

    async fn who_revokes_a_token_that_has_ended_is_told_so(bench) {
        let by = &bench.operator;
        let make = async |days| {
            let new = NewToken { label: "import".into(), roles: Vec::new(), days };
            people::create_token(&bench.app, by, &by.id, &new).await.unwrap().0.id
        };
        let (short, long) = (make(Some(1)).await, make(None).await);
        bench.app.clock().advance(25 * 3_600_000);
        let caller = Caller::new(&bench).await;
        let call = async |token: &str| {
            let url = caller.url(&format!("/people/{}/tokens/{token}", by.id));
            let answer = caller.call(Request::delete(&url)).await;
            (answer.status, answer.json::<Value>().unwrap())
        };
        let (status, problem) = call(&short).await;
        assert!(status == 409 && problem["detail"].as_str().unwrap().starts_with("this token expired at 20"), "{problem}");
        let (status, token) = call(&long).await;
        assert!(status == 200 && token["revoked_at"].is_string() && token["label"] == "import", "{token}");
        let (status, problem) = call(&long).await;
        assert!(status == 409 && problem["detail"].as_str().unwrap().contains("revoked before, at "), "{problem}");
        assert_eq!(call("none").await.0, 404);
        let cookie = sign_in(&bench, by).await.cookie;
        let page = "/console/settings/tokens";
        let sent = format!("token={short}&word=r%C3%A9voquer");
        let late = send(&caller, &cookie, page, &format!("{page}/revoke?lang=fr"), &sent).await;
        assert!(late.status == 422 && text(&late).contains("Ce jeton a expiré le "), "{}", text(&late));
        let third = make(None).await;
        let (revoke, sent) = (format!("{page}/revoke"), format!("token={third}&word="));
        let quick = send(&caller, &cookie, page, &revoke, &sent).await;
        assert!(quick.status == 422 && text(&quick).contains(&format!("id=\"revoke-{third}\" open>")), "{}", text(&quick));
        let done = send(&caller, &cookie, page, &revoke, &format!("{sent}REVOKE")).await;
        assert!(read(&caller, &cookie, done.header("location").unwrap()).await.contains("is revoked"));
    }
}
