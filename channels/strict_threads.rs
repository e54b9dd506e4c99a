//! What adapters' tests do on a strict server with a post in parts: whatever goes wrong with one of them, what is there is the
//! beginning of the thread, each part once, and another try ends it.

use std::iter::repeat_n;
use std::sync::Arc;

use chrono::TimeDelta;

use super::{Fate, Memory, Network, Strict, misfortunes};
use crate::suite::closed_pass;
use crate::{Channel, Failure, Job, Keeper, Pass, Receipt, Retraction, Retry, Sighting, parts};

/// A network that shows threads.
pub struct Threads<N> {
    pub network: N,
    pub connect: fn(&str) -> Box<dyn Channel>,
    /// The words of each part in their order, each of which answers what it has to.
    pub shows: fn(&N) -> Vec<String>,
    /// Whether a part is found whose answer was lost.
    pub readable: bool,
}

/// The delivery as the next attempt or read sees it, in three parts.
fn thread(memory: &Memory) -> Job {
    let mut job = memory.job();
    job.rendition.more = vec!["It began at nine.".to_owned(), "The next word comes at ten.".to_owned()];
    job
}

fn all() -> Vec<String> {
    thread(&Memory::default()).rendition.texts().map(str::to_owned).collect()
}

async fn attempt(channel: &dyn Channel, memory: &Memory) -> Result<Receipt, Failure> {
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    let mut job = thread(memory);
    if written(memory) > 0 {
        // A person looked first: the attempt begins long after what is out.
        job.permitted_at += TimeDelta::hours(1);
    }
    let result = channel.publish(&job, &pass).await;
    assert!(!format!("{result:?}").contains("hunter2"), "{result:?}");
    result
}

/// How many parts are written down.
fn written(memory: &Memory) -> usize {
    parts::out(&memory.handle().unwrap_or_default()).count()
}

/// A post in three parts under every misfortune of each.
pub async fn threads<N: Network>(of: Threads<N>) {
    of.whole().await;
    for place in 0..all().len() {
        let refused = [400, 401, 429].map(|status| Fate::refused(status, "Retry-After: 7\r\n", "{}"));
        for fate in misfortunes().into_iter().chain(refused) {
            of.breaks(place, &fate).await;
        }
        of.unreached(place).await;
    }
}

impl<N: Network> Threads<N> {
    fn shown(&self, server: &Strict<N>) -> Vec<String> {
        (self.shows)(&server.state().network)
    }

    /// Where nothing goes wrong, all is out, and all is taken down.
    async fn whole(&self) {
        let server = Strict::start(self.network.clone(), &[]).await;
        let (channel, memory) = ((self.connect)(&server.url), Memory::default());
        let receipt = attempt(&*channel, &memory).await.unwrap();
        assert_eq!((self.shown(&server), written(&memory)), (all(), 3));
        let again = attempt(&*channel, &memory).await.unwrap();
        assert_eq!(
            (again.remote_id, self.shown(&server)),
            (receipt.remote_id.clone(), all()),
            "nothing is doubled"
        );
        let seen = channel.read_back(&thread(&memory)).await;
        match seen {
            Sighting::Found(found) => assert_eq!(found.remote_id, receipt.remote_id),
            seen => assert!(!self.readable && matches!(seen, Sighting::Unknown(_)), "{seen:?}"),
        }
        // It is written down first that a person wants that.
        memory.keep(&parts::withdrawn(&memory.handle().unwrap())).await.unwrap();
        let down = channel.retract(&thread(&memory), Some(&receipt.remote_id)).await;
        assert_eq!((down, self.shown(&server)), (Retraction::Gone, Vec::new()));
    }

