//! Connectivity: checks, answers, and whose a 5-tuple is.

use super::Router;
use crate::egress::Egress;
use crate::event::Event;
use crate::ice::{Outcome, Path, split_username};
use crate::reachability::asker;
use crate::stun::{Kind, Message};

impl Router {
    pub(super) fn handle_stun(&mut self, now_us: u64, path: Path, datagram: &[u8], egress: &mut Egress) {
        let Some(message) = Message::parse(datagram) else {
            self.counters.dropped_malformed += 1;
            return;
        };
        let addressee = self.addressee(&message);
        self.current = addressee.and_then(|index| self.transports.id(index));
        let Some((index, transport)) = addressee.and_then(|index| Some((index, self.transports.get_mut(index)?)))
        else {
            self.counters.dropped_unknown += 1;
            return;
        };
        let had_path = transport.agent.active().is_some();
        let outcome = match message.kind {
            Kind::Success => transport.agent.handle_answer(path, &message, now_us),
            _ => transport.agent.handle_check(path, &message, datagram.len(), now_us),
        };
        if outcome.refused {
            self.counters.dropped_unauthenticated += 1;
        }
        self.follow(now_us, index, path, outcome, egress);
        if !had_path {
            self.refresh_sinks(index, now_us, egress);
        }
    }

    /// The transport that a message is for: a check names it, an answer repeats what our check said.
    fn addressee(&self, message: &Message<'_>) -> Option<u32> {
        if message.kind == Kind::Success {
            return Some(asker(&message.transaction));
        }
        let (local, _) = message.username.and_then(split_username)?;
        self.by_ufrag.get(std::str::from_utf8(local).ok()?).copied()
    }

    /// Carries out what a check or an answer changed.
    fn follow(&mut self, now_us: u64, index: u32, path: Path, outcome: Outcome, egress: &mut Egress) {
        if let Some(evicted) = outcome.evicted {
            self.release(index, evicted);
        }
        if outcome.admitted {
            self.claim(index, path);
            // Before our answer, which lets the peer begin its handshake: the path is proven by then.
            self.check_back(now_us, index, path, egress);
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
        if let Some(active) = transport.agent.active() {
            for datagram in transport.dtls_waiting.drain(..) {
                egress.push(active, index, &datagram);
            }
        }
    }

    /// A 5-tuple is the transport's whose peer proved last that it is there: a client's next connection may come from the
    /// same port. Where nobody has proved it, whoever checked last may use it: a forged source address takes nobody's.
    fn claim(&mut self, index: u32, path: Path) {
        let proved = |at: u32| self.transports.get(at).is_some_and(|transport| transport.agent.proved(path));
        let previous = self.by_path.get(&path).copied().filter(|previous| *previous != index);
        if previous.is_some_and(|previous| proved(previous) && !proved(index)) {
            return;
        }
        let proven = proved(index);
        self.by_path.insert(path, index);
        if let Some(transport) = previous.filter(|_| proven).and_then(|previous| self.transports.get_mut(previous)) {
            transport.agent.forget(path);
        }
    }

    /// Frees a 5-tuple that the transport uses no more.
    pub(super) fn release(&mut self, index: u32, path: Path) {
        if self.by_path.get(&path) == Some(&index) {
            self.by_path.remove(&path);
        }
    }

    /// Sends a check of our own on a path that is not proven, if one is due.
    pub(super) fn check_back(&mut self, now_us: u64, index: u32, path: Path, egress: &mut Egress) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        if let Some(check) = transport.agent.poll_check(path, index, now_us) {
            egress.push(path, index, &check);
        }
    }

    pub(super) fn handle_dtls(&mut self, now_us: u64, path: Path, datagram: &[u8], egress: &mut Egress) {
        let Some(index) = self.by_path.get(&path).copied() else {
            self.counters.dropped_unknown += 1;
            return;
        };
        let (Some(transport), Some(entry)) = (self.transports.id(index), self.transports.get_mut(index)) else {
            return;
        };
        if !entry.policing.dtls.take(1, now_us) {
            entry.counters.rx_policed += 1;
            return;
        }
        if !entry.agent.proved(path) {
            entry.agent.note_received(path, datagram.len());
            self.check_back(now_us, index, path, egress);
        }
        self.events.push_back(Event::Dtls { transport, datagram: datagram.to_vec() });
    }
}
