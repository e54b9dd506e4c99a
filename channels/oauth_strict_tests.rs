//! Every network that is connected by OAuth, on a strict server: from the address where a person agrees to the end.

use super::*;
use crate::oauth_server::{ACCOUNT, Desk, End, Life, PAGE, RULES, Rules, STATE};

/// A network, and our app at it.
struct Desks {
    server: Strict<Desk>,
    client: Client,
}

async fn desks(rules: &'static Rules) -> Desks {
    let server = Strict::start(Desk::new(rules), &[]).await;
    let mut client = client(rules.name, &server.url);
    if rules.end == End::None {
        client.place.revoke = None;
    }
    server.state().network.base.clone_from(&server.url);
    Desks { server, client }
}

impl Desks {
    /// A person agrees: the code, and the verifier.
    fn agreed(&self) -> (SecretString, SecretString) {
        let start = self.client.start(&STATE.to_owned().into()).unwrap();
        assert!(!start.url.contains(start.verifier.expose_secret()), "only its hash leaves before the code");
        (self.server.state().network.agree(&start.url).into(), start.verifier)
    }

    async fn redeem(&self, code: &SecretString, verifier: &SecretString) -> Result<Tokens, Refusal> {
        let page = if self.client.network.name == "facebook" { PAGE } else { ACCOUNT };
        self.client.redeem(&suite::http(), code, verifier, page).await
    }

    /// Whether what a channel posts with is good.
    fn posts(&self, tokens: &Tokens) -> bool {
        let credential = tokens.credential().expose_secret();
        self.server.state().network.live.iter().any(|live| credential.ends_with(live))
    }
}

#[tokio::test]
async fn a_person_agrees_and_what_is_granted_renews_and_ends_as_each_network_says() {
    for rules in RULES {
        let place = network(rules.name).unwrap().place(Some("https://social.example"));
        let has_call = !matches!(rules.end, End::Webhook | End::None);
        assert_eq!(place.revoke.is_some(), has_call, "{}: a call that ends the grant", rules.name);
    }
    assert_eq!(
        ALL.iter().map(|n| n.name).collect::<Vec<_>>(),
        RULES.iter().map(|r| r.name).collect::<Vec<_>>()
    );
    for rules in RULES {
        let name = rules.name;
        let desks = desks(rules).await;
        let (code, verifier) = desks.agreed();
        let first = desks.redeem(&code, &verifier).await.unwrap();
        assert_eq!(first.lacks(name), None, "{name}");
        assert!(desks.posts(&first), "{name}");
        let again = desks.redeem(&code, &verifier).await;
        assert!(matches!(again, Err(Refusal::Ended(_))), "{name}: a code counts once: {again:?}");
        let renewed = desks.client.renew(&suite::http(), &first).await;
        let last = match rules.life {
            Life::Rotates | Life::Stays | Life::Grows(..) => {
                let second = renewed.unwrap();
                assert!(desks.posts(&second), "{name}");
                assert_ne!(second.access.expose_secret(), first.access.expose_secret(), "{name}");
                let old = desks.client.renew(&suite::http(), &first).await;
                let is_ended = matches!(old, Err(Refusal::Ended(_)));
                assert_eq!(is_ended, rules.life == Life::Rotates, "{name}: an old one: {old:?}");
                second
            }
            Life::Lasts | Life::Page => {
                assert!(matches!(renewed, Err(Refusal::Ended(_))), "{name}: {renewed:?}");
                first
            }
        };
        let revoked = desks.client.revoke(&suite::http(), &last).await;
        assert_eq!(revoked == Revoked::Gone, rules.end != End::None, "{name}: {revoked:?}");
        assert_eq!(desks.posts(&last), rules.end == End::None, "{name}: it is so");
    }
}

#[tokio::test]
async fn who_is_not_the_app_or_has_no_code_gets_nothing() {
    for rules in RULES {
        let (name, mut desks) = (rules.name, desks(rules).await);
        let (code, verifier) = desks.agreed();
        let foreign = desks.redeem(&secret("hunter2-foreign"), &verifier).await;
        assert!(matches!(foreign, Err(Refusal::Ended(_))), "{name}: {foreign:?}");
        if rules.pkce {
            let other = desks.redeem(&code, &secret(&"v".repeat(43))).await;
            assert!(matches!(other, Err(Refusal::Ended(_))), "{name}: {other:?}");
        }
        let right = std::mem::replace(&mut desks.client.secret, secret("hunter2-wrong"));
        let refused = desks.redeem(&code, &verifier).await;
        assert!(matches!(refused, Err(Refusal::Refused(_))), "{name}: {refused:?}");
        desks.client.secret = right;
        assert!(desks.server.state().network.live.is_empty(), "{name}");
        assert!(desks.redeem(&code, &verifier).await.is_ok(), "{name}: it is good still");
    }
}

