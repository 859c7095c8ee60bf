//! One outgoing medium: a track towards one player.

use super::history::{History, Repeat};
use super::keyframe::REQUEST_INTERVAL_US;
use super::reception::SenderClock;
use super::renumber::{Continuation, Numbers, Renumbering};
use super::ring::{Entry, Ring};
use super::track::Track;
use crate::command::{MediaKind, SinkConfig};
use crate::egress::Egress;
use crate::extensions::{MID, forwarded_ids, id_of};
use crate::flight::{Decision, FlightRecorder, Run};
use crate::ice::Path;
use crate::policing::{Bucket, keyframe_bucket};
use crate::rtcp::{Compound, ReportBlock};
use crate::rtp::{ExtensionWriter, FIXED_LEN, MAX_BLOCK_LEN, MAX_PACKET, write_header};
use crate::srtp::{MAX_RTP_OVERHEAD, PacketCipher};

/// A player that waits for a keyframe gets the stream as it is after this long: its codec may not show keyframes.
const KEYFRAME_PATIENCE_US: u64 = 3_000_000;
/// Sender reports go out this often.
const REPORT_INTERVAL_US: u64 = 1_000_000;
/// Requests for one packet within this time are one, until a round trip is known.
const DEFAULT_REPEAT_INTERVAL_US: u64 = 50_000;
/// Sender reports whose echo is awaited.
const REPORTS_REMEMBERED: usize = 4;
/// Packets looked through for those that overtook the start of a keyframe: a repaired one comes a round trip late.
const MAX_OVERTAKERS: u64 = 128;
const NO_PAYLOAD: u8 = 0xff;

/// What a sink needs to send packets to its player.
pub struct SendContext<'a> {
    /// The player's path.
    pub path: Path,
    /// Index of its transport.
    pub flow: u32,
    /// Its cipher.
    pub cipher: &'a dyn PacketCipher,
    /// The slab.
    pub egress: &'a mut Egress,
    /// Where decisions are noted.
    pub flight: &'a mut FlightRecorder,
}

/// The sink.
pub struct Sink {
    /// As its owner named it.
    pub id: u64,
    /// The recorder's run of what the player asked for.
    pub request_run: Run,
    /// Index of the track.
    pub track: u32,
    /// Index of the player's transport.
    pub transport: u32,
    /// SSRC towards the player.
    pub ssrc: u32,
    /// SSRC of retransmissions.
    pub repair_ssrc: Option<u32>,
    /// Packets sent once each.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Requested packets that were sent again.
    pub nack_hits: u64,
    /// Requested packets that were gone.
    pub nack_misses: u64,
    /// Keyframes that the player asked for.
    pub keyframes_wanted: u64,
    /// What the player reported last.
    pub last_report: Option<ReportBlock>,
    /// From the player's reports.
    pub round_trip_us: Option<u64>,
    payload_types: [u8; 128],
    repair_types: [u8; 128],
    extension_ids: [u8; 256],
    mid: Option<(u8, Vec<u8>)>,
    kind: MediaKind,
    forward_run: Run,
    paused: bool,
    awaits_keyframe: bool,
    awaits_since_us: Option<u64>,
    numbers: Renumbering,
    history: History,
    next_repair: u64,
    octets: u64,
    report_due_us: u64,
    keyframe_bucket: Bucket,
    keyframe_asked_us: Option<u64>,
    /// Middle of the NTP timestamps sent, and when.
    reports: [(u32, u64); REPORTS_REMEMBERED],
}

