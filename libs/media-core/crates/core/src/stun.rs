//! STUN messages (RFC 8489) as far as ICE (RFC 8445) needs them: binding requests in, responses out.
//!
//! Parsing borrows the datagram and allocates nothing; whatever is malformed is `None`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::crypto::{HmacSha1, SHA1_LEN, crc32};

const MAGIC: u32 = 0x2112_a442;
const HEADER_LEN: usize = 20;
const FINGERPRINT_XOR: u32 = 0x5354_554e;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

/// Of the checks that we send ourselves: a peer-reflexive candidate of the first component (RFC 8445 §5.1.2).
const OWN_PRIORITY: u32 = 110 << 24 | 0xffff << 8 | 255;

/// Most unknown comprehension-required attributes that a 420 answer names.
const MAX_UNKNOWN: usize = 8;

/// Whether the datagram claims to be STUN (RFC 7983 and the magic cookie).
#[must_use]
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER_LEN && datagram[0] < 4 && datagram[4..8] == MAGIC.to_be_bytes()
}

/// What kind of message it is, as far as an ICE-lite agent distinguishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A binding request.
    Request,
    /// A binding success response.
    Success,
    /// A binding error response.
    Error,
    /// Another method, or an indication.
    Other,
}

/// A parsed message; its integrity is not yet checked.
#[derive(Debug)]
pub struct Message<'a> {
    /// Kind of the message.
    pub kind: Kind,
    /// The transaction that a response must repeat.
    pub transaction: [u8; 12],
    /// USERNAME, `receiver's ufrag:sender's ufrag` in ICE.
    pub username: Option<&'a [u8]>,
    /// PRIORITY of the candidate that the check comes from.
    pub priority: Option<u32>,
    /// USE-CANDIDATE was present.
    pub use_candidate: bool,
    /// The peer believes to be the controlled agent.
    pub ice_controlled: bool,
    /// The peer believes to be the controlling agent.
    pub ice_controlling: bool,
    /// XOR-MAPPED-ADDRESS of a response.
    pub mapped: Option<SocketAddr>,
    /// ERROR-CODE of a response.
    pub error: Option<u16>,
    unknown: [u16; MAX_UNKNOWN],
    unknown_count: usize,
    integrity: Option<Integrity<'a>>,
}

