//! Media from publishers: opened once, routed to its track, kept for the sinks.

use super::Router;
use crate::egress::Egress;
use crate::event::Event;
use crate::flight::Decision;
use crate::ice::Path;
use crate::media::Role;
use crate::rtp::{Header, is_rtcp};
use crate::srtp::{Opened, Refusal};
use crate::transport::{Route, Transport};

impl Router {
    pub(super) fn handle_media(&mut self, now_us: u64, path: Path, datagram: &mut [u8], egress: &mut Egress) {
        let Some(index) = self.by_path.get(&path).copied() else {
            self.counters.dropped_unknown += 1;
            return;
        };
        self.current = self.transports.id(index);
        let Some(transport) = self.transports.get_mut(index) else { return };
        if is_rtcp(datagram) {
            match open_rtcp(transport, datagram) {
                Ok(len) => {
                    transport.note_authenticated(path, now_us);
                    if !transport.admits(datagram.len(), now_us) {
                        return;
                    }
                    self.handle_feedback(now_us, index, &datagram[..len], egress);
                }
                Err(refusal) => count_refusal(transport, refusal),
            }
            return;
        }
        let Some(header) = Header::parse(datagram) else {
            self.counters.dropped_malformed += 1;
            return;
        };
        match open_rtp(transport, &header, datagram) {
            Ok(opened) => {
                transport.note_authenticated(path, now_us);
                if !transport.admits(datagram.len(), now_us) {
                    let decision = Decision::Refused;
                    transport.flight.note(&mut transport.stray, now_us, 0, decision, header.seq, datagram.len());
                    return;
                }
                self.handle_opened(now_us, index, header, datagram, opened, egress);
            }
            Err(refusal) => {
                transport.flight.note(&mut transport.stray, now_us, 0, Decision::Refused, header.seq, datagram.len());
                count_refusal(transport, refusal);
            }
        }
    }

    fn handle_opened(
        &mut self,
        now_us: u64,
        index: u32,
        header: Header,
        datagram: &mut [u8],
        opened: Opened,
        egress: &mut Egress,
    ) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        transport.counters.rx_packets += 1;
        transport.counters.rx_bytes += datagram.len() as u64;
        let Some(route) = transport.route(header.ssrc).or_else(|| self.learn(now_us, index, &header, datagram)) else {
            if let Some(transport) = self.transports.get_mut(index) {
                transport.counters.rx_unrouted += 1;
            }
            return;
        };
        let Some(track) = self.tracks.get_mut(route.track) else { return };
        let (seq, len) = (header.seq, datagram.len());
        let numbered = track.transport_cc_id.and_then(|id| header.element(datagram, id)).and_then(be16);
        let new = track.receive(route.role, header, datagram, opened, now_us);
        if let Some(transport) = self.transports.get_mut(index) {
            if let Some(number) = numbered {
                transport.arrivals.arrived(number, now_us);
            }
            let decision = if new { Decision::Received } else { Decision::Discarded };
            let run = if route.role == Role::Primary { &mut track.arrived } else { &mut track.repaired };
            transport.flight.note(run, now_us, track.id, decision, seq, len);
        }
        if !new {
            return;
        }
        if track.unforwarded + 1 == track.ring.head() {
            self.backlog.push(route.track);
        }
        if track.start(now_us) {
            if let (Some(transport), Some(track)) = (self.current, self.tracks.id(route.track)) {
                self.events.push_back(Event::MediaStarted { transport, track });
            }
        }
        self.ask_for_keyframe(route.track, now_us, egress);
    }

    /// Finds the track of an unknown SSRC by MID, else by a payload type that only one track of the transport has.
    fn learn(&mut self, now_us: u64, index: u32, header: &Header, packet: &[u8]) -> Option<Route> {
        let tracks = &self.transports.get(index)?.tracks;
        let candidates = || tracks.iter().filter_map(|at| Some((*at, self.tracks.get(*at)?)));
        let by_mid = candidates().find(|(_, track)| track.has_mid_of(header, packet)).map(|(at, _)| at);
        let mut by_type = candidates().filter(|(_, track)| track.role_of(header.payload_type).is_some());
        let only = by_type.next().filter(|_| by_type.next().is_none()).map(|(at, _)| at);
        let found = by_mid.or(only)?;
        let track = self.tracks.get_mut(found)?;
        let role = track.role_of(header.payload_type)?;
        if !track.adopt(role, header.ssrc, now_us) {
            return None;
        }
        let route = Route { ssrc: header.ssrc, track: found, role };
        self.transports.get_mut(index)?.add_route(route);
        Some(route)
    }
}

fn be16(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

fn open_rtp(transport: &mut Transport, header: &Header, datagram: &mut [u8]) -> Result<Opened, Refusal> {
    let srtp = transport.srtp.as_mut().ok_or(Refusal::NotAuthentic)?;
    srtp.rx.open_rtp(header.ssrc, header.seq, header.len, datagram)
}

fn open_rtcp(transport: &mut Transport, datagram: &mut [u8]) -> Result<usize, Refusal> {
    let srtp = transport.srtp.as_mut().ok_or(Refusal::NotAuthentic)?;
    srtp.rx.open_rtcp(datagram)
}

fn count_refusal(transport: &mut Transport, refusal: Refusal) {
    match refusal {
        Refusal::NotAuthentic => transport.counters.rx_dropped_auth += 1,
        Refusal::Replayed => transport.counters.rx_replayed += 1,
    }
}

impl Transport {
    /// Whether an authentic packet is within the transport's limits; counted if not.
    fn admits(&mut self, bytes: usize, now_us: u64) -> bool {
        let admitted = self.policing.admits(bytes, now_us);
        self.counters.rx_policed += u64::from(!admitted);
        admitted
    }

    /// The route of an SSRC.
    #[must_use]
    pub fn route(&self, ssrc: u32) -> Option<Route> {
        self.routes.iter().find(|route| route.ssrc == ssrc).copied()
    }

    /// Sets the route of an SSRC; a track has one SSRC for each role.
    pub fn add_route(&mut self, route: Route) {
        let same_role = |other: &Route| (other.track, other.role) == (route.track, route.role);
        self.routes.retain(|other| other.ssrc != route.ssrc && !same_role(other));
        self.routes.push(route);
    }

    /// Whether a role is the primary one of a track that this transport receives.
    #[must_use]
    pub fn primary_track(&self, ssrc: u32) -> Option<u32> {
        self.route(ssrc).filter(|route| route.role == Role::Primary).map(|route| route.track)
    }
}
