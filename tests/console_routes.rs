//! Who may call which route of the console: one table, walked with every role.

use std::collections::BTreeSet;

use channels::http::Request;
use holdline::domain::role::{Right, Role};
use holdline::web::console::paths;

use crate::console::sign_in;
use crate::on_both;
use crate::support::caller::Caller;
use crate::support::person;

/// The rights of which one is enough.
type Rights = &'static [Right];

/// Whoever is signed in.
const OWN: Option<Rights> = Some(&[]);
/// The way in: anybody.
const OPEN: Option<Rights> = None;

/// Path and rights.
const TABLE: &[(&str, Option<Rights>)] = {
    use Right::{Administer, Approve, Audit, Decide, Freeze, Read, Write};
    &[
        ("/console/sign-in", OPEN),
        ("/console/join", OPEN),
        ("/console/set-up", OPEN),
        ("/console/sign-out", OWN),
        ("/console/prove", OWN),
        ("/console/events", OWN),
        ("/console/me", OWN),
        ("/console/me/preferences", OWN),
        ("/console/me/sessions", OWN),
        ("/console/me/codes", OWN),
        ("/console/strip", Some(&[Read])),
        ("/console", Some(&[Read])),
        ("/console/approvals", Some(&[Read])),
        ("/console/approvals/review", Some(&[Approve])),
        ("/console/approvals/{id}", Some(&[Read])),
        ("/console/approvals/{id}/decide", Some(&[Approve, Decide])),
        ("/console/incidents", Some(&[Read])),
        ("/console/incidents/open", Some(&[Freeze])),
        ("/console/incidents/{id}", Some(&[Read])),
        ("/console/incidents/{id}/act", Some(&[Write, Decide])),
        ("/console/calendar", Some(&[Read])),
        ("/console/compose", Some(&[Write])),
        ("/console/compose/preview", Some(&[Write])),
        ("/console/media/{sha}", Some(&[Read])),
        ("/console/posts/{id}", Some(&[Read])),
        ("/console/posts/{id}/edit", Some(&[Write])),
        ("/console/posts/{id}/move", Some(&[Write, Decide])),
        ("/console/posts/{id}/submit", Some(&[Write])),
        ("/console/posts/{id}/cancel", Some(&[Write])),
        ("/console/posts/{id}/retract", Some(&[Decide])),
        ("/console/posts/{id}/pin", Some(&[Decide])),
        ("/console/freeze", Some(&[Freeze])),
        ("/console/freezes/{id}", Some(&[Read])),
        ("/console/freezes/{id}/thaw", Some(&[Decide])),
        ("/console/freezes/{id}/retract", Some(&[Decide])),
        ("/console/held", Some(&[Read])),
        ("/console/held/decide", Some(&[Decide])),
        ("/console/held/review", Some(&[Decide])),
        ("/console/swept", Some(&[Read])),
        ("/console/swept/{id}", Some(&[Read])),
        ("/console/swept/review", Some(&[Decide])),
        ("/console/signals", Some(&[Read])),
        ("/console/signals/{id}/join", Some(&[Decide])),
        ("/console/signals/{id}/dismiss", Some(&[Decide])),
        ("/console/doubts", Some(&[Read])),
        ("/console/doubts/{id}", Some(&[Read])),
        ("/console/doubts/{id}/read", Some(&[Decide])),
        ("/console/doubts/{id}/settle", Some(&[Decide])),
        ("/console/doubts/{id}/retract", Some(&[Decide])),
        ("/console/audit", Some(&[Audit])),
        ("/console/audit/verify", Some(&[Audit])),
        ("/console/audit/export", Some(&[Audit])),
        ("/console/settings", Some(&[Read])),
        ("/console/settings/channels", Some(&[Read])),
        ("/console/settings/channels/new", Some(&[Administer])),
        ("/console/settings/channels/app", Some(&[Administer])),
        ("/console/settings/channels/connected", Some(&[Administer])),
        ("/console/settings/channels/connected/{app}", Some(&[Administer])),
        ("/console/settings/channels/revoke-all", Some(&[Administer])),
        ("/console/settings/channels/{id}", Some(&[Read])),
        ("/console/settings/channels/{id}/grant", Some(&[Administer])),
        ("/console/settings/channels/{id}/revoke", Some(&[Administer])),
        ("/console/settings/channels/{id}/ended", Some(&[Administer])),
        ("/console/settings/channels/{id}/account", Some(&[Administer])),
        ("/console/settings/channels/{id}/credential", Some(&[Administer])),
        ("/console/settings/channels/{id}/test", Some(&[Read])),
        ("/console/settings/channels/{id}/edit", Some(&[Administer])),
        ("/console/settings/channels/{id}/switch", Some(&[Administer])),
        ("/console/settings/readiness", Some(&[Read])),
        ("/console/settings/watch", Some(&[Read])),
        ("/console/settings/people", Some(&[Read])),
        ("/console/settings/people/add", Some(&[Administer])),
        ("/console/settings/people/{id}", Some(&[Read])),
        ("/console/settings/people/{id}/edit", Some(&[Administer])),
        ("/console/settings/people/{id}/enable", Some(&[Administer])),
        ("/console/settings/people/{id}/invite", Some(&[Administer])),
        ("/console/settings/people/{id}/disable", Some(&[Administer])),
        ("/console/settings/people/{id}/revoke", Some(&[Administer])),
        ("/console/settings/tokens", OWN),
        ("/console/settings/tokens/revoke", OWN),
        ("/console/settings/policy", Some(&[Read])),
        ("/console/settings/policy/change", Some(&[Administer])),
        ("/console/settings/nodes", Some(&[Read])),
        ("/console/settings/nodes/confirm", Some(&[Administer])),
        ("/console/settings/nodes/forget", Some(&[Administer])),
    ]
};