impl Sink {
    /// A sink whose numbers start at `start` and `first_repair`; neither may have been used on the transport.
    #[must_use]
    pub fn new(track: &Track, indexes: (u32, u32), config: SinkConfig, start: Continuation, first_repair: u64) -> Self {
        let mut payload_types = [NO_PAYLOAD; 128];
        let mut repair_types = [NO_PAYLOAD; 128];
        for payload in &config.payloads {
            payload_types[usize::from(payload.from & 0x7f)] = payload.to;
            repair_types[usize::from(payload.from & 0x7f)] = payload.rtx.unwrap_or(NO_PAYLOAD);
        }
        Self {
            id: config.sink,
            request_run: Run::default(),
            forward_run: Run::default(),
            track: indexes.0,
            transport: indexes.1,
            ssrc: config.ssrc,
            repair_ssrc: config.rtx_ssrc,
            packets: 0,
            bytes: 0,
            nack_hits: 0,
            nack_misses: 0,
            keyframes_wanted: 0,
            last_report: None,
            round_trip_us: None,
            payload_types,
            repair_types,
            extension_ids: forwarded_ids(&track.extensions, &config.extensions),
            mid: id_of(&config.extensions, MID).zip(config.mid.map(String::into_bytes)),
            kind: track.kind,
            paused: false,
            awaits_keyframe: track.kind == MediaKind::Video,
            awaits_since_us: None,
            numbers: Renumbering::new(start, track.clock_rate()),
            history: History::new(track.ring.capacity()),
            next_repair: first_repair,
            octets: 0,
            report_due_us: 0,
            keyframe_bucket: keyframe_bucket(),
            keyframe_asked_us: None,
            reports: [(0, 0); REPORTS_REMEMBERED],
        }
    }

    /// Where later sinks of the same two SSRCs, of media and of repairs, must go on.
    #[must_use]
    pub fn continuations(&self) -> (Continuation, Continuation) {
        (self.numbers.continuation(), Continuation { next_seq: self.next_repair, clock: None })
    }

    /// Holds or resumes; true if it resumed.
    pub fn pause(&mut self, paused: bool) -> bool {
        let resumed = self.paused && !paused;
        self.paused = paused;
        if paused {
            self.numbers.interrupt();
        }
        resumed
    }

    /// The player can decode nothing before the next keyframe; true if there is such a thing.
    pub fn await_keyframe(&mut self) -> bool {
        self.awaits_keyframe = self.kind == MediaKind::Video;
        self.awaits_since_us = None;
        if self.awaits_keyframe {
            self.numbers.interrupt();
        }
        self.awaits_keyframe
    }

    /// Whether it still waits.
    #[must_use]
    pub fn awaits_keyframe(&self) -> bool {
        self.awaits_keyframe && !self.paused
    }

    /// Sends the packet at a ring position on, or leaves it out.
    pub fn forward(&mut self, position: u64, ring: &Ring, now_us: u64, context: &mut SendContext<'_>) {
        let Some((entry, packet)) = ring.get(position) else { return };
        let payload_type = self.payload_types[usize::from(entry.header.payload_type)];
        // Padding without a payload probes the publisher's path, not the player's.
        if self.paused || payload_type == NO_PAYLOAD || packet.len() == entry.header.len {
            let why = if self.paused { Decision::Paused } else { Decision::Unwanted };
            return self.skip(entry, packet, why, now_us, context);
        }
        let starts = self.awaits_keyframe;
        if starts && !self.may_start(entry, now_us) {
            return self.skip(entry, packet, Decision::AwaitedKeyframe, now_us, context);
        }
        self.forward_packet(position, (entry, packet), payload_type, now_us, context);
        if starts {
            self.catch_up(position, entry, ring, now_us, context);
        }
    }

    /// Sends what overtook the packet at `position`, the first that goes out.
    fn catch_up(&mut self, position: u64, first: &Entry, ring: &Ring, now_us: u64, context: &mut SendContext<'_>) {
        for earlier in position.saturating_sub(MAX_OVERTAKERS)..position {
            if ring.get(earlier).is_some_and(|(other, _)| other.epoch == first.epoch && other.seq > first.seq) {
                self.forward(earlier, ring, now_us, context);
            }
        }
    }

