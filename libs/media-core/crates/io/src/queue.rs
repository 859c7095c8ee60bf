//! The two queues between the packet thread and everybody else, both bounded.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use parlour_media_core::command::Command;
use parlour_media_core::event::Event;
use parlour_media_core::flight::Record;

use crate::stats::Stats;
use crate::sys::EventFd;

/// Requests that may wait for the packet thread; it empties the queue with every batch.
pub const MAX_REQUESTS: usize = 65_536;
/// Events of one transport that may wait if they can be lost: DTLS repeats itself, of moves only the last counts, and
/// the tracks' counters show what started and stopped too.
pub const MAX_LOSSY_EACH: u32 = 64;

/// What the packet thread is asked.
pub enum Request {
    /// A command for the router.
    Command(Command),
    /// A snapshot of all counters.
    Stats(SyncSender<Stats>),
    /// The flight recorder of a transport, and how late it is.
    Flight(u64, SyncSender<Option<(u64, Vec<Record>)>>),
    /// End.
    Stop,
}

/// News from the packet thread.
#[derive(Debug)]
pub enum Notice {
    /// From the router.
    Event(Event),
    /// A transport was ended because handling its packets panicked.
    Panic {
        /// The transport.
        transport: u64,
        /// What the panic said.
        message: String,
    },
    /// So many events were lost.
    Overflow(u64),
}

/// A panic of another thread does not make plain queues inconsistent.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests on their way in.
pub struct Inbox {
    requests: Mutex<VecDeque<Request>>,
    waiting: AtomicBool,
    /// Readable while requests wait.
    pub wake: EventFd,
}

impl Inbox {
    /// An empty one.
    #[must_use]
    pub fn new(wake: EventFd) -> Self {
        Self { requests: Mutex::default(), waiting: AtomicBool::new(false), wake }
    }

    /// Adds a request; false if the queue is full.
    #[must_use]
    pub fn push(&self, request: Request) -> bool {
        let mut requests = lock(&self.requests);
        if requests.len() >= MAX_REQUESTS {
            return false;
        }
        requests.push_back(request);
        if !self.waiting.swap(true, Ordering::Release) {
            self.wake.signal();
        }
        true
    }

    /// Takes everything; cheap when there is nothing.
    #[must_use]
    pub fn take(&self) -> VecDeque<Request> {
        if !self.waiting.load(Ordering::Acquire) {
            return VecDeque::new();
        }
        let mut requests = lock(&self.requests);
        self.waiting.store(false, Ordering::Release);
        self.wake.clear();
        std::mem::take(&mut *requests)
    }
}

#[derive(Default)]
struct Waiting {
    notices: VecDeque<Notice>,
    lossy: HashMap<u64, u32>,
    dropped: u64,
}

/// News on their way out.
pub struct Outbox {
    waiting: Mutex<Waiting>,
    /// Readable while news wait.
    pub wake: EventFd,
}

impl Outbox {
    /// An empty one.
    #[must_use]
    pub fn new(wake: EventFd) -> Self {
        Self { waiting: Mutex::default(), wake }
    }

    /// Adds news; what can be lost is lost beyond its transport's share.
    pub fn push(&self, notice: Notice) {
        let mut waiting = lock(&self.waiting);
        if let Some(transport) = lossy(&notice) {
            let count = waiting.lossy.entry(transport).or_default();
            if *count >= MAX_LOSSY_EACH {
                waiting.dropped += 1;
                return;
            }
            *count += 1;
        }
        waiting.notices.push_back(notice);
        if waiting.notices.len() == 1 {
            self.wake.signal();
        }
    }

    /// Takes at most `limit`, in order; the rest keeps the descriptor readable.
    #[must_use]
    pub fn take(&self, limit: usize) -> Vec<Notice> {
        let mut waiting = lock(&self.waiting);
        let mut taken = Vec::new();
        if waiting.dropped > 0 {
            taken.push(Notice::Overflow(std::mem::take(&mut waiting.dropped)));
        }
        let count = limit.min(waiting.notices.len());
        taken.extend(waiting.notices.drain(..count));
        for transport in taken.iter().filter_map(lossy) {
            if let Some(count) = waiting.lossy.get_mut(&transport) {
                *count -= 1;
                if *count == 0 {
                    waiting.lossy.remove(&transport);
                }
            }
        }
        if waiting.notices.is_empty() {
            self.wake.clear();
        }
        taken
    }
}

fn lossy(notice: &Notice) -> Option<u64> {
    match notice {
        Notice::Event(
            Event::Dtls { transport, .. }
            | Event::IceMoved { transport, .. }
            | Event::MediaStarted { transport, .. }
            | Event::Bye { transport, .. },
        ) => Some(*transport),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dtls(transport: u64) -> Notice {
        Notice::Event(Event::Dtls { transport, datagram: vec![22] })
    }

    #[test]
    fn one_transport_can_not_crowd_out_another() {
        let outbox = Outbox::new(EventFd::new().unwrap());
        for _ in 0..1000 {
            outbox.push(dtls(1));
        }
        outbox.push(dtls(2));
        let taken = outbox.take(usize::MAX);
        assert!(matches!(taken[0], Notice::Overflow(936)));
        assert_eq!(taken.len(), 1 + 64 + 1);
        outbox.push(dtls(1));
        assert_eq!(outbox.take(10).len(), 1);
    }

    #[test]
    fn media_that_comes_and_goes_does_not_pile_up() {
        let outbox = Outbox::new(EventFd::new().unwrap());
        for track in 0..1000 {
            outbox.push(Notice::Event(Event::MediaStarted { transport: 1, track }));
            outbox.push(Notice::Event(Event::Bye { transport: 1, track }));
        }
        assert!(matches!(outbox.take(usize::MAX)[0], Notice::Overflow(1936)));
    }

    #[test]
    fn a_limited_take_leaves_the_rest_in_order() {
        let outbox = Outbox::new(EventFd::new().unwrap());
        for transport in 1..=3 {
            outbox.push(dtls(transport));
        }
        assert!(matches!(&outbox.take(1)[..], [Notice::Event(Event::Dtls { transport: 1, .. })]));
        assert_eq!(outbox.take(5).len(), 2);
    }
}
