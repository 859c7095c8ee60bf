//! The router: every transport, track and sink of a node's port, and the way of a datagram between them.
//!
//! Contract: feed it `handle_datagram`, `handle_timeout` and `apply`, in any order, then send what is in the egress and
//! take `poll_event` until it is empty. `poll_timeout` says when `handle_timeout` is wanted next. A panic while a
//! datagram is handled concerns the transport that `current` names: remove that one and go on.

use std::collections::{HashMap, VecDeque};

use crate::command::Command;
use crate::egress::Egress;
use crate::event::Event;
use crate::ice::{Agent, Outcome, Path, split_username};
use crate::rtp;
use crate::srtp::{Receiver, Sender};
use crate::stats::{NodeCounters, RouterStats, TransportStats};
use crate::stun::Message;
use crate::table::Table;
use crate::transport::{Srtp, Transport};

/// See the module.
pub struct Router {
    transports: Table<Transport>,
    by_ufrag: HashMap<String, u32>,
    by_path: HashMap<Path, u32>,
    events: VecDeque<Event>,
    counters: NodeCounters,
    current: Option<u64>,
    next_tick_us: u64,
}

impl Router {
    /// An empty router; the seed scatters first sequence numbers.
    #[must_use]
    pub fn new(_seed: u64) -> Self {
        Self {
            transports: Table::default(),
            by_ufrag: HashMap::new(),
            by_path: HashMap::new(),
            events: VecDeque::new(),
            counters: NodeCounters::default(),
            current: None,
            next_tick_us: 0,
        }
    }

    /// Takes one datagram; may decrypt it in place.
    pub fn handle_datagram(&mut self, now_us: u64, path: Path, datagram: &mut [u8], egress: &mut Egress) {
        self.counters.datagrams += 1;
        match datagram.first() {
            Some(0..=3) => self.handle_stun(now_us, path, datagram, egress),
            Some(20..=63) => self.handle_dtls(path, datagram),
            Some(128..=191) if datagram.len() <= rtp::MAX_PACKET => {}
            _ => self.counters.dropped_malformed += 1,
        }
        self.current = None;
    }

    /// The transport whose packet is being handled, for whoever catches a panic.
    #[must_use]
    pub fn current(&self) -> Option<u64> {
        self.current
    }

    fn handle_stun(&mut self, now_us: u64, path: Path, datagram: &[u8], egress: &mut Egress) {
        let Some(message) = Message::parse(datagram) else {
            self.counters.dropped_malformed += 1;
            return;
        };
        let ufrag = message.username.and_then(split_username).and_then(|(local, _)| std::str::from_utf8(local).ok());
        let Some(index) = ufrag.and_then(|ufrag| self.by_ufrag.get(ufrag).copied()) else {
            self.counters.dropped_unknown += 1;
            return;
        };
        self.current = self.transports.id(index);
        let Some(transport) = self.transports.get_mut(index) else { return };
        let outcome = transport.agent.handle_check(path, &message, now_us);
        if outcome.refused {
            self.counters.dropped_unauthenticated += 1;
        }
        self.follow(index, path, outcome, egress);
    }

    fn follow(&mut self, index: u32, path: Path, outcome: Outcome, egress: &mut Egress) {
        if let Some(evicted) = outcome.evicted {
            self.by_path.remove(&evicted);
        }
        if outcome.admitted {
            self.admit(index, path);
        }
        let (Some(id), Some(transport)) = (self.transports.id(index), self.transports.get_mut(index)) else { return };
        if let Some(answer) = outcome.answer {
            egress.push(path, index, &answer);
        }
        if outcome.selected {
            let remote = path.remote;
            let first = !std::mem::replace(&mut transport.connected, true);
            self.events.push_back(if first {
                Event::IceConnected { transport: id, remote }
            } else {
                Event::IceMoved { transport: id, remote }
            });
        }
        for datagram in transport.dtls_waiting.drain(..) {
            egress.push(path, index, &datagram);
        }
    }

    /// The newest authenticated check owns a 5-tuple: a client's next connection may come from the same port.
    fn admit(&mut self, index: u32, path: Path) {
        let Some(previous) = self.by_path.insert(path, index).filter(|previous| *previous != index) else { return };
        if let Some(transport) = self.transports.get_mut(previous) {
            transport.agent.forget(path);
        }
    }

    fn handle_dtls(&mut self, path: Path, datagram: &[u8]) {
        let Some(transport) = self.by_path.get(&path).and_then(|index| self.transports.id(*index)) else {
            self.counters.dropped_unknown += 1;
            return;
        };
        self.events.push_back(Event::Dtls { transport, datagram: datagram.to_vec() });
    }

    /// Carries out a command.
    pub fn apply(&mut self, now_us: u64, command: Command, egress: &mut Egress) {
        match command {
            Command::AddTransport { transport, credentials, consent_timeout_us } => {
                let ufrag = credentials.local_ufrag.clone();
                let agent = Agent::new(credentials, consent_timeout_us, now_us);
                if let Some(index) = self.transports.insert(transport, Transport::new(agent)) {
                    self.by_ufrag.insert(ufrag, index);
                }
            }
            Command::RestartIce { transport, credentials } => {
                let Some(index) = self.transports.index(transport) else { return };
                self.by_ufrag.insert(credentials.local_ufrag.clone(), index);
                if let Some(transport) = self.transports.get_mut(index) {
                    let old = transport.agent.local_ufrag().to_owned();
                    if old != credentials.local_ufrag {
                        self.by_ufrag.remove(&old);
                    }
                    transport.agent.restart(credentials, now_us);
                }
            }
            Command::RemoveTransport(transport) => self.remove_transport(transport),
            Command::SendDtls { transport, datagram } => {
                let Some(index) = self.transports.index(transport) else { return };
                let Some(transport) = self.transports.get_mut(index) else { return };
                match transport.agent.active() {
                    Some(path) => egress.push(path, index, &datagram),
                    None => transport.queue_dtls(datagram),
                }
            }
            Command::InstallSrtp { transport, rx, tx } => {
                if let Some(entry) = self.transports.by_id_mut(transport) {
                    entry.srtp = Some(Srtp { rx: Receiver::new(rx), tx: Sender::new(tx) });
                    self.events.push_back(Event::SrtpReady { transport });
                }
            }
            _ => {}
        }
    }

    /// Ends a transport.
    pub fn remove_transport(&mut self, id: u64) {
        let Some((_, transport)) = self.transports.remove(id) else { return };
        self.by_ufrag.remove(transport.agent.local_ufrag());
        for path in transport.agent.paths() {
            self.by_path.remove(&path);
        }
    }

    /// Does what time demands.
    pub fn handle_timeout(&mut self, now_us: u64, _egress: &mut Egress) {
        self.next_tick_us = now_us + 100_000;
        for (_, id, transport) in self.transports.iter_mut() {
            if transport.agent.handle_timeout(now_us) {
                self.events.push_back(Event::IceTimeout { transport: id });
            }
        }
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

    /// Forwards what was received since the last call; true if the egress is full and there is more.
    pub fn forward(&mut self, _now_us: u64, _egress: &mut Egress) -> bool {
        false
    }

    /// A snapshot of all counters.
    #[must_use]
    pub fn stats(&self, _now_us: u64) -> RouterStats {
        let transports = self.transports.iter().map(|(_, id, transport)| TransportStats {
            id,
            counters: transport.counters,
            selected: transport.agent.selected().map(|path| path.remote),
            remb_bps: 0,
            rtt_us: None,
        });
        RouterStats { node: self.counters, transports: transports.collect(), tracks: vec![], sinks: vec![] }
    }
}