    fn forward_packet(
        &mut self,
        position: u64,
        (entry, packet): (&Entry, &[u8]),
        payload_type: u8,
        now_us: u64,
        context: &mut SendContext<'_>,
    ) {
        let timestamp = entry.header.timestamp;
        let Some(numbers) = self.numbers.forward(entry.epoch, entry.seq, timestamp, now_us) else {
            context.flight.note(&mut self.forward_run, now_us, self.id, Decision::Late, entry.seq as u16, packet.len());
            return;
        };
        let sent = self.send(entry, packet, payload_type, numbers, context);
        let decision = if sent.is_some() { Decision::Forwarded } else { Decision::Unsealed };
        let len = sent.unwrap_or(0);
        context.flight.note(&mut self.forward_run, now_us, self.id, decision, numbers.seq as u16, len);
        if sent.is_some() {
            self.history.note(numbers.seq as u16, position);
            self.packets += 1;
            self.bytes += len as u64;
            self.octets += (packet.len() - entry.header.len) as u64;
        }
    }

    fn skip(&mut self, entry: &Entry, packet: &[u8], why: Decision, now_us: u64, context: &mut SendContext<'_>) {
        self.numbers.skip(entry.epoch, entry.seq);
        context.flight.note(&mut self.forward_run, now_us, self.id, why, entry.seq as u16, packet.len());
    }

    fn may_start(&mut self, entry: &Entry, now_us: u64) -> bool {
        let since_us = *self.awaits_since_us.get_or_insert(now_us);
        let late = self.numbers.is_late(entry.epoch, entry.seq);
        let starts = match entry.keyframe {
            // Its first packet was overtaken by its others, or lost and repaired: it is a keyframe all the same.
            true => !late || self.numbers.rewind_to(entry.epoch, entry.seq),
            false => !late && now_us >= since_us + KEYFRAME_PATIENCE_US,
        };
        self.awaits_keyframe = !starts;
        starts
    }

    fn send(
        &self,
        entry: &Entry,
        packet: &[u8],
        payload_type: u8,
        numbers: Numbers,
        context: &mut SendContext<'_>,
    ) -> Option<usize> {
        let payload = &packet[entry.header.len..];
        let room = FIXED_LEN + MAX_BLOCK_LEN + payload.len() + MAX_RTP_OVERHEAD;
        let cipher = context.cipher;
        context.egress.push_with(context.path, context.flow, room, |out| {
            let head = self.write_head(entry, packet, out);
            write_header(out, head > FIXED_LEN, entry.header.marker, payload_type, numbers, self.ssrc);
            let len = head + payload.len() + cipher.rtp_overhead();
            cipher.seal_rtp(self.ssrc, numbers.seq, head, payload, &mut out[..len]).then_some(len)
        })
    }

    /// Writes the header extensions; the header's whole length.
    fn write_head(&self, entry: &Entry, packet: &[u8], out: &mut [u8]) -> usize {
        let mut writer = ExtensionWriter::default();
        if let Some((id, mid)) = &self.mid {
            writer.add(*id, mid);
        }
        for (id, value) in entry.header.elements(packet) {
            writer.add(self.extension_ids[usize::from(id)], value);
        }
        FIXED_LEN + writer.write(&mut out[FIXED_LEN..])
    }

    /// Answers a request for one packet: as RTX (RFC 4588) when negotiated, else by the very same packet. True if RTX.
    pub fn repeat(&mut self, seq: u16, ring: &Ring, now_us: u64, context: &mut SendContext<'_>) -> bool {
        let interval_us = self.round_trip_us.unwrap_or(DEFAULT_REPEAT_INTERVAL_US).clamp(10_000, 500_000);
        let position = match self.history.request(seq, now_us, interval_us) {
            Repeat::Ignore => {
                context.flight.note(&mut self.request_run, now_us, self.id, Decision::RepairIgnored, seq, 0);
                return false;
            }
            Repeat::Unknown => None,
            Repeat::Send(low) => ring.widen(low),
        };
        let found = position.and_then(|position| ring.get(position)).and_then(|(entry, packet)| {
            let numbers = self.numbers.lookup(entry.epoch, entry.seq, entry.header.timestamp)?;
            (numbers.seq as u16 == seq).then_some((entry, packet, numbers))
        });
        let Some((entry, packet, numbers)) = found else {
            self.nack_misses += 1;
            context.flight.note(&mut self.request_run, now_us, self.id, Decision::Unrepairable, seq, 0);
            return false;
        };
        self.nack_hits += 1;
        context.flight.note(&mut self.request_run, now_us, self.id, Decision::Repaired, seq, packet.len());
        let kind = usize::from(entry.header.payload_type);
        match (self.repair_ssrc, self.repair_types[kind]) {
            (Some(ssrc), repair_type) if repair_type != NO_PAYLOAD => {
                self.send_repair(entry, packet, (ssrc, repair_type), numbers, context);
                true
            }
            _ => {
                self.send(entry, packet, self.payload_types[kind], numbers, context);
                false
            }
        }
    }