    /// That befalls the request of one part.
    async fn breaks(&self, place: usize, fate: &Fate) {
        let fates: Vec<_> = repeat_n(Fate::Done, place).chain([fate.clone()]).collect();
        let server = Strict::start(self.network.clone(), &fates).await;
        let (channel, memory) = ((self.connect)(&server.url), Memory::default());
        let failure = attempt(&*channel, &memory).await.unwrap_err();
        let seen = format!("{fate:?} of part {}: {failure:?}", place + 1);
        let done = !matches!(fate, Fate::Broken { done: false, .. } | Fate::Told(..));
        let out = place + usize::from(done);
        assert_eq!((self.shown(&server), written(&memory)), (all()[..out].to_vec(), place), "{seen}");
        let partly = format!("parts out: {place} of 3; ");
        match &failure {
            Failure::Rejected { .. } => assert!(place == 0 && !done, "{seen}"),
            Failure::InDoubt { reason } => assert_eq!(reason.starts_with(&partly), place > 0, "{seen}"),
            Failure::Closed { .. } => panic!("{seen}"),
        }
        self.reads(&*channel, &memory, (place, out), &seen).await;
        if done && (place == 0 || !self.readable) {
            // It may be there, and nobody here can tell: a person looks. What is known goes all the same.
            let down = channel.retract(&thread(&memory), None).await;
            assert!(
                matches!(down, Retraction::StillLive(_)) || self.shown(&server).is_empty(),
                "{seen}: {down:?}"
            );
            return;
        }
        if place > 0 {
            let shut = channel.publish(&thread(&memory), &closed_pass()).await;
            let is_shut =
                matches!(shut, Err(Failure::Closed { partly: true, .. })) || out == 3 && shut.is_ok();
            assert!(is_shut && self.shown(&server) == all()[..out], "{seen}: {shut:?}");
        }
        let receipt =
            attempt(&*channel, &memory).await.unwrap_or_else(|why| panic!("{seen}, again: {why:?}"));
        assert_eq!(self.shown(&server), all(), "{seen}, again");
        let down = channel.retract(&thread(&memory), Some(&receipt.remote_id)).await;
        assert_eq!((down, self.shown(&server)), (Retraction::Gone, Vec::new()), "{seen}");
    }

    /// What reading back says when so many parts are written down, and so many are out.
    async fn reads(&self, channel: &dyn Channel, memory: &Memory, (known, out): (usize, usize), seen: &str) {
        let found = channel.read_back(&thread(memory)).await;
        let is_true = match &found {
            Sighting::Unknown(_) if !self.readable => true,
            Sighting::Found(_) => known > 0 && out == 3,
            Sighting::Absent => out == 0,
            Sighting::Unknown(why) => out < 3 && why.starts_with(&format!("parts out: {out} of 3; ")),
            Sighting::Gone(_) => false,
        };
        assert!(is_true, "{seen}: {found:?}");
    }

    /// Nobody listens when one part is to go: that is known, and another try goes on with it.
    async fn unreached(&self, place: usize) {
        let server = Strict::start(self.network.clone(), &[]).await;
        attempt(&*(self.connect)(&server.url), &Memory::default()).await.unwrap();
        let makes = |line: &String| line.split_once(' ').is_some_and(|(method, path)| N::makes(method, path));
        let lines = server.state().requests.clone();
        let before = (0..lines.len()).filter(|n| makes(&lines[*n])).nth(place).unwrap();
        let server = Strict::start_refusing(self.network.clone(), before).await;
        let (channel, memory) = ((self.connect)(&server.url), Memory::default());
        let failure = attempt(&*channel, &memory).await.unwrap_err();
        let is_known = match &failure {
            Failure::Rejected { retry, .. } => place == 0 && *retry == Retry::Backoff,
            Failure::InDoubt { reason } => {
                reason.starts_with(&format!("parts out: {place} of 3; ")) && place > 0
            }
            Failure::Closed { .. } => false,
        };
        assert!(is_known && self.shown(&server) == all()[..place], "part {}: {failure:?}", place + 1);
        server.open().await;
        attempt(&*channel, &memory).await.unwrap();
        assert_eq!(self.shown(&server), all());
    }
}
