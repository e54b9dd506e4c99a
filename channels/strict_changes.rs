//! What adapters' tests do on a strict server with a post that is out: it gets other words, and goes to the top.

use std::iter::repeat_n;

use super::{Fate, Network, Strict, misfortunes};
use crate::revise::GONE;
use crate::suite::{self, closed_pass};
use crate::{Channel, Failure, Job, MediaRef, Pass, Pinned, Receipt, Retraction, Retry, Revised, Sighting};

/// A network whose posts get other words.
#[derive(Clone)]
pub struct Changes<N> {
    pub network: N,
    pub connect: fn(&str) -> Box<dyn Channel>,
    /// The words of all its posts.
    pub says: fn(&N) -> Vec<String>,
    /// So many questions come before a change.
    pub before: usize,
    /// Whether a post can be read by its id.
    pub readable: bool,
    /// How many pictures its posts have, where each is posted with one.
    pub pictures: Option<fn(&N) -> usize>,
}

fn old() -> String {
    suite::revised("").before.text
}

fn new() -> String {
    suite::job().rendition.text
}

/// The delivery that makes a post without pictures.
fn first() -> Job {
    let of = suite::revised("");
    Job { delivery: of.delivery, rendition: of.before, ..suite::job() }
}

async fn post(channel: &dyn Channel, job: &Job) -> String {
    channel.publish(job, &Pass::open_for_tests()).await.unwrap().remote_id
}

fn picture() -> Vec<MediaRef> {
    vec![MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: "A map".into() }]
}

/// One attempt at a change of a post without pictures. It prints no secret.
pub async fn change(channel: &dyn Channel, id: &str) -> Result<Receipt, Failure> {
    change_to(channel, &suite::changed(id), &suite::revised(id), &Pass::open_for_tests()).await
}

async fn change_to(channel: &dyn Channel, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
    let result = channel.revise(job, of, pass).await;
    assert!(!format!("{result:?}").contains("hunter2"), "{result:?}");
    result
}

impl<N: Network> Changes<N> {
    /// With a picture, where posts have one.
    fn pictured(&self, mut job: Job) -> Job {
        if self.pictures.is_some() {
            job.rendition.media = picture();
            job.media = vec![b"a map".to_vec()];
        }
        job
    }

    /// The delivery that makes the post.
    fn first(&self) -> Job {
        self.pictured(first())
    }

    /// The delivery that changes it, and what it changes.
    fn changed(&self, id: &str) -> (Job, Revised) {
        let mut of = suite::revised(id);
        of.before.media = self.first().rendition.media;
        (Job { revises: Some(of.clone()), ..self.pictured(suite::job()) }, of)
    }

    /// One attempt at the change.
    async fn change(&self, channel: &dyn Channel, id: &str) -> Result<Receipt, Failure> {
        let (job, of) = self.changed(id);
        change_to(channel, &job, &of, &Pass::open_for_tests()).await
    }

    async fn read(&self, channel: &dyn Channel, id: &str) -> Sighting {
        let (job, of) = self.changed(id);
        let seen = channel.read_revised(&job, &of).await;
        assert!(!format!("{seen:?}").contains("hunter2"), "{seen:?}");
        seen
    }

    /// A server with the post.
    async fn start(&self) -> (Strict<N>, Box<dyn Channel>, String) {
        let server = Strict::start(self.network.clone(), &[]).await;
        let channel = (self.connect)(&server.url);
        let id = post(&*channel, &self.first()).await;
        (server, channel, id)
    }

    /// The words of all posts, each of which has its picture.
    fn words(&self, server: &Strict<N>) -> Vec<String> {
        let state = server.state();
        let words = (self.says)(&state.network);
        if let Some(count) = self.pictures {
            assert_eq!(count(&state.network), words.len(), "the pictures of {words:?}");
        }
        words
    }

    /// That is the fate of the next change.
    fn next(&self, server: &Strict<N>, fate: &Fate) {
        server.state().others = repeat_n(Fate::Done, self.before).chain([fate.clone()]).collect();
    }
}

/// However a change goes wrong, what is known of it is true, and the next try ends it.
pub async fn changes<N: Network>(of: Changes<N>) {
    for fate in misfortunes().into_iter().chain([Fate::Done]) {
        ends(&of, &fate).await;
    }
    let retries = [
        (Fate::Refused(401, "", ""), Retry::Reconnect),
        (Fate::Refused(403, "", ""), Retry::Reconnect),
        (Fate::Refused(429, "Retry-After: 7\r\n", ""), Retry::After(std::time::Duration::from_secs(7))),
    ];
    for (fate, retry) in retries {
        let (server, channel, id) = of.start().await;
        of.next(&server, &fate);
        let said = of.change(&*channel, &id).await;
        assert!(
            matches!(&said, Err(Failure::Rejected { retry: r, .. }) if *r == retry),
            "{fate:?}: {said:?}"
        );
        assert_eq!(of.words(&server), [old()], "{fate:?}");
        of.change(&*channel, &id).await.unwrap();
        assert_eq!(of.words(&server), [new()], "{fate:?}");
    }
    stays_gone(&of).await;
    shut(&of).await;
}

