//! What time demands: requests for lost packets, reports, feedback for congestion control, consent.

use super::{FEEDBACK_SSRC, Router};
use crate::egress::Egress;
use crate::event::Event;
use crate::flight::Decision;
use crate::rtcp::{Compound, MAX_BLOCKS};
use crate::transport::Transport;

/// Between ticks while there is media: half the patience with reordered packets.
const MEDIA_TICK_US: u64 = 10_000;
/// Between ticks otherwise.
const IDLE_TICK_US: u64 = 200_000;
/// Arrival feedback goes out this often.
const ARRIVALS_INTERVAL_US: u64 = 60_000;
/// Receiver reports go out this often.
const REPORT_INTERVAL_US: u64 = 1_000_000;
/// A publisher's round trip is not measured; this is assumed between requests for a lost packet.
const ASSUMED_ROUND_TRIP_US: u64 = 80_000;

impl Router {
    /// Does what is due.
    pub fn handle_timeout(&mut self, now_us: u64, egress: &mut Egress) {
        self.current = None;
        self.next_tick_us = now_us + if self.tracks.is_empty() { IDLE_TICK_US } else { MEDIA_TICK_US };
        self.repair_tracks(now_us, egress);
        self.report_sinks(now_us, egress);
        for index in 0..self.transports.slots() {
            self.tick_transport(index, now_us, egress);
        }
        self.current = None;
    }

    fn repair_tracks(&mut self, now_us: u64, egress: &mut Egress) {
        for index in 0..self.tracks.slots() {
            let Some(track) = self.tracks.get_mut(index) else { continue };
            let (transport, ssrc) = (track.transport, track.ssrc);
            self.wanted.clear();
            track.losses.poll(now_us, ASSUMED_ROUND_TRIP_US, &mut self.wanted);
            self.current = self.transports.id(transport);
            self.tell_goodbye(index, now_us);
            self.ask_for_keyframe(index, now_us, egress);
            let (Some(ssrc), Some(entry), Some(track)) =
                (ssrc, self.transports.get_mut(transport), self.tracks.get_mut(index))
            else {
                continue;
            };
            if self.wanted.is_empty() {
                continue;
            }
            self.compound.clear();
            self.compound.receiver_report(FEEDBACK_SSRC, &[]);
            self.compound.nack(FEEDBACK_SSRC, ssrc, &self.wanted);
            entry.counters.nack_tx += 1;
            track.requested += self.wanted.len() as u64;
            for seq in &self.wanted {
                entry.flight.note(&mut track.request_run, now_us, track.id, Decision::Requested, *seq, 0);
            }
            entry.send_compound(transport, &self.compound, egress);
        }
    }

    fn report_sinks(&mut self, now_us: u64, egress: &mut Egress) {
        for (_, _, sink) in self.sinks.iter_mut() {
            let Some(track) = self.tracks.get(sink.track) else { continue };
            let Some(transport) = self.transports.get_mut(sink.transport) else { continue };
            if transport.send_path().is_none() {
                continue;
            }
            self.compound.clear();
            sink.report(track.reception.clock, track.clock_rate(), now_us, &mut self.compound);
            if self.compound.is_empty() {
                continue;
            }
            // One name for all of a publisher's streams, so that the player plays them in step.
            let name = self.transports.id(track.transport).unwrap_or_default();
            self.compound.cname(sink.ssrc, &format!("publisher-{name}"));
            if let Some(transport) = self.transports.get_mut(sink.transport) {
                transport.send_compound(sink.transport, &self.compound, egress);
            }
        }
    }

    fn tick_transport(&mut self, index: u32, now_us: u64, egress: &mut Egress) {
        self.current = self.transports.id(index);
        let Some(transport) = self.transports.get_mut(index) else { return };
        if transport.agent.handle_timeout(now_us) {
            if let Some(transport) = self.current {
                self.events.push_back(Event::IceTimeout { transport });
            }
        }
        while let Some((path, check)) = transport.agent.poll_checks(index, now_us) {
            egress.push(path, index, &check);
        }
        if transport.tracks.is_empty() || transport.send_path().is_none() {
            return;
        }
        let primary = transport.routes.first().map_or(0, |route| route.ssrc);
        tell_arrivals(transport, index, primary, now_us, &mut self.compound, egress);
        if now_us >= transport.report_due_us {
            transport.report_due_us = now_us + REPORT_INTERVAL_US;
            self.report_reception(index, now_us, egress);
        }
    }

    fn report_reception(&mut self, index: u32, now_us: u64, egress: &mut Egress) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let (mut blocks, mut ssrcs, mut bytes, mut self_estimating) = (Vec::new(), Vec::new(), 0, false);
        for track in &transport.tracks {
            let Some(track) = self.tracks.get_mut(*track) else { continue };
            bytes += track.bytes;
            self_estimating |= track.transport_cc_id.is_some();
            let Some(block) = track.ssrc.and_then(|ssrc| track.reception.report(ssrc, now_us)) else { continue };
            ssrcs.push(block.ssrc);
            blocks.push(block);
        }
        if blocks.is_empty() {
            return;
        }
        let worst = blocks.iter().map(|block| block.fraction_lost).max().unwrap_or(0);
        let hint = transport.bitrate.update(bytes, worst, self_estimating, now_us);
        for (blocks, ssrcs) in blocks.chunks(MAX_BLOCKS).zip(ssrcs.chunks(MAX_BLOCKS)) {
            self.compound.clear();
            self.compound.receiver_report(FEEDBACK_SSRC, blocks);
            self.compound.cname(FEEDBACK_SSRC, "relay");
            if let Some(bps) = hint {
                self.compound.remb(FEEDBACK_SSRC, bps, ssrcs);
            }
            transport.send_compound(index, &self.compound, egress);
        }
    }
}

fn tell_arrivals(
    transport: &mut Transport,
    index: u32,
    media: u32,
    now_us: u64,
    compound: &mut Compound,
    egress: &mut Egress,
) {
    if now_us < transport.arrivals_due_us {
        return;
    }
    transport.arrivals_due_us = now_us + ARRIVALS_INTERVAL_US;
    while !transport.arrivals.is_empty() {
        compound.clear();
        compound.receiver_report(FEEDBACK_SSRC, &[]);
        transport.arrivals.write(compound, FEEDBACK_SSRC, media);
        transport.counters.twcc_tx += 1;
        transport.send_compound(index, compound, egress);
    }
}