    fn send_repair(
        &mut self,
        entry: &Entry,
        packet: &[u8],
        (ssrc, payload_type): (u32, u8),
        numbers: Numbers,
        context: &mut SendContext<'_>,
    ) {
        let mut payload = [0; 2 + MAX_PACKET];
        let len = 2 + packet.len() - entry.header.len;
        payload[..2].copy_from_slice(&(numbers.seq as u16).to_be_bytes());
        payload[2..len].copy_from_slice(&packet[entry.header.len..]);
        let index = self.next_repair;
        self.next_repair += 1;
        let room = FIXED_LEN + MAX_BLOCK_LEN + len + MAX_RTP_OVERHEAD;
        let cipher = context.cipher;
        context.egress.push_with(context.path, context.flow, room, |out| {
            let head = self.write_head(entry, packet, out);
            let numbers = Numbers { seq: index, timestamp: numbers.timestamp };
            write_header(out, head > FIXED_LEN, entry.header.marker, payload_type, numbers, ssrc);
            let end = head + len + cipher.rtp_overhead();
            cipher.seal_rtp(ssrc, index, head, &payload[..len], &mut out[..end]).then_some(end)
        });
    }

    /// Writes a sender report if one is due: the publisher's clock, carried on to now, so that a player can align
    /// this stream with the publisher's others.
    pub fn report(&mut self, clock: Option<SenderClock>, clock_rate: u32, now_us: u64, compound: &mut Compound) {
        let (Some(clock), Some(offset)) = (clock, self.numbers.timestamp_offset()) else { return };
        if now_us < self.report_due_us || self.paused {
            return;
        }
        self.report_due_us = now_us + REPORT_INTERVAL_US;
        let elapsed_us = now_us.saturating_sub(clock.now_us);
        let ntp = clock.ntp.wrapping_add(((u128::from(elapsed_us) << 32) / 1_000_000) as u64);
        let elapsed = elapsed_us * u64::from(clock_rate) / 1_000_000;
        let timestamp = clock.timestamp.wrapping_add(elapsed as u32).wrapping_add(offset);
        self.reports.rotate_right(1);
        self.reports[0] = ((ntp >> 16) as u32, now_us);
        compound.sender_report(self.ssrc, ntp, timestamp, self.packets as u32, self.octets as u32);
    }

    /// Whether the player's request for a keyframe counts. Repeats within the time in which requests are merged do not: the
    /// publisher is asked again by itself until a keyframe comes.
    pub fn may_ask_for_keyframe(&mut self, now_us: u64) -> bool {
        let repeats = self.keyframe_asked_us.is_some_and(|asked_us| now_us < asked_us + REQUEST_INTERVAL_US);
        if repeats || !self.keyframe_bucket.take(1, now_us) {
            return false;
        }
        self.keyframe_asked_us = Some(now_us);
        true
    }

    /// Takes the player's report on this stream.
    pub fn reported(&mut self, block: &ReportBlock, now_us: u64) {
        self.last_report = Some(*block);
        let echoed = self.reports.iter().find(|(middle, sent_us)| *sent_us > 0 && *middle == block.last_sr);
        if let Some((_, sent_us)) = echoed {
            let held_us = u64::from(block.delay_since_last_sr) * 1_000_000 / 65_536;
            self.round_trip_us = Some((now_us - sent_us).saturating_sub(held_us));
        }
    }
}
