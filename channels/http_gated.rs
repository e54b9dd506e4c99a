//! A body that is pulled through the gate.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::gate::{Closed, Pass};

/// What the client has asked of a body so far.
pub(super) enum Seen {
    Nothing,
    Begun,
    Closed(Closed),
    /// The outcome is told: nothing may begin any more.
    Over,
}

/// Ends a body's chance to begin, at the latest when the send is dropped. Otherwise the connection's
/// own task could still ask for it after the send was called "not sent".
pub(super) struct Watch(pub(super) Arc<Mutex<Seen>>);

impl Watch {
    pub(super) fn finish(&self) -> Seen {
        std::mem::replace(&mut *lock(&self.0), Seen::Over)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A body of known size whose first poll reads the gate.
pub(super) struct Gated {
    pub(super) bytes: Option<Bytes>,
    pub(super) pass: Pass,
    pub(super) seen: Arc<Mutex<Seen>>,
}

impl http_body::Body for Gated {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Closed>>> {
        let Some(bytes) = self.bytes.take() else { return Poll::Ready(None) };
        let mut seen = lock(&self.seen);
        let verdict = if matches!(*seen, Seen::Nothing) { self.pass.begin() } else { Err(Closed::Unknown) };
        if !matches!(*seen, Seen::Over) {
            *seen = verdict.clone().map_or_else(Seen::Closed, |()| Seen::Begun);
        }
        Poll::Ready(Some(verdict.map(|()| http_body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.bytes.as_ref().map_or(0, |b| b.len() as u64))
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