/// What becomes of the request that gives tokens, and whether it is done.
fn misfortunes() -> Vec<(Fate, bool)> {
    let busy = Fate::Refused(429, "retry-after: 7\r\n", "{}");
    let lost = crate::strict::misfortunes().into_iter().filter(|fate| !matches!(fate, Fate::Slow(_)));
    let is_done = |fate: &Fate| matches!(fate, Fate::DoneBut(_) | Fate::Broken { done: true, .. });
    lost.chain([busy]).map(|fate| (fate.clone(), is_done(&fate))).collect()
}

#[tokio::test]
async fn whatever_breaks_where_tokens_are_given_it_is_told_as_it_is() {
    for rules in RULES {
        for (fate, is_done) in misfortunes() {
            let (name, desks) = (rules.name, desks(rules).await);
            let (code, verifier) = desks.agreed();
            desks.server.state().fates.push_back(fate.clone());
            let said = desks.redeem(&code, &verifier).await.unwrap_err();
            let shown = format!("{said:?} {said}");
            assert!(!shown.contains("hunter2"), "{name} {fate:?}: {shown}");
            let is_busy = matches!(fate, Fate::Refused(429, ..));
            match said {
                Refusal::Unknown(_) => assert!(!is_busy, "{name}: it has no effect"),
                Refusal::Later(_) => {
                    assert!(!is_done, "{name} {fate:?}");
                    assert!(
                        desks.redeem(&code, &verifier).await.is_ok(),
                        "{name} {fate:?}: it had no effect"
                    );
                }
                Refusal::Ended(_) | Refusal::Refused(_) => panic!("{name} {fate:?}: {shown}"),
            }
        }
    }
    // Where nobody listens, nothing is sent.
    let (desks, code) = (desks(&RULES[0]).await, secret("hunter2-code"));
    let mut client = desks.client.clone();
    client.place.token = "http://127.0.0.1:1/token".into();
    let said = client.redeem(&suite::http(), &code, &code, "").await;
    assert!(matches!(said, Err(Refusal::Later(_))), "{said:?}");
}

/// The reads after the code, which is used by then.
#[tokio::test]
async fn whatever_breaks_after_the_code_nobody_is_told_that_nothing_was_granted() {
    for rules in RULES.iter().filter(|r| matches!(r.life, Life::Grows(..) | Life::Page)) {
        let reads = match (rules.name, rules.life) {
            (_, Life::Grows(..)) => 1,
            ("facebook", _) => 3,
            _ => 4,
        };
        for (step, (fate, _)) in (0..reads).flat_map(|step| misfortunes().into_iter().map(move |m| (step, m)))
        {
            let (name, desks) = (rules.name, desks(rules).await);
            let (code, verifier) = desks.agreed();
            desks.server.state().others =
                std::iter::repeat_n(Fate::Done, step).chain([fate.clone()]).collect();
            let said = desks.redeem(&code, &verifier).await.unwrap_err();
            assert!(!format!("{said:?} {said}").contains("hunter2"), "{name} {step} {fate:?}: {said:?}");
            assert!(matches!(said, Refusal::Unknown(_)), "{name} {step} {fate:?}: {said:?}");
            assert!(desks.server.state().others.is_empty(), "{name} {step}: it was met");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_renewal_ends_nothing_that_is_good() {
    for rules in RULES.iter().filter(|r| matches!(r.life, Life::Rotates | Life::Stays)) {
        for (fate, is_done) in misfortunes() {
            let (name, desks) = (rules.name, desks(rules).await);
            let (code, verifier) = desks.agreed();
            let first = desks.redeem(&code, &verifier).await.unwrap();
            desks.server.state().fates.push_back(fate.clone());
            let said = desks.client.renew(&suite::http(), &first).await.unwrap_err();
            assert!(!format!("{said:?} {said}").contains("hunter2"), "{name} {fate:?}");
            assert!(matches!(said, Refusal::Unknown(_) | Refusal::Later(_)), "{name} {fate:?}: {said:?}");
            assert!(!is_done || matches!(said, Refusal::Unknown(_)), "{name} {fate:?}: {said:?}");
            let next = desks.client.renew(&suite::http(), &first).await;
            let is_used_up = is_done && rules.life == Life::Rotates;
            assert_eq!(next.is_ok(), !is_used_up, "{name} {fate:?}: {next:?}");
        }
    }
}
