//! Commands: what exists and what belongs to what.

use super::Router;
use crate::command::{Command, SinkConfig, TrackConfig};
use crate::egress::Egress;
use crate::event::Event;
use crate::ice::{Agent, Credentials};
use crate::media::{Continuation, Role, Sink, Track};
use crate::srtp::{PacketCipher, Receiver, Sender};
use crate::transport::{Route, Srtp, Transport};

/// Streams start below half the sequence space, so that the first loss cannot confuse a receiver about the roll-over
/// counter (RFC 3711 §3.3.1).
const FIRST_SEQ_MASK: u64 = 0x7fff;

impl Router {
    /// Carries out a command.
    pub fn apply(&mut self, now_us: u64, command: Command, egress: &mut Egress) {
        self.current = None;
        match command {
            Command::AddTransport { transport, credentials, consent_timeout_us } => {
                let ufrag = credentials.local_ufrag.clone();
                let agent = Agent::new(credentials, consent_timeout_us, now_us);
                if let Some(index) = self.transports.insert(transport, Transport::new(agent, &self.limits)) {
                    self.by_ufrag.insert(ufrag, index);
                }
            }
            Command::RestartIce { transport, credentials } => self.restart_ice(now_us, transport, credentials),
            Command::RemoveTransport(transport) => self.remove_transport(transport),
            Command::SendDtls { transport, datagram } => self.send_dtls(transport, datagram, egress),
            Command::InstallSrtp { transport, rx, tx } => self.install_srtp(now_us, transport, rx, tx, egress),
            Command::AddTrack(config) => self.add_track(config),
            Command::RemoveTrack(track) => self.remove_track(track),
            Command::AddSink(config) => self.add_sink(now_us, config, egress),
            Command::RemoveSink(sink) => self.remove_sink(sink),
            Command::PauseSink { sink, paused } => self.pause_sink(now_us, sink, paused, egress),
            Command::RequestKeyframe(track) => {
                if let Some(track) = self.tracks.index(track) {
                    self.want_keyframe(track, now_us, egress);
                }
            }
            Command::SetMaxBitrate { transport, bps } => {
                if let Some(transport) = self.transports.by_id_mut(transport) {
                    transport.bitrate.cap(bps);
                }
            }
        }
    }

    fn restart_ice(&mut self, now_us: u64, id: u64, credentials: Credentials) {
        let Some(index) = self.transports.index(id) else { return };
        let Some(transport) = self.transports.get_mut(index) else { return };
        self.by_ufrag.remove(transport.agent.local_ufrag());
        self.by_ufrag.insert(credentials.local_ufrag.clone(), index);
        transport.agent.restart(credentials, now_us);
    }

    fn send_dtls(&mut self, id: u64, datagram: Vec<u8>, egress: &mut Egress) {
        let Some(index) = self.transports.index(id) else { return };
        let Some(transport) = self.transports.get_mut(index) else { return };
        match transport.agent.active() {
            Some(path) => egress.push(path, index, &datagram),
            None => transport.queue_dtls(datagram),
        }
    }

    fn install_srtp(
        &mut self,
        now_us: u64,
        id: u64,
        rx: Box<dyn PacketCipher>,
        tx: Box<dyn PacketCipher>,
        egress: &mut Egress,
    ) {
        let Some(index) = self.transports.index(id) else { return };
        let Some(transport) = self.transports.get_mut(index) else { return };
        let rekeyed = transport.srtp.replace(Srtp { rx: Receiver::new(rx), tx: Sender::new(tx) }).is_some();
        // Indexes count under a key; the sinks that go on have theirs.
        transport.retired.clear();
        for track in transport.tracks.iter().filter(|_| rekeyed) {
            if let Some(track) = self.tracks.get_mut(*track) {
                track.begin_epoch();
            }
        }
        self.events.push_back(Event::SrtpReady { transport: id });
        self.refresh_sinks(index, now_us, egress);
    }