/// One change with that fate, what is read after a doubt, and the next try.
async fn ends<N: Network>(of: &Changes<N>, fate: &Fate) {
    let (server, channel, id) = of.start().await;
    of.next(&server, fate);
    let said = of.change(&*channel, &id).await;
    assert!(server.state().others.is_empty(), "{fate:?} was met");
    let done = !matches!(fate, Fate::Broken { done: false, .. });
    assert_eq!(of.words(&server), [if done { new() } else { old() }], "{fate:?}");
    match &said {
        Ok(receipt) => assert!(done && receipt.remote_id == id, "{fate:?}: {said:?}"),
        Err(Failure::Rejected { retry: Retry::Backoff, .. }) => assert!(!done, "{fate:?}: {said:?}"),
        Err(Failure::InDoubt { .. }) => match (of.readable, done, of.read(&*channel, &id).await) {
            (true, true, Sighting::Found(receipt)) if receipt.remote_id == id => {}
            (true, false, Sighting::Absent) | (false, _, Sighting::Unknown(_)) => {}
            (_, _, seen) => panic!("{fate:?}, in doubt: {seen:?}"),
        },
        Err(_) => panic!("{fate:?}: {said:?}"),
    }
    assert_eq!(of.change(&*channel, &id).await.unwrap().remote_id, id, "{fate:?}");
    assert_eq!(of.words(&server), [new()], "{fate:?}: nothing is posted anew");
}

/// A post that somebody took down is not posted again.
async fn stays_gone<N: Network>(of: &Changes<N>) {
    let (server, channel, id) = of.start().await;
    assert_eq!(channel.retract(&of.first(), Some(&id)).await, Retraction::Gone);
    assert_eq!(of.change(&*channel, &id).await, Err(Failure::never(GONE)));
    match of.read(&*channel, &id).await {
        Sighting::Gone(why) if of.readable => assert_eq!(why, GONE),
        Sighting::Unknown(_) if !of.readable => {}
        seen => panic!("{seen:?}"),
    }
    assert_eq!(of.words(&server), Vec::<String>::new());
}

/// No new word leaves through a closed gate, or where nobody listens at its moment; both are known.
async fn shut<N: Network>(of: &Changes<N>) {
    let (server, channel, id) = of.start().await;
    let made = server.state().requests.len();
    let (job, revised) = of.changed(&id);
    let said = channel.revise(&job, &revised, &closed_pass()).await;
    assert!(matches!(said, Err(Failure::Closed { .. })), "{said:?}");
    assert_eq!(server.state().requests.len(), made + of.before);
    assert_eq!(of.words(&server), [old()]);
    let server = Strict::start_refusing(of.network.clone(), made + of.before).await;
    let channel = (of.connect)(&server.url);
    let id = post(&*channel, &of.first()).await;
    let said = of.change(&*channel, &id).await;
    assert!(matches!(said, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{said:?}");
    assert_eq!(of.words(&server), [old()]);
    server.open().await;
    of.change(&*channel, &id).await.unwrap();
    assert_eq!(of.words(&server), [new()]);
}

/// A post of somebody else, which `add` makes with the old words, stays as it is. What is said of it.
pub async fn foreign<N: Network>(of: &Changes<N>, add: fn(&mut N, &str) -> String) -> (Failure, Pinned) {
    let server = Strict::start(of.network.clone(), &[]).await;
    let channel = (of.connect)(&server.url);
    let id = add(&mut server.state().network, &old());
    let said = change(&*channel, &id).await.unwrap_err();
    assert!(matches!(said, Failure::Rejected { .. }), "{said:?}");
    assert_eq!(of.words(&server), [old()]);
    (said, channel.pin(&id, true).await)
}

/// However a pin goes wrong, it is never said to be done while it is not; and asked again, it is done.
pub async fn pins<N: Network>(network: N, connect: fn(&str) -> Box<dyn Channel>, pinned: fn(&N) -> usize) {
    let fates = misfortunes().into_iter().chain([Fate::Done, Fate::Refused(401, "", "")]);
    for (up, fate) in fates.flat_map(|fate| [(true, fate.clone()), (false, fate)]) {
        let server = Strict::start(network.clone(), &[]).await;
        let channel = connect(&server.url);
        let id = post(&*channel, &first()).await;
        if !up {
            assert_eq!(channel.pin(&id, true).await, Pinned::Done);
        }
        server.state().others = [fate.clone()].into();
        let said = channel.pin(&id, up).await;
        assert!(!format!("{said:?}").contains("hunter2"), "{said:?}");
        assert!(server.state().others.is_empty(), "{fate:?} was met");
        let is_so = pinned(&server.state().network) == usize::from(up);
        assert!(is_so || said != Pinned::Done, "{fate:?}, {up}");
        assert!(fate != Fate::Done || said == Pinned::Done, "{up}: {said:?}");
        for _ in 0..2 {
            assert_eq!(channel.pin(&id, up).await, Pinned::Done, "{fate:?}, {up}");
            assert_eq!(pinned(&server.state().network), usize::from(up), "{fate:?}");
        }
        assert_eq!(channel.retract(&first(), Some(&id)).await, Retraction::Gone);
        let gone = channel.pin(&id, true).await;
        assert!(matches!(gone, Pinned::Failed(_)), "{gone:?}");
    }
}