fn may(role: Role, rights: Option<Rights>) -> bool {
    rights.is_none_or(|r| r.is_empty() || r.iter().any(|right| role.may(*right)))
}

#[test]
fn the_table_has_every_screen_once() {
    let listed: BTreeSet<_> = TABLE.iter().map(|(path, _)| *path).collect();
    assert_eq!(listed.len(), TABLE.len(), "twice in the table");
    let routed: BTreeSet<_> = paths().into_iter().collect();
    let unlisted: Vec<_> = routed.difference(&listed).collect();
    assert!(unlisted.is_empty(), "without a line in the table: {unlisted:?}");
    let gone: Vec<_> = listed.difference(&routed).collect();
    assert!(gone.is_empty(), "in the table only: {gone:?}");
}

on_both! {
    async fn every_screen_asks_for_its_right(bench) {
        let caller = Caller::new(&bench).await;
        let mut people = Vec::new();
        for role in [Role::Operator, Role::Approver, Role::Administrator, Role::Auditor, Role::Integrator, Role::Postmaster] {
            let actor = match role {
                Role::Operator => bench.operator.clone(),
                Role::Approver => bench.approver.clone(),
                Role::Administrator => bench.administrator.clone(),
                other => person(&bench.app, &bench.administrator, &format!("{other:?}").to_lowercase(), other).await,
            };
            people.push((role, format!("holdline={}", sign_in(&bench, &actor).await.cookie)));
        }
        for (path, rights) in TABLE {
            if *path == "/console/events" {
                continue; // it never ends; the browser watches it
            }
            let url = format!("{}{}", caller.base, path.replace("{id}", "none").replace("{sha}", "none"));
            let answer = caller.http.call(Request::get(&url)).await.unwrap();
            let turned_away = matches!(answer.status, 300..400 | 403 | 404 | 405);
            assert_eq!(turned_away, rights.is_some(), "{path}: {} for nobody", answer.status);
            for (role, cookie) in &people {
                let answer = caller.http.call(Request::get(&url).header("cookie", cookie)).await.unwrap();
                assert_eq!(answer.status != 403, may(*role, *rights), "GET {path} as {role:?}: {}", answer.status);
                assert!(answer.status < 500, "GET {path} as {role:?}: {}", answer.status);
                // A form without its word changes nothing, whoever sends it.
                let request = Request::post(&url).header("cookie", cookie).header("sec-fetch-site", "same-origin")
                    .body("application/x-www-form-urlencoded", b"x=1".to_vec());
                let answer = caller.http.call(request).await.unwrap();
                assert!(matches!(answer.status, 403 | 405 | 422), "POST {path} as {role:?}: {}", answer.status);
            }
        }
    }
}
