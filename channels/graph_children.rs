//! What a post on a network of Meta's needs before it is published: how long that may take in all, and the containers of
//! its single pictures, which another attempt goes on with.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{SECOND, is_id, not_told, of};
use crate::parts::PICTURES;
use crate::{Failure, Job, Pass};

/// How long a post is prepared at most: its pictures one after the other, and then the whole. Shorter than a sender waits
/// for an attempt, so that one whose public step was never asked for ends without effect and not in doubt.
const PREPARES: Duration = if cfg!(test) { Duration::from_secs(3) } else { Duration::from_secs(60) };
/// The later parts of a thread have so much more together, so that the last one begins in time too.
const LATER_PARTS: Duration = SECOND.saturating_mul(20);

/// When an attempt began to prepare what it publishes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun(Instant);

impl Begun {
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// What is prepared before time is up, after that many parts of a thread. Nobody sees what is not published.
    ///
    /// # Errors
    /// A rejection without effect.
    pub(crate) async fn prepared<T>(
        self,
        parts_out: usize,
        network: &str,
        prepare: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let more = if parts_out > 0 { LATER_PARTS } else { Duration::ZERO };
        let late = |_| not_told(format!("{network} is still preparing the post"));
        tokio::time::timeout_at(self.0 + PREPARES + more, prepare).await.map_err(late)?
    }
}

/// Whether nothing but containers of single pictures is written down: such a post was never published.
pub(crate) fn are_all(handle: &str) -> bool {
    handle.starts_with(PICTURES)
}

/// A network whose posts with several pictures have a container for each.
#[async_trait]
pub(crate) trait Carousel: Sync {
    /// Whose posts they are.
    fn account(&self) -> &str;

    /// Whether a container of an earlier attempt can be gone on with.
    async fn is_usable(&self, container: &str) -> Result<bool, Failure>;

    /// Makes the container of one picture with its words.
    async fn contain(&self, url: &str, alt: &str, pass: &Pass) -> Result<String, Failure>;

    /// Waits until a container is prepared.
    async fn wait_for(&self, container: &str) -> Result<(), Failure>;

    /// The containers of several pictures, each with its words, ready. They are written down one by one, so that
    /// another attempt goes on when this one has no time left.
    async fn children(
        &self,
        job: &Job,
        pictures: &[(&str, &str)],
        pass: &Pass,
    ) -> Result<Vec<String>, Failure> {
        let mut children = Children::of(self.account(), job);
        for (url, alt) in pictures {
            let known = children.next().map(str::to_owned);
            match known {
                Some(known) if self.is_usable(&known).await? => children.ready.push(known),
                _ => {
                    children.ready.push(self.contain(url, alt, pass).await?);
                    pass.keep(&children.written()).await?;
                }
            }
        }
        for child in &children.ready {
            self.wait_for(child).await?;
        }
        Ok(children.ready)
    }
}

/// The containers of the pictures of one post, in their order.
struct Children<'a> {
    account: &'a str,
    /// Those that an earlier attempt has written down.
    known: Vec<String>,
    ready: Vec<String>,
}

impl<'a> Children<'a> {
    fn of(account: &'a str, job: &Job) -> Self {
        let handle = job.handle.as_deref().and_then(|handle| handle.strip_prefix(PICTURES));
        let (whose, ids) = handle.and_then(|named| named.split_once(':')).unwrap_or_default();
        let known: Vec<String> = ids.split(',').map(str::to_owned).collect();
        let is_own = whose == account && known.iter().all(|id| is_id(id));
        Self { account, known: if is_own { known } else { Vec::new() }, ready: Vec::new() }
    }

    /// That of the next picture, if an earlier attempt has made it.
    fn next(&self) -> Option<&str> {
        self.known.get(self.ready.len()).map(String::as_str)
    }

    /// What is written down of them.
    fn written(&self) -> String {
        let all: Vec<&str> =
            self.ready.iter().chain(self.known.iter().skip(self.ready.len())).map(String::as_str).collect();
        format!("{PICTURES}{}", of(self.account, &all.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::id_of;
    use crate::suite;

    #[test]
    fn what_is_written_down_of_pictures_is_gone_on_with_by_its_account_alone() {
        let job = |handle: &str| Job { handle: Some(handle.to_owned()), ..suite::job() };
        let mut children = Children::of("7", &suite::job());
        assert_eq!(children.next(), None);
        children.ready.push("1".to_owned());
        children.ready.push("2".to_owned());
        let written = children.written();
        assert_eq!((written.as_str(), are_all(&written), id_of("7", &written)), ("+7:1,2", true, None));
        assert_eq!(crate::parts::out(&written).count(), 0, "nothing of it is out");
        let mut again = Children::of("7", &job(&written));
        assert_eq!(again.next(), Some("1"));
        again.ready.push("3".to_owned());
        assert_eq!((again.next(), again.written().as_str()), (Some("2"), "+7:3,2"));
        for not in ["+8:1,2", "7:1", "~7:1", "+7:1,x/2", "+7:", "+"] {
            assert_eq!(Children::of("7", &job(not)).next(), None, "{not}");
        }
    }
}
