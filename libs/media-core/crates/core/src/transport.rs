//! One peer: its ICE agent, its keys, what waits for a path, and what it counts.

use std::collections::VecDeque;

use crate::bitrate::BitrateHint;
use crate::flight::{FlightRecorder, Run};
use crate::ice::{Agent, Path};
use crate::media::{Continuation, Role};
use crate::policing::{Limits, Policing};
use crate::rtcp::ArrivalLog;
use crate::srtp::{Receiver, Sender};
use crate::stats::TransportCounters;

/// DTLS datagrams kept until the peer has a path: more than any handshake flight.
pub const MAX_DTLS_WAITING: usize = 32;

/// SSRCs of ended sinks whose continuation is remembered. A sink that pauses or meets another track comes back under
/// its SSRC soon; others get new random ones. Without a limit a player that starts and stops would grow memory at will.
pub const MAX_RETIRED: usize = 1024;

/// Keys of both directions.
pub struct Srtp {
    /// Opens what the peer sends.
    pub rx: Receiver,
    /// Protects what we send.
    pub tx: Sender,
}

/// Which track an SSRC belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The SSRC.
    pub ssrc: u32,
    /// Index of the track.
    pub track: u32,
    /// What it carries.
    pub role: Role,
}

/// The transport.
pub struct Transport {
    /// Its ICE agent.
    pub agent: Agent,
    /// Its keys, once DTLS is through.
    pub srtp: Option<Srtp>,
    /// Datagrams that wait for a path.
    pub dtls_waiting: VecDeque<Vec<u8>>,
    /// A nomination was reported.
    pub connected: bool,
    /// Indexes of its tracks.
    pub tracks: Vec<u32>,
    /// Indexes of its sinks.
    pub sinks: Vec<u32>,
    /// What it may make the router do.
    pub policing: Policing,
    /// What it counts.
    pub counters: TransportCounters,
    /// Known SSRCs of the peer.
    pub routes: Vec<Route>,
    /// Where SSRCs that sinks used before go on, the latest last.
    pub retired: Vec<(u32, Continuation)>,
    /// Arrivals that were not reported to the peer yet.
    pub arrivals: ArrivalLog,
    /// When to tell them.
    pub arrivals_due_us: u64,
    /// When to report reception.
    pub report_due_us: u64,
    /// The bitrate that the peer is asked to send.
    pub bitrate: BitrateHint,
    /// What was decided about its packets lately.
    pub flight: FlightRecorder,
    /// The recorder's run of packets that belong to no medium.
    pub stray: Run,
}

impl Transport {
    /// A transport that waits for its first check.
    #[must_use]
    pub fn new(agent: Agent, limits: &Limits) -> Self {
        Self {
            agent,
            srtp: None,
            dtls_waiting: VecDeque::new(),
            connected: false,
            tracks: Vec::new(),
            sinks: Vec::new(),
            policing: Policing::new(limits),
            counters: TransportCounters::default(),
            routes: Vec::new(),
            retired: Vec::new(),
            arrivals: ArrivalLog::default(),
            arrivals_due_us: 0,
            report_due_us: 0,
            bitrate: BitrateHint::default(),
            flight: FlightRecorder::default(),
            stray: Run::default(),
        }
    }

    /// Keys and path to send media, if both exist.
    pub fn send_path(&mut self) -> Option<(Path, &mut Sender)> {
        let path = self.agent.active()?;
        self.srtp.as_mut().map(|srtp| (path, &mut srtp.tx))
    }

    /// Notes that a packet of the peer was opened. Only a check consents to being sent media.
    pub fn note_authenticated(&mut self, path: Path, now_us: u64) {
        if self.sinks.is_empty() {
            self.agent.note_authenticated(path, now_us);
        }
    }

    /// Remembers where a later sink of this SSRC must go on: an index used twice under one key would break the cipher.
    pub fn retire(&mut self, ssrc: u32, continuation: Continuation) {
        self.retired.retain(|(other, _)| *other != ssrc);
        if self.retired.len() == MAX_RETIRED {
            self.retired.remove(0);
        }
        self.retired.push((ssrc, continuation));
    }

    /// Where a sink of this SSRC must go on, if there was one before.
    #[must_use]
    pub fn continuation(&self, ssrc: u32) -> Option<Continuation> {
        self.retired.iter().find(|(other, _)| *other == ssrc).map(|(_, continuation)| *continuation)
    }

    /// Keeps a datagram until there is a path; the oldest makes way, as DTLS repeats itself.
    pub fn queue_dtls(&mut self, datagram: Vec<u8>) {
        if self.dtls_waiting.len() == MAX_DTLS_WAITING {
            self.dtls_waiting.pop_front();
        }
        self.dtls_waiting.push_back(datagram);
    }
}
