//! The router: every transport, track and sink of a node's port, and the way of a datagram between them.
//!
//! Contract: feed it `handle_datagram`, `handle_timeout` and `apply`, in any order; call `forward` and send what is in
//! the egress until it returns false; take `poll_event` until it is empty. `poll_timeout` says when `handle_timeout` is
//! wanted next. A panic in any of these concerns the transport that `current` names: remove that one and go on.

mod backlog;
mod commands;
mod connectivity;
mod feedback;
mod forward;
mod incoming;
mod timers;

use std::collections::{HashMap, VecDeque};

use self::backlog::Backlog;
use crate::crypto::SplitMix64;
use crate::egress::Egress;
use crate::event::Event;
use crate::flight::Record;
use crate::ice::Path;
use crate::media::{Sink, Track};
use crate::policing::Limits;
use crate::rtcp::Compound;
use crate::rtp;
use crate::stats::{NodeCounters, Reported, RouterStats, SinkStats, TrackStats, TransportStats};
use crate::table::Table;
use crate::transport::Transport;

/// Our own SSRC in reports and feedback to peers: they know none of ours before we send media.
const FEEDBACK_SSRC: u32 = 1;

/// See the module.
pub struct Router {
    transports: Table<Transport>,
    tracks: Table<Track>,
    sinks: Table<Sink>,
    by_ufrag: HashMap<String, u32>,
    by_path: HashMap<Path, u32>,
    events: VecDeque<Event>,
    counters: NodeCounters,
    generator: SplitMix64,
    limits: Limits,
    current: Option<u64>,
    next_tick_us: u64,
    /// Tracks with packets that their sinks have not seen.
    backlog: Backlog,
    compound: Compound,
    wanted: Vec<u16>,
}

impl Router {
    /// An empty router. The seed determines the first sequence numbers of sinks; the limits apply to each transport.
    #[must_use]
    pub fn new(seed: u64, limits: Limits) -> Self {
        Self {
            transports: Table::default(),
            tracks: Table::default(),
            sinks: Table::default(),
            by_ufrag: HashMap::new(),
            by_path: HashMap::new(),
            events: VecDeque::new(),
            counters: NodeCounters::default(),
            generator: SplitMix64::new(seed),
            limits,
            current: None,
            next_tick_us: 0,
            backlog: Backlog::default(),
            compound: Compound::default(),
            wanted: Vec::new(),
        }
    }

    /// Takes one datagram; may decrypt it in place.
    pub fn handle_datagram(&mut self, now_us: u64, path: Path, datagram: &mut [u8], egress: &mut Egress) {
        self.counters.datagrams += 1;
        self.current = None;
        match datagram.first() {
            Some(0..=3) => self.handle_stun(now_us, path, datagram, egress),
            Some(20..=63) => self.handle_dtls(now_us, path, datagram, egress),
            Some(128..=191) if datagram.len() <= rtp::MAX_PACKET => self.handle_media(now_us, path, datagram, egress),
            _ => self.counters.dropped_malformed += 1,
        }
    }

    /// The transport that was being handled, for whoever caught a panic.
    #[must_use]
    pub fn current(&self) -> Option<u64> {
        self.current
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When `handle_timeout` is wanted next.
    #[must_use]
    pub fn poll_timeout(&self) -> u64 {
        self.next_tick_us
    }

    /// What was decided lately about the packets of a transport, oldest first; `None` if it is not there.
    #[must_use]
    pub fn flight(&self, transport: u64, now_us: u64) -> Option<Vec<Record>> {
        let transport = self.transports.get(self.transports.index(transport)?)?;
        Some(transport.flight.read(now_us))
    }

    /// A snapshot of all counters.
    #[must_use]
    pub fn stats(&self, now_us: u64) -> RouterStats {
        let round_trip =
            |transport: &Transport| transport.sinks.iter().find_map(|sink| self.sinks.get(*sink)?.round_trip_us);
        let transports = self.transports.iter().map(|(_, id, transport)| TransportStats {
            id,
            counters: transport.counters,
            selected: transport.agent.selected().map(|path| path.remote),
            remb_bps: transport.bitrate.hint_bps(),
            rtt_us: round_trip(transport),
        });
        let tracks = self.tracks.iter().map(|(_, id, track)| TrackStats {
            id,
            packets: track.packets,
            bytes: track.bytes,
            lost: track.lost(),
            expected: track.sent_and_missed().0,
            missed: track.sent_and_missed().1,
            jitter: track.reception.jitter(),
            idle_us: track.heard_us.map(|heard_us| now_us.saturating_sub(heard_us)),
            keyframes: track.keyframes,
            nacks: track.requested,
            plis: track.keyframes_requested,
        });
        let sinks = self.sinks.iter().map(|(_, id, sink)| SinkStats {
            id,
            packets: sink.packets,
            bytes: sink.bytes,
            nack_hits: sink.nack_hits,
            nack_misses: sink.nack_misses,
            fraction_lost: f64::from(sink.last_report.map_or(0, |block| block.fraction_lost)) / 256.0,
            reported: sink.last_report.map(|block| Reported {
                highest: block.highest_seq,
                lost: block.total_lost(),
                jitter: block.jitter,
            }),
            rtt_us: sink.round_trip_us,
            plis: sink.keyframes_wanted,
        });
        RouterStats {
            node: self.counters,
            transports: transports.collect(),
            tracks: tracks.collect(),
            sinks: sinks.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
