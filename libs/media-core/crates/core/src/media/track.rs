//! One incoming medium: which packets are its, what arrived, what is missing, and the last of it in a ring.

use super::codec::starts_keyframe;
use super::keyframe::{KeyframeRequests, REQUEST_INTERVAL_US};
use super::loss::LossList;
use super::reception::Reception;
use super::ring::Ring;
use crate::command::{Codec, Extension, MediaKind, Payload, TrackConfig};
use crate::extensions::{MID, TRANSPORT_CC, id_of};
use crate::flight::Run;
use crate::rtp::Header;
use crate::srtp::replay::ReplayWindow;
use crate::srtp::{Opened, nearest};

/// A source that was heard within this time is not replaced by another one.
const SOURCE_HOLD_US: u64 = 500_000;

/// Least time between two notices to the owner that media started: a publisher may say goodbye and go on with every packet.
const STARTS_APART_US: u64 = 2_000_000;

/// Packets that a player who just joined is sent at once at most: a burst that no path minds.
const MAX_REPLAYED: u64 = 128;

/// What an SSRC carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The medium itself.
    Primary,
    /// Its retransmissions (RFC 4588).
    Repair,
}

/// The track.
pub struct Track {
    /// As its owner named it.
    pub id: u64,
    /// The recorder's runs: of packets, of retransmissions, of what the publisher was asked for.
    pub arrived: Run,
    /// See `arrived`.
    pub repaired: Run,
    /// See `arrived`.
    pub request_run: Run,
    /// Index of the publisher's transport.
    pub transport: u32,
    /// Audio or video.
    pub kind: MediaKind,
    /// Primary SSRC, once known.
    pub ssrc: Option<u32>,
    /// SSRC of retransmissions, once known.
    pub repair_ssrc: Option<u32>,
    /// Negotiated header extensions.
    pub extensions: Vec<Extension>,
    /// The last packets.
    pub ring: Ring,
    /// First position that not all sinks have seen.
    pub unforwarded: u64,
    /// While the sinks are served: how many of the first have seen all before `served_to`.
    pub served: usize,
    /// The first position that those `served` sinks have not seen; the ring's head when the round began.
    pub served_to: u64,
    /// What is reported to the publisher.
    pub reception: Reception,
    /// What the publisher owes.
    pub losses: LossList,
    /// What the publisher is asked for.
    pub keyframe_requests: KeyframeRequests,
    /// Indexes of the sinks.
    pub sinks: Vec<u32>,
    /// Media came, and was not said goodbye since.
    pub live: bool,
    /// When it last began to be so.
    live_us: u64,
    /// A goodbye that was not reported, since media had only just started.
    goodbye: bool,
    /// Packets received once each.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Keyframes begun.
    pub keyframes: u64,
    /// Packets that the publisher was asked for.
    pub requested: u64,
    /// Keyframes that it was asked for.
    pub keyframes_requested: u64,
    /// When the last packet came.
    pub heard_us: Option<u64>,
    /// Id of the transport-wide sequence number on this m-line, if negotiated: ids are an m-line's own (RFC 8285 §6).
    pub transport_cc_id: Option<u8>,
    mid: Option<Vec<u8>>,
    mid_id: Option<u8>,
    payloads: Vec<Payload>,
    epoch: u32,
    packets_of_epoch: u64,
    seen: ReplayWindow,
    keyframe_timestamp: Option<u32>,
    /// Ring position of the last keyframe's start, and when it came.
    keyframe_at: Option<(u64, u64)>,
    clock_rate: u32,
    /// Of earlier epochs.
    expected_before: u64,
    missed_before: u64,
}

