//! The order in which tracks are served when not all of them can be at once.

use std::collections::VecDeque;

/// Tracks with packets to forward, each once. One whose fan-out filled the egress goes on when those that came since have
/// been served: a flood with many players is late itself and holds up nobody else.
#[derive(Default)]
pub struct Backlog {
    /// Tracks of which no sink has been served since their packets came.
    fresh: VecDeque<u32>,
    /// Tracks whose fan-out was interrupted; the first has waited longest.
    begun: VecDeque<u32>,
}

impl Backlog {
    /// Adds a track that is not in it.
    pub fn push(&mut self, track: u32) {
        self.fresh.push_back(track);
    }

    /// The track to be served next.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.fresh.front().or(self.begun.front()).copied()
    }

    /// Lets the others go before the first.
    pub fn put_off(&mut self) {
        if let Some(track) = self.fresh.pop_front().or_else(|| self.begun.pop_front()) {
            self.begun.push_back(track);
        }
    }

    /// Takes a track out.
    pub fn remove(&mut self, track: u32) {
        self.fresh.retain(|other| *other != track);
        self.begun.retain(|other| *other != track);
    }

    /// Whether all tracks are served.
    #[must_use]
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.begun.is_empty()
    }
}
