//! One peer: its ICE agent, its keys, what waits for a path, and what it counts.

use std::collections::{HashMap, VecDeque};

use crate::bitrate::BitrateHint;
use crate::flight::{Flight, Run};
use crate::ice::{Agent, Path};
use crate::media::Role;
use crate::rtcp::ArrivalLog;
use crate::srtp::{Receiver, Sender};
use crate::stats::TransportCounters;

/// DTLS datagrams kept until the peer has a path: more than any handshake flight.
pub const MAX_DTLS_WAITING: usize = 32;

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
    /// What it counts.
    pub counters: TransportCounters,
    /// Known SSRCs of the peer.
    pub routes: Vec<Route>,
    /// Next packet index of SSRCs that sinks used before.
    pub retired: HashMap<u32, u64>,
    /// Id of the transport-wide sequence number.
    pub transport_cc_id: Option<u8>,
    /// Arrivals that the peer was not told.
    pub arrivals: ArrivalLog,
    /// When to tell them.
    pub arrivals_due_us: u64,
    /// When to report reception.
    pub report_due_us: u64,
    /// What the peer is told to send.
    pub bitrate: BitrateHint,
    /// What was decided about its packets lately.
    pub flight: Flight,
    /// The recorder's run of packets that belong to no medium.
    pub stray: Run,
}

impl Transport {
    /// A transport that waits for its first check.
    #[must_use]
    pub fn new(agent: Agent) -> Self {
        Self {
            agent,
            srtp: None,
            dtls_waiting: VecDeque::new(),
            connected: false,
            tracks: Vec::new(),
            sinks: Vec::new(),
            counters: TransportCounters::default(),
            routes: Vec::new(),
            retired: HashMap::new(),
            transport_cc_id: None,
            arrivals: ArrivalLog::default(),
            arrivals_due_us: 0,
            report_due_us: 0,
            bitrate: BitrateHint::default(),
            flight: Flight::default(),
            stray: Run::default(),
        }
    }

    /// Keys and path to send media, if both exist.
    pub fn outlet(&mut self) -> Option<(Path, &mut Sender)> {
        let path = self.agent.active()?;
        self.srtp.as_mut().map(|srtp| (path, &mut srtp.tx))
    }

    /// Keeps a datagram until there is a path; the oldest makes way, as DTLS repeats itself.
    pub fn queue_dtls(&mut self, datagram: Vec<u8>) {
        if self.dtls_waiting.len() == MAX_DTLS_WAITING {
            self.dtls_waiting.pop_front();
        }
        self.dtls_waiting.push_back(datagram);
    }
}
