//! RTCP from peers: publishers' clocks and goodbyes, players' reports and requests.

use super::{FEEDBACK_SSRC, Router};
use crate::egress::Egress;
use crate::event::Event;
use crate::flight::Decision;
use crate::media::{SendContext, SenderClock};
use crate::rtcp::{Compound, Lost, Packet, Packets, ReportBlocks};
use crate::transport::Transport;

impl Router {
    pub(super) fn handle_feedback(&mut self, now_us: u64, transport: u32, compound: &[u8], egress: &mut Egress) {
        for packet in Packets::new(compound) {
            match packet {
                Packet::SenderReport { ssrc, ntp, timestamp, reports } => {
                    self.note_clock(transport, ssrc, SenderClock { ntp, timestamp, now_us });
                    self.note_reports(now_us, transport, reports);
                }
                Packet::ReceiverReport { reports } => self.note_reports(now_us, transport, reports),
                Packet::Goodbye { ssrcs } => ssrcs.for_each(|ssrc| self.note_goodbye(now_us, transport, ssrc)),
                Packet::Nack { ssrc, lost } => self.repeat(now_us, transport, ssrc, lost, egress),
                Packet::PictureLoss { ssrc } => self.note_picture_loss(now_us, transport, ssrc, egress),
                Packet::FullIntra { ssrcs } => {
                    ssrcs.for_each(|ssrc| self.note_picture_loss(now_us, transport, ssrc, egress));
                }
                Packet::Other => {}
            }
        }
    }

    fn note_clock(&mut self, transport: u32, ssrc: u32, clock: SenderClock) {
        let track = self.transports.get(transport).and_then(|transport| transport.primary_track(ssrc));
        if let Some(track) = track.and_then(|track| self.tracks.get_mut(track)) {
            track.reception.clock = Some(clock);
        }
    }

    fn note_reports(&mut self, now_us: u64, transport: u32, reports: ReportBlocks<'_>) {
        for block in reports {
            if let Some(sink) = self.sink_of(transport, block.ssrc).and_then(|sink| self.sinks.get_mut(sink)) {
                sink.reported(&block, now_us);
            }
        }
    }

    fn note_goodbye(&mut self, now_us: u64, transport: u32, ssrc: u32) {
        let Some(index) = self.transports.get(transport).and_then(|transport| transport.primary_track(ssrc)) else {
            return;
        };
        if let Some(track) = self.tracks.get_mut(index) {
            track.schedule_bye();
            self.tell_goodbye(index, now_us);
        }
    }

    /// Tells a goodbye if one is due.
    pub(super) fn tell_goodbye(&mut self, index: u32, now_us: u64) {
        let Some(track) = self.tracks.get_mut(index) else { return };
        if !track.poll_bye(now_us) {
            return;
        }
        if let (Some(transport), Some(track)) = (self.transports.id(track.transport), self.tracks.id(index)) {
            self.events.push_back(Event::Bye { transport, track });
        }
    }

    fn note_picture_loss(&mut self, now_us: u64, transport: u32, ssrc: u32, egress: &mut Egress) {
        let Some(sink) = self.sink_of(transport, ssrc).and_then(|sink| self.sinks.get_mut(sink)) else { return };
        let track = sink.track;
        if let Some(transport) = self.transports.get_mut(transport) {
            transport.counters.pli_rx += 1;
            sink.keyframes_wanted += 1;
            transport.flight.note(&mut sink.request_run, now_us, sink.id, Decision::KeyframeWanted, 0, 0);
            if !sink.may_ask_for_keyframe(now_us) {
                transport.counters.keyframes_policed += 1;
                return;
            }
        }
        self.want_keyframe(track, now_us, egress);
    }

    fn sink_of(&self, transport: u32, ssrc: u32) -> Option<u32> {
        let sinks = &self.transports.get(transport)?.sinks;
        sinks.iter().copied().find(|sink| self.sinks.get(*sink).is_some_and(|sink| sink.ssrc == ssrc))
    }

    fn repeat(&mut self, now_us: u64, index: u32, ssrc: u32, lost: Lost<'_>, egress: &mut Egress) {
        let Some(sink) = self.sink_of(index, ssrc).and_then(|sink| self.sinks.get_mut(sink)) else { return };
        let Some(track) = self.tracks.get(sink.track) else { return };
        let Some(transport) = self.transports.get_mut(index) else { return };
        let Transport { agent, srtp: Some(srtp), counters, flight, policing, .. } = transport else { return };
        let Some(path) = agent.active() else { return };
        let (packets, bytes) = (egress.packets().len(), egress.len());
        let mut context = SendContext { path, flow: index, cipher: srtp.tx.cipher(), egress, flight };
        counters.nack_rx += 1;
        for seq in lost {
            if !policing.repairs.take(1, now_us) {
                counters.repairs_policed += 1;
                continue;
            }
            if sink.repeat(seq, &track.ring, now_us, &mut context) {
                counters.rtx_tx += 1;
            }
        }
        counters.tx_packets += (egress.packets().len() - packets) as u64;
        counters.tx_bytes += (egress.len() - bytes) as u64;
    }

    /// Somebody needs a keyframe of a track.
    pub(super) fn want_keyframe(&mut self, track: u32, now_us: u64, egress: &mut Egress) {
        if let Some(entry) = self.tracks.get_mut(track) {
            entry.keyframe_requests.want();
            self.ask_for_keyframe(track, now_us, egress);
        }
    }

    /// Asks the publisher, if somebody waits and it is time and possible to.
    pub(super) fn ask_for_keyframe(&mut self, track: u32, now_us: u64, egress: &mut Egress) {
        let Some(track) = self.tracks.get_mut(track) else { return };
        let Some(ssrc) = track.ssrc else { return };
        let Some(transport) = self.transports.get_mut(track.transport) else { return };
        if transport.send_path().is_none() || !track.keyframe_requests.poll(now_us) {
            return;
        }
        self.compound.clear();
        self.compound.receiver_report(FEEDBACK_SSRC, &[]);
        self.compound.picture_loss(FEEDBACK_SSRC, ssrc);
        transport.counters.pli_tx += 1;
        track.keyframes_requested += 1;
        transport.flight.note(&mut track.request_run, now_us, track.id, Decision::KeyframeRequested, 0, 0);
        transport.send_compound(track.transport, &self.compound, egress);
    }
}

impl Transport {
    /// Seals and sends a compound packet, if there is a path.
    pub fn send_compound(&mut self, flow: u32, compound: &Compound, egress: &mut Egress) {
        let Some((path, sender)) = self.send_path() else { return };
        let plain = compound.bytes();
        let room = plain.len() + sender.cipher().rtcp_overhead();
        let sent = egress.push_with(path, flow, room, |out| {
            out[..plain.len()].copy_from_slice(plain);
            sender.seal_rtcp(out).then_some(room)
        });
        self.counters.tx_packets += 1;
        self.counters.tx_bytes += sent.unwrap_or(0) as u64;
    }
}