#[derive(Debug)]
struct Integrity<'a> {
    /// The message up to MESSAGE-INTEGRITY.
    covered: &'a [u8],
    mac: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parses one datagram. Attributes behind MESSAGE-INTEGRITY other than FINGERPRINT are ignored (RFC 8489 §14.5);
    /// a wrong FINGERPRINT makes the message malformed.
    #[must_use]
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        if !is_stun(datagram) {
            return None;
        }
        let body_len = usize::from(be16(datagram, 2));
        if body_len % 4 != 0 || HEADER_LEN + body_len != datagram.len() {
            return None;
        }
        let mut message = Self {
            kind: kind_of(be16(datagram, 0)),
            transaction: datagram[8..20].try_into().ok()?,
            username: None,
            priority: None,
            use_candidate: false,
            ice_controlled: false,
            ice_controlling: false,
            mapped: None,
            error: None,
            unknown: [0; MAX_UNKNOWN],
            unknown_count: 0,
            integrity: None,
        };
        let mut at = HEADER_LEN;
        while at < datagram.len() {
            let attribute = be16(datagram, at);
            let len = usize::from(*datagram.get(at + 2)?) << 8 | usize::from(*datagram.get(at + 3)?);
            let value = datagram.get(at + 4..at + 4 + len)?;
            message.take(attribute, value, &datagram[..at])?;
            at += 4 + len.next_multiple_of(4);
        }
        Some(message)
    }

    fn take(&mut self, attribute: u16, value: &'a [u8], before: &'a [u8]) -> Option<()> {
        if attribute == FINGERPRINT {
            let given = u32::from_be_bytes(value.try_into().ok()?);
            return (given == fingerprint(before)).then_some(());
        }
        if self.integrity.is_some() {
            return Some(());
        }
        match attribute {
            USERNAME => self.username = Some(value),
            PRIORITY => self.priority = Some(u32::from_be_bytes(value.try_into().ok()?)),
            USE_CANDIDATE => self.use_candidate = true,
            ICE_CONTROLLED => self.ice_controlled = true,
            ICE_CONTROLLING => self.ice_controlling = true,
            XOR_MAPPED_ADDRESS => self.mapped = Some(read_address(value, &self.transaction)?),
            ERROR_CODE if value.len() >= 4 => {
                self.error = Some(u16::from(value[2] & 7) * 100 + u16::from(value[3]));
            }
            MESSAGE_INTEGRITY if value.len() == SHA1_LEN => {
                self.integrity = Some(Integrity { covered: before, mac: value });
            }
            MESSAGE_INTEGRITY | ERROR_CODE => return None,
            unknown if unknown < 0x8000 && unknown != UNKNOWN_ATTRIBUTES && self.unknown_count < MAX_UNKNOWN => {
                self.unknown[self.unknown_count] = unknown;
                self.unknown_count += 1;
            }
            _ => {}
        }
        Some(())
    }

    /// Whether MESSAGE-INTEGRITY is there and right under this short-term password.
    #[must_use]
    pub fn authentic(&self, key: &HmacSha1) -> bool {
        let Some(Integrity { covered, mac }) = &self.integrity else { return false };
        // The MAC is computed with a length that ends behind MESSAGE-INTEGRITY itself.
        let len = covered.len() - HEADER_LEN + 4 + SHA1_LEN;
        let Ok(len) = u16::try_from(len) else { return false };
        key.verify(&[&covered[..2], &len.to_be_bytes(), &covered[4..]], mac)
    }

    /// Comprehension-required attributes that were not understood.
    #[must_use]
    pub fn unknown(&self) -> &[u16] {
        &self.unknown[..self.unknown_count]
    }
}

fn kind_of(message_type: u16) -> Kind {
    match message_type {
        BINDING_REQUEST => Kind::Request,
        BINDING_SUCCESS => Kind::Success,
        BINDING_ERROR => Kind::Error,
        _ => Kind::Other,
    }
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// FINGERPRINT over the message before it, whose length field already covers the 8 bytes of FINGERPRINT.
fn fingerprint(before: &[u8]) -> u32 {
    crc32(before) ^ FINGERPRINT_XOR
}

fn address_mask(transaction: &[u8; 12]) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    mask
}

