//! What the router's owner may ask for. A command that names something unknown is ignored: it may have gone meanwhile.

use crate::ice::Credentials;
use crate::srtp::PacketCipher;

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// Never paused, never repaired upstream, small ring.
    Audio,
    /// Starts at keyframes, is repaired upstream.
    Video,
}

/// How a payload type is encoded, as far as forwarding cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 6184.
    H264,
    /// Forwarded without looking inside.
    Other,
}

/// One payload type of a publisher.
#[derive(Debug, Clone, Copy)]
pub struct Payload {
    /// The payload type.
    pub payload_type: u8,
    /// Its codec.
    pub codec: Codec,
    /// RTP clock in Hz.
    pub clock_rate: u32,
    /// Payload type of its retransmissions (RFC 4588).
    pub rtx: Option<u8>,
}

/// A header extension: URI and negotiated id.
pub type Extension = (String, u8);

/// An incoming RTP media.
#[derive(Debug)]
pub struct TrackConfig {
    /// Transport it comes on.
    pub transport: u64,
    /// Its id.
    pub track: u64,
    /// Audio or video.
    pub kind: MediaKind,
    /// The media section's MID.
    pub mid: Option<String>,
    /// Primary and retransmission SSRC, if signalled.
    pub ssrcs: Vec<u32>,
    /// Payload types of the section.
    pub payloads: Vec<Payload>,
    /// Header extensions of the section.
    pub extensions: Vec<Extension>,
}

/// How a payload type is named towards one player.
#[derive(Debug, Clone, Copy)]
pub struct SinkPayload {
    /// The publisher's payload type.
    pub from: u8,
    /// The player's.
    pub to: u8,
    /// The player's for retransmissions.
    pub rtx: Option<u8>,
}

/// A track forwarded on a transport.
#[derive(Debug)]
pub struct SinkConfig {
    /// Its id.
    pub sink: u64,
    /// The track that is forwarded.
    pub track: u64,
    /// The transport that it goes out on.
    pub transport: u64,
    /// SSRC towards the player.
    pub ssrc: u32,
    /// SSRC of retransmissions; without it they repeat the packet itself.
    pub rtx_ssrc: Option<u32>,
    /// Payload types; those not listed are not forwarded.
    pub payloads: Vec<SinkPayload>,
    /// Header extensions negotiated with the player.
    pub extensions: Vec<Extension>,
    /// MID to write, if the player negotiated that extension.
    pub mid: Option<String>,
}

/// One wish.
pub enum Command {
    /// Begin to answer checks for these credentials.
    AddTransport {
        /// The new transport's id.
        transport: u64,
        /// Both sides' ICE credentials.
        credentials: Credentials,
        /// Time without a check after which consent is lost.
        consent_timeout_us: u64,
    },
    /// Take new ICE credentials.
    RestartIce {
        /// The transport.
        transport: u64,
        /// The new credentials.
        credentials: Credentials,
    },
    /// End a transport with its tracks and sinks.
    RemoveTransport(u64),
    /// Send a DTLS datagram to the peer.
    SendDtls {
        /// The transport.
        transport: u64,
        /// The datagram.
        datagram: Vec<u8>,
    },
    /// Set the keys that DTLS agreed on.
    InstallSrtp {
        /// The transport.
        transport: u64,
        /// Opens what the peer sends.
        rx: Box<dyn PacketCipher>,
        /// Protects what we send.
        tx: Box<dyn PacketCipher>,
    },
    /// Expect a track.
    AddTrack(TrackConfig),
    /// Forget a track and its sinks.
    RemoveTrack(u64),
    /// Forward a track.
    AddSink(SinkConfig),
    /// Stop forwarding.
    RemoveSink(u64),
    /// Hold or resume forwarding.
    PauseSink {
        /// The sink.
        sink: u64,
        /// Whether to hold.
        paused: bool,
    },
    /// Ask the publisher for a keyframe, merged with other requests.
    RequestKeyframe(u64),
    /// Caps the bitrate that a publisher is asked to send by REMB, in bits per second.
    SetMaxBitrate {
        /// The publisher's transport.
        transport: u64,
        /// The cap.
        bps: u64,
    },
}