impl Track {
    /// A track that waits for its first packet.
    #[must_use]
    pub fn new(transport: u32, config: TrackConfig) -> Self {
        let clock_rate = config.payloads.first().map_or(90_000, |payload| payload.clock_rate);
        Self {
            id: config.track,
            arrived: Run::default(),
            repaired: Run::default(),
            request_run: Run::default(),
            transport,
            kind: config.kind,
            ssrc: config.ssrcs.first().copied(),
            repair_ssrc: config.ssrcs.get(1).copied(),
            ring: Ring::new(config.kind),
            unforwarded: 0,
            served: 0,
            served_to: 0,
            reception: Reception::new(clock_rate),
            losses: LossList::default(),
            keyframe_requests: KeyframeRequests::default(),
            sinks: Vec::new(),
            live: false,
            live_us: 0,
            goodbye: false,
            packets: 0,
            bytes: 0,
            keyframes: 0,
            requested: 0,
            keyframes_requested: 0,
            heard_us: None,
            transport_cc_id: id_of(&config.extensions, TRANSPORT_CC),
            mid: config.mid.map(String::into_bytes),
            mid_id: id_of(&config.extensions, MID),
            extensions: config.extensions,
            payloads: config.payloads,
            epoch: 0,
            packets_of_epoch: 0,
            seen: ReplayWindow::default(),
            keyframe_timestamp: None,
            keyframe_at: None,
            clock_rate,
            expected_before: 0,
            missed_before: 0,
        }
    }

    /// Goes on to serve the sinks, or begins to with all packets that are there.
    pub fn begin_round(&mut self) {
        if self.served == 0 {
            self.unforwarded = self.unforwarded.max(self.ring.tail());
            self.served_to = self.ring.head();
        }
    }

    /// All sinks are served; true if packets came meanwhile.
    pub fn end_round(&mut self) -> bool {
        self.served = 0;
        self.unforwarded = self.served_to;
        self.ring.head() > self.unforwarded
    }

    /// First position that this sink will yet be offered.
    #[must_use]
    pub fn unseen_by(&self, sink: u32) -> u64 {
        if self.sinks[..self.served].contains(&sink) { self.served_to } else { self.unforwarded }
    }

    /// Takes a sink off the list; those behind it are served all the same.
    pub fn remove_sink(&mut self, sink: u32) {
        if let Some(at) = self.sinks.iter().position(|other| *other == sink) {
            self.sinks.remove(at);
            self.served -= usize::from(at < self.served);
        }
    }

    /// RTP clock in Hz.
    #[must_use]
    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// Notes that media flows; true if that is to be reported.
    pub fn start(&mut self, now_us: u64) -> bool {
        self.goodbye = false;
        if self.live {
            return false;
        }
        self.live = true;
        self.live_us = now_us;
        true
    }

    /// Notes that the publisher said goodbye. `poll_bye` says when to tell; media that comes before revokes it.
    pub fn schedule_bye(&mut self) {
        self.goodbye = self.live;
    }

    /// Whether a goodbye is to be reported now; if so it counts as reported.
    pub fn poll_bye(&mut self, now_us: u64) -> bool {
        if !self.goodbye || now_us < self.live_us + STARTS_APART_US {
            return false;
        }
        self.goodbye = false;
        self.live = false;
        true
    }

    /// Whether the packet's MID names this track.
    #[must_use]
    pub fn has_mid_of(&self, header: &Header, packet: &[u8]) -> bool {
        let (Some(id), Some(mid)) = (self.mid_id, &self.mid) else { return false };
        header.element(packet, id).is_some_and(|found| found == mid)
    }

    /// What a payload type is to this track.
    #[must_use]
    pub fn role_of(&self, payload_type: u8) -> Option<Role> {
        self.payloads.iter().find_map(|payload| match payload {
            _ if payload.payload_type == payload_type => Some(Role::Primary),
            _ if payload.rtx == Some(payload_type) => Some(Role::Repair),
            _ => None,
        })
    }

    /// Whether packets of this SSRC may be taken as the track's from now on; a primary one that replaces another
    /// begins a new epoch.
    pub fn adopt(&mut self, role: Role, ssrc: u32, now_us: u64) -> bool {
        if role == Role::Repair {
            self.repair_ssrc = Some(ssrc);
            return true;
        }
        match self.ssrc {
            Some(known) if known == ssrc => return true,
            Some(_) if self.heard_us.is_some_and(|heard_us| now_us < heard_us + SOURCE_HOLD_US) => return false,
            Some(_) => self.begin_epoch(),
            None => {}
        }
        self.ssrc = Some(ssrc);
        true
    }

