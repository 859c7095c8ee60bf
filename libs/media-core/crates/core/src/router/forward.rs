//! The fan-out: each track's new packets to each of its sinks.
//!
//! Sink by sink rather than packet by packet: a player's packets of a batch then lie one after another in the slab, its
//! keys stay in the cache, and the shell can send them in one call.

use std::ops::Range;

use super::Router;
use crate::egress::Egress;
use crate::media::{SendContext, Sink, Track};
use crate::transport::Transport;

impl Router {
    /// Forwards what was received since the last call; true if the egress is full and there is more. Datagrams may be
    /// handled before the next call: a track that filled the egress goes on behind those with less.
    pub fn forward(&mut self, now_us: u64, egress: &mut Egress) -> bool {
        while let Some(index) = self.backlog.first() {
            if !self.forward_track(now_us, index, egress) {
                self.backlog.put_off();
                return true;
            }
            self.backlog.remove(index);
            if self.tracks.get_mut(index).is_some_and(Track::end_round) {
                self.backlog.push(index);
            }
        }
        false
    }

    /// Goes on where it stopped; false if it stopped again.
    fn forward_track(&mut self, now_us: u64, track: u32, egress: &mut Egress) -> bool {
        let Some(track) = self.tracks.get_mut(track) else { return true };
        track.begin_round();
        while let Some(index) = track.sinks.get(track.served) {
            if egress.is_full() {
                return false;
            }
            track.served += 1;
            let Some(sink) = self.sinks.get_mut(*index) else { continue };
            self.current = self.transports.id(sink.transport);
            let Some(transport) = self.transports.get_mut(sink.transport) else { continue };
            serve(sink, track, transport, track.unforwarded..track.served_to, now_us, egress);
        }
        true
    }

    /// Restarts a sink: from the last keyframe if that is recent, else from one that the publisher is asked for.
    pub(super) fn start_sink(&mut self, index: u32, now_us: u64, egress: &mut Egress) {
        let Some(sink) = self.sinks.get_mut(index) else { return };
        let track_index = sink.track;
        let Some(track) = self.tracks.get(track_index) else { return };
        let Some(transport) = self.transports.get_mut(sink.transport) else { return };
        if transport.send_path().is_none() || !sink.await_keyframe() {
            return;
        }
        if let Some(from) = track.recent_keyframe(now_us) {
            serve(sink, track, transport, from..track.unseen_by(index), now_us, egress);
        }
        if sink.awaits_keyframe() {
            self.want_keyframe(track_index, now_us, egress);
        }
    }
}

/// Sends these ring positions to one sink, if its player can be reached.
fn serve(
    sink: &mut Sink,
    track: &Track,
    transport: &mut Transport,
    positions: Range<u64>,
    now_us: u64,
    egress: &mut Egress,
) {
    let Transport { agent, srtp: Some(srtp), counters, flight, .. } = transport else { return };
    let Some(path) = agent.active() else { return };
    let (packets, bytes) = (sink.packets, sink.bytes);
    let mut context = SendContext { path, flow: sink.transport, cipher: srtp.tx.cipher(), egress, flight };
    for position in positions {
        sink.forward(position, &track.ring, now_us, &mut context);
    }
    counters.tx_packets += sink.packets - packets;
    counters.tx_bytes += sink.bytes - bytes;
}