    /// Ends a transport with its tracks and sinks.
    pub fn remove_transport(&mut self, id: u64) {
        let Some(index) = self.transports.index(id) else { return };
        let Some(transport) = self.transports.get(index) else { return };
        let tracks: Vec<u64> = transport.tracks.iter().filter_map(|track| self.tracks.id(*track)).collect();
        let sinks: Vec<u64> = transport.sinks.iter().filter_map(|sink| self.sinks.id(*sink)).collect();
        for track in tracks {
            self.remove_track(track);
        }
        for sink in sinks {
            self.remove_sink(sink);
        }
        let Some((_, transport)) = self.transports.remove(id) else { return };
        self.by_ufrag.remove(transport.agent.local_ufrag());
        for path in transport.agent.paths() {
            self.release(index, path);
        }
    }

    fn add_track(&mut self, config: TrackConfig) {
        let Some(transport_index) = self.transports.index(config.transport) else { return };
        let (id, ssrcs) = (config.track, config.ssrcs.clone());
        let track = Track::new(transport_index, config);
        let Some(index) = self.tracks.insert(id, track) else { return };
        let Some(transport) = self.transports.get_mut(transport_index) else { return };
        transport.tracks.push(index);
        for (ssrc, role) in ssrcs.into_iter().zip([Role::Primary, Role::Repair]) {
            transport.add_route(Route { ssrc, track: index, role });
        }
    }

    fn remove_track(&mut self, id: u64) {
        let Some((index, track)) = self.tracks.remove(id) else { return };
        if let Some(transport) = self.transports.get_mut(track.transport) {
            transport.tracks.retain(|other| *other != index);
            transport.routes.retain(|route| route.track != index);
        }
        self.backlog.remove(index);
        for sink in track.sinks {
            if let Some(sink) = self.sinks.id(sink) {
                self.remove_sink(sink);
            }
        }
    }

    fn add_sink(&mut self, now_us: u64, config: SinkConfig, egress: &mut Egress) {
        let (Some(track_index), Some(transport_index)) =
            (self.tracks.index(config.track), self.transports.index(config.transport))
        else {
            return;
        };
        let start = self.start_of(transport_index, config.ssrc);
        let repair = self.start_of(transport_index, config.rtx_ssrc.unwrap_or(config.ssrc));
        let (Some(track), Some(transport)) =
            (self.tracks.get_mut(track_index), self.transports.get_mut(transport_index))
        else {
            return;
        };
        let id = config.sink;
        let sink = Sink::new(track, (track_index, transport_index), config, start, repair.next_seq);
        let Some(index) = self.sinks.insert(id, sink) else { return };
        track.sinks.push(index);
        transport.sinks.push(index);
        self.start_sink(index, now_us, egress);
    }

    /// Numbers that this SSRC never had on the transport: an index used twice under one key would break the cipher.
    fn start_of(&mut self, transport: u32, ssrc: u32) -> Continuation {
        let retired = self.transports.get(transport).and_then(|transport| transport.continuation(ssrc));
        let next_seq = (self.generator.next_u64() & FIRST_SEQ_MASK) + 1;
        retired.unwrap_or(Continuation { next_seq, clock: None })
    }

    fn remove_sink(&mut self, id: u64) {
        let Some((index, sink)) = self.sinks.remove(id) else { return };
        if let Some(track) = self.tracks.get_mut(sink.track) {
            track.remove_sink(index);
        }
        if let Some(transport) = self.transports.get_mut(sink.transport) {
            transport.sinks.retain(|other| *other != index);
            let (media, repair) = sink.continuations();
            transport.retire(sink.ssrc, media);
            if let Some(ssrc) = sink.repair_ssrc {
                transport.retire(ssrc, repair);
            }
        }
    }

    fn pause_sink(&mut self, now_us: u64, id: u64, paused: bool, egress: &mut Egress) {
        let Some(index) = self.sinks.index(id) else { return };
        let resumed = self.sinks.get_mut(index).is_some_and(|sink| sink.pause(paused));
        if resumed {
            self.start_sink(index, now_us, egress);
        }
    }

    /// A player's path and keys are there now: whatever was sent before was not seen.
    pub(super) fn refresh_sinks(&mut self, transport: u32, now_us: u64, egress: &mut Egress) {
        let Some(entry) = self.transports.get_mut(transport) else { return };
        if entry.send_path().is_none() {
            return;
        }
        for sink in entry.sinks.clone() {
            self.start_sink(sink, now_us, egress);
        }
    }
}