    /// The publisher's packet indexes start again, under another SSRC or other keys.
    pub fn begin_epoch(&mut self) {
        self.epoch += 1;
        self.packets_of_epoch = 0;
        self.seen = ReplayWindow::default();
        self.losses.reset();
        self.expected_before += self.reception.expected();
        self.missed_before += self.reception.lost();
        self.reception = Reception::new(self.clock_rate);
    }

    /// Takes a decrypted packet. A retransmission is turned back into the packet it repeats. Returns whether the
    /// packet is new and now in the ring.
    pub fn receive(&mut self, role: Role, header: Header, packet: &mut [u8], opened: Opened, now_us: u64) -> bool {
        let Some(end) = header.payload_end(&packet[..opened.len]) else { return false };
        let taken = match role {
            Role::Primary => {
                self.reception.arrived(opened.index, header.timestamp, now_us);
                Some((header, opened.index, end))
            }
            Role::Repair => self.unwrap_repair(header, packet, end),
        };
        let Some((header, seq, end)) = taken else { return false };
        if !self.seen.fresh(seq) {
            return false;
        }
        self.seen.mark(seq);
        self.heard_us = Some(now_us);
        self.packets += 1;
        self.packets_of_epoch += 1;
        self.bytes += end as u64;
        if self.kind == MediaKind::Video && !self.losses.arrived(seq, now_us) {
            self.keyframe_requests.want();
        }
        let keyframe = self.note_keyframe(&header, &packet[header.len..end], now_us);
        self.ring.push(&packet[..end], header, seq, self.epoch, keyframe);
        true
    }

    /// RFC 4588 §4: the payload starts with the original sequence number.
    fn unwrap_repair(&self, mut header: Header, packet: &mut [u8], end: usize) -> Option<(Header, u64, usize)> {
        let payload = packet.get(header.len..end).filter(|payload| payload.len() > 2)?;
        let original = u16::from_be_bytes([payload[0], payload[1]]);
        let seq = nearest(self.reception.highest()?, original);
        let of_type = |payload: &&Payload| payload.rtx == Some(header.payload_type);
        header.payload_type = self.payloads.iter().find(of_type)?.payload_type;
        header.seq = original;
        header.ssrc = self.ssrc?;
        packet.copy_within(header.len + 2..end, header.len);
        Some((header, seq, end - 2))
    }

    fn note_keyframe(&mut self, header: &Header, payload: &[u8], now_us: u64) -> bool {
        let codec = self.payloads.iter().find(|known| known.payload_type == header.payload_type);
        let starts = starts_keyframe(codec.map_or(Codec::Other, |known| known.codec), payload);
        if starts {
            self.keyframe_requests.satisfied();
            if self.keyframe_timestamp.replace(header.timestamp) != Some(header.timestamp) {
                self.keyframes += 1;
                self.keyframe_at = Some((self.ring.head(), now_us));
            }
        }
        starts
    }

    /// Ring position of the last keyframe's start if it came so lately that asking for another would be put
    /// off, and not too many packets came since.
    #[must_use]
    pub fn recent_keyframe(&self, now_us: u64) -> Option<u64> {
        let (position, came_us) = self.keyframe_at?;
        let near = self.ring.head() - position <= MAX_REPLAYED;
        (near && now_us < came_us + REQUEST_INTERVAL_US).then_some(position)
    }

    /// Packets that the publisher sent, as far as sequence numbers tell, and what of them never came by itself; over all epochs.
    #[must_use]
    pub fn sent_and_missed(&self) -> (u64, u64) {
        (self.expected_before + self.reception.expected(), self.missed_before + self.reception.lost())
    }

    /// Packets that neither came by themselves nor were repaired.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.reception.expected().saturating_sub(self.packets_of_epoch)
    }
}