fn read_address(value: &[u8], transaction: &[u8; 12]) -> Option<SocketAddr> {
    let port = be16(value.get(..4)?, 2) ^ (MAGIC >> 16) as u16;
    let mask = address_mask(transaction);
    let ip: IpAddr = match (value[1], value.len()) {
        (1, 8) => {
            let bytes: [u8; 4] = std::array::from_fn(|i| value[4 + i] ^ mask[i]);
            bytes.into()
        }
        (2, 20) => {
            let bytes: [u8; 16] = std::array::from_fn(|i| value[4 + i] ^ mask[i]);
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Length of a finished `own_request` with a username of so many bytes.
#[must_use]
pub fn own_request_len(username: usize) -> usize {
    HEADER_LEN + 4 + username.next_multiple_of(4) + 8 + 12 + 4 + SHA1_LEN + 8
}

/// Builds a message attribute by attribute; `finish` closes it with MESSAGE-INTEGRITY and FINGERPRINT.
pub struct Builder {
    bytes: Vec<u8>,
}

impl Builder {
    fn new(message_type: u16, transaction: &[u8; 12]) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&message_type.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&MAGIC.to_be_bytes());
        bytes.extend_from_slice(transaction);
        Self { bytes }
    }

    /// A binding request as a full agent sends it; the core's own tests and load clients use it.
    #[must_use]
    pub fn request(transaction: &[u8; 12], username: &str, priority: u32, use_candidate: bool) -> Self {
        let mut builder = Self::new(BINDING_REQUEST, transaction);
        builder.attribute(USERNAME, username.as_bytes());
        builder.attribute(PRIORITY, &priority.to_be_bytes());
        builder.attribute(ICE_CONTROLLING, &[0; 8]);
        if use_candidate {
            builder.attribute(USE_CANDIDATE, &[]);
        }
        builder
    }

    /// A binding request of ours, who are controlled.
    #[must_use]
    pub fn own_request(transaction: &[u8; 12], username: &str) -> Self {
        let mut builder = Self::new(BINDING_REQUEST, transaction);
        builder.attribute(USERNAME, username.as_bytes());
        builder.attribute(PRIORITY, &OWN_PRIORITY.to_be_bytes());
        builder.attribute(ICE_CONTROLLED, &[0; 8]);
        builder
    }

    /// A success response that tells the peer the address its request came from.
    #[must_use]
    pub fn success(transaction: &[u8; 12], mapped: SocketAddr) -> Self {
        let mut builder = Self::new(BINDING_SUCCESS, transaction);
        let mask = address_mask(transaction);
        let mut value = [0; 20];
        value[2..4].copy_from_slice(&(mapped.port() ^ (MAGIC >> 16) as u16).to_be_bytes());
        let len = match mapped.ip() {
            IpAddr::V4(ip) => {
                value[1] = 1;
                value[4..8].copy_from_slice(&ip.octets());
                8
            }
            IpAddr::V6(ip) => {
                value[1] = 2;
                value[4..20].copy_from_slice(&ip.octets());
                20
            }
        };
        for (byte, mask) in value[4..len].iter_mut().zip(mask) {
            *byte ^= mask;
        }
        builder.attribute(XOR_MAPPED_ADDRESS, &value[..len]);
        builder
    }

    /// An error response; `unknown` names the attributes of a 420.
    #[must_use]
    pub fn error(transaction: &[u8; 12], code: u16, reason: &str, unknown: &[u16]) -> Self {
        let mut builder = Self::new(BINDING_ERROR, transaction);
        let mut value = vec![0, 0, (code / 100) as u8, (code % 100) as u8];
        value.extend_from_slice(reason.as_bytes());
        builder.attribute(ERROR_CODE, &value);
        if !unknown.is_empty() {
            let names: Vec<u8> = unknown.iter().flat_map(|name| name.to_be_bytes()).collect();
            builder.attribute(UNKNOWN_ATTRIBUTES, &names);
        }
        builder
    }

    #[cfg(test)]
    pub(crate) fn bare_request(transaction: &[u8; 12], username: &str) -> Self {
        let mut builder = Self::new(BINDING_REQUEST, transaction);
        builder.attribute(USERNAME, username.as_bytes());
        builder
    }

    #[cfg(test)]
    pub(crate) fn add(&mut self, attribute: u16, value: &[u8]) {
        self.attribute(attribute, value);
    }

    fn attribute(&mut self, attribute: u16, value: &[u8]) {
        self.bytes.extend_from_slice(&attribute.to_be_bytes());
        self.bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_len(0);
    }

    /// Writes the body length as if `coming` more bytes were already there.
    fn set_len(&mut self, coming: usize) {
        let len = (self.bytes.len() - HEADER_LEN + coming) as u16;
        self.bytes[2..4].copy_from_slice(&len.to_be_bytes());
    }

    /// The finished message, authenticated under `key`.
    #[must_use]
    pub fn finish(mut self, key: &HmacSha1) -> Vec<u8> {
        self.set_len(4 + SHA1_LEN);
        let mac = key.sign(&[&self.bytes]);
        self.attribute(MESSAGE_INTEGRITY, &mac);
        self.set_len(8);
        let crc = fingerprint(&self.bytes);
        self.attribute(FINGERPRINT, &crc.to_be_bytes());
        self.bytes
    }
}

#[cfg(test)]
#[path = "stun_tests.rs"]
mod tests;
