//! What adapters' tests do on a strict server: attempts, deliveries, removals and reads under each misfortune.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::{Fate, Network, Strict};
use crate::suite::{self, CUTS, Cut};
use crate::{Channel, Failure, Job, Keeper, Pass, Receipt, Retraction, Retry, Sighting};

/// What the core remembers of a delivery between its attempts.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Option<String>>>);

impl Memory {
    /// The delivery as the next attempt or read sees it.
    pub fn job(&self) -> Job {
        Job { handle: self.handle(), ..suite::job() }
    }

    /// What was written down last.
    pub fn handle(&self) -> Option<String> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Keeper for Memory {
    async fn keep(&self, handle: &str) -> Result<(), String> {
        *self.0.lock().unwrap() = Some(handle.to_owned());
        Ok(())
    }
}

/// One attempt. It prints no secret.
pub async fn attempt(channel: &dyn Channel) -> Result<Receipt, Failure> {
    attempt_of(channel, &Memory::default()).await
}

/// One attempt at what is remembered. It prints no secret.
pub async fn attempt_of(channel: &dyn Channel, memory: &Memory) -> Result<Receipt, Failure> {
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    let result = channel.publish(&memory.job(), &pass).await;
    assert!(!format!("{result:?}").contains("hunter2"), "{result:?}");
    result
}

/// What the core makes of a channel: it tries again only what provably had no effect, reads back what is in
/// doubt, and leaves the rest to people.
pub async fn deliver(channel: &dyn Channel) -> Option<Receipt> {
    deliver_of(channel, &Memory::default()).await
}

/// The same for what is remembered.
pub async fn deliver_of(channel: &dyn Channel, memory: &Memory) -> Option<Receipt> {
    for _ in 0..8 {
        match attempt_of(channel, memory).await {
            Ok(receipt) => return Some(receipt),
            Err(Failure::Rejected { retry: Retry::Backoff | Retry::After(_), .. }) => {}
            Err(Failure::InDoubt { .. }) => {
                return match channel.read_back(&memory.job()).await {
                    Sighting::Found(receipt) => Some(receipt),
                    _ => None,
                };
            }
            Err(_) => return None,
        }
    }
    None
}

/// Whatever can go wrong with a request that arrives.
pub fn misfortunes() -> Vec<Fate> {
    let mut fates = vec![Fate::Slow(Duration::from_millis(2_500))];
    fates.extend([500, 502, 503, 504, 408].map(Fate::DoneBut));
    for at in CUTS.into_iter().filter(|c| *c != Cut::BeforeConnect) {
        fates.push(Fate::Broken { done: false, at });
        if !matches!(at, Cut::BeforeRead | Cut::MidRequest) {
            fates.push(Fate::Broken { done: true, at });
        }
    }
    fates
}

/// However a removal goes wrong, a post that is there is never said to be gone, and the next try ends it.
pub async fn removals<N: Network>(
    network: N,
    connect: impl Fn(&str) -> Box<dyn Channel>,
    copies: impl Fn(&N) -> usize,
) {
    removals_after(0, network, connect, copies).await;
}

/// The same where that many questions come before the removal.
pub async fn removals_after<N: Network>(
    questions: usize,
    network: N,
    connect: impl Fn(&str) -> Box<dyn Channel>,
    copies: impl Fn(&N) -> usize,
) {
    for fate in
        misfortunes().into_iter().chain([Fate::Refused(401, "", ""), Fate::Refused(200, "", "<html>")])
    {
        let server = Strict::start(network.clone(), &[]).await;
        let channel = connect(&server.url);
        let memory = Memory::default();
        let receipt = attempt_of(&*channel, &memory).await.unwrap();
        server.state().others = std::iter::repeat_n(Fate::Done, questions).chain([fate.clone()]).collect();
        let said = channel.retract(&memory.job(), Some(&receipt.remote_id)).await;
        assert!(!format!("{said:?}").contains("hunter2"), "{said:?}");
        assert!(said != Retraction::Gone || copies(&server.state().network) == 0, "{fate:?}: {said:?}");
        assert!(server.state().others.is_empty(), "{fate:?} was met");
        let again = channel.retract(&memory.job(), Some(&receipt.remote_id)).await;
        assert_eq!((again, copies(&server.state().network)), (Retraction::Gone, 0), "{fate:?}");
    }
}

/// However reading back goes wrong, a post that is there is never said to be absent. Each attempt to read
/// asks `asks` times.
pub async fn reads<N: Network>(network: N, connect: impl Fn(&str) -> Box<dyn Channel>, asks: usize) {
    for fate in misfortunes().into_iter().chain([Fate::Refused(401, "", ""), Fate::Refused(200, "", "{}")]) {
        for nth in 0..asks {
            let server = Strict::start(network.clone(), &[Fate::DoneBut(500)]).await;
            let channel = connect(&server.url);
            let memory = Memory::default();
            assert!(attempt_of(&*channel, &memory).await.is_err());
            let before = std::iter::repeat_n(Fate::Done, nth);
            server.state().others = before.chain([fate.clone()]).collect();
            let seen = channel.read_back(&memory.job()).await;
            assert!(matches!(seen, Sighting::Unknown(_) | Sighting::Found(_)), "{fate:?}, {nth}: {seen:?}");
            assert!(server.state().others.is_empty(), "{fate:?}, {nth} was met");
            assert!(matches!(channel.read_back(&memory.job()).await, Sighting::Found(_)), "{fate:?}, {nth}");
        }
    }
}

/// However a connection breaks, and whatever a server says after it did what was asked, there is one copy
/// at most; and where the network can be read, what is there is found.
pub async fn outcomes<N: Network>(
    network: N,
    connect: impl Fn(&str) -> Box<dyn Channel>,
    copies: impl Fn(&N) -> usize,
    readable: bool,
) {
    // A credential that is refused once had no effect, and is not tried again by itself.
    let server = Strict::start(network.clone(), &[Fate::Refused(401, "", "")]).await;
    let channel = connect(&server.url);
    let refused = attempt(&*channel).await;
    assert!(matches!(refused, Err(Failure::Rejected { retry: Retry::Reconnect, .. })), "{refused:?}");
    assert_eq!(copies(&server.state().network), 0);
    assert!(deliver(&*channel).await.is_some());
    for fate in misfortunes() {
        let server = Strict::start(network.clone(), std::slice::from_ref(&fate)).await;
        let settled = deliver(&*connect(&server.url)).await;
        is_settled(&fate, copies(&server.state().network), settled.as_ref(), readable);
    }
    unreached(network, connect, copies).await;
}

/// There is one copy at most, and what is known of it is true.
pub fn is_settled(fate: &Fate, made: usize, settled: Option<&Receipt>, readable: bool) {
    let done = !matches!(fate, Fate::Broken { done: false, .. });
    // What was cut off before a byte was read may be tried again, as far as the client can prove it.
    assert!(made <= 1 && (made == 1) >= settled.is_some(), "{fate:?}: {made} copies, {settled:?}");
    if done && readable {
        assert!(settled.is_some(), "{fate:?}: what is there is found");
    }
    if done && !readable {
        assert_eq!((made, settled), (1, None), "{fate:?}: nobody knows");
    }
}

/// A look at the account that is refused, breaks, or holds no list is an error, which prints no secret; the next
/// one succeeds. `before` it the channel asks so many other things.
pub async fn looks<N: Network>(
    network: N,
    to: impl Fn(&str) -> Box<dyn Channel>,
    token: &str,
    before: usize,
) {
    let said = format!("no {token}");
    let error = json!({ "code": 190, "message": said });
    let refused = json!({ "error": error, "message": said, "detail": said }).to_string();
    let refusals = [400, 401, 402, 403, 404, 429, 500, 503];
    let mut fates: Vec<Fate> =
        refusals.map(|status| Fate::refused(status, "Retry-After: 7\r\n", refused.as_str())).into();
    let odd = [
        "",
        "[]",
        "{}",
        r#"{"data":7,"elements":7,"meta":7}"#,
        r#"{"data":[{}],"elements":[{}],"meta":{"result_count":1}}"#,
    ];
    fates.extend(odd.map(|body| Fate::refused(200, "", body)));
    fates.extend(CUTS[1..].iter().map(|at| Fate::Broken { done: true, at: *at }));
    let server = Strict::start(network, &[]).await;
    let since = suite::job().permitted_at;
    for fate in fates {
        let mut all = vec![Fate::Done; before];
        all.push(fate.clone());
        server.state().others = all.into();
        let why = to(&server.url).watch(since).await.unwrap_err();
        assert!(!why.is_empty() && !why.contains("hunter2"), "{fate:?}: {why}");
    }
    let seen = to(&server.url).watch(since).await.unwrap();
    assert!(seen.is_some_and(|account| !account.more));
}

/// Nobody listens at the moment when the post is to go, whatever was asked before: nothing has left, that is
/// known, and another try makes the one copy.
async fn unreached<N: Network>(
    network: N,
    connect: impl Fn(&str) -> Box<dyn Channel>,
    copies: impl Fn(&N) -> usize,
) {
    let server = Strict::start(network.clone(), &[]).await;
    attempt(&*connect(&server.url)).await.unwrap();
    let makes = |line: &String| line.split_once(' ').is_some_and(|(method, path)| N::makes(method, path));
    let before = server.state().requests.iter().position(makes).expect("a request that makes the post");
    let server = Strict::start_refusing(network, before).await;
    let (channel, memory) = (connect(&server.url), Memory::default());
    let result = attempt_of(&*channel, &memory).await;
    let no_effect = matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. }));
    assert!(no_effect, "no connection after {before} requests, no effect: {result:?}");
    assert_eq!(server.state().requests.len(), before);
    assert_eq!(copies(&server.state().network), 0);
    server.open().await;
    assert!(deliver_of(&*channel, &memory).await.is_some());
    assert_eq!(copies(&server.state().network), 1);
}
