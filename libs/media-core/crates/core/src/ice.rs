//! An ICE-lite agent (RFC 8445 §2.5) for one transport: it answers checks, admits 5-tuples, follows nominations.
//!
//! Contract: `handle_check` with each binding request whose username names this agent, `handle_timeout` now and then;
//! both say what changed. The agent never sends of its own accord, so consent (RFC 7675) is the peer's checks arriving;
//! for a peer that is only sent feedback, its authenticated packets are as good (`heard`).
//! The newest valid nomination wins: a client that moved to another network nominates from its new address and needs
//! no signalling.

use std::net::SocketAddr;

use crate::crypto::HmacSha1;
use crate::stun::{Builder, Kind, Message};

/// Most 5-tuples that one transport may have validated at a time: a peer's candidates times our addresses, with room
/// for a move; the least recently checked makes way.
pub const MAX_PATHS: usize = 16;

/// One 5-tuple: which of our sockets, and the peer's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    /// Index of our socket.
    pub via: u8,
    /// The peer's address.
    pub remote: SocketAddr,
}

/// The credentials of both sides.
pub struct Credentials {
    /// Our ufrag: routes a check to this agent.
    pub local_ufrag: String,
    /// Our password: authenticates checks and our answers.
    pub local_pwd: String,
    /// The peer's ufrag.
    pub remote_ufrag: String,
}

/// What a check changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The answer to send back on the same path.
    pub answer: Option<Vec<u8>>,
    /// The path became valid by this check.
    pub admitted: bool,
    /// A path that had to make way.
    pub evicted: Option<Path>,
    /// The selected path changed to this one.
    pub selected: bool,
    /// The check was not authentic.
    pub refused: bool,
}

struct ValidPath {
    path: Path,
    checked_us: u64,
}

/// The agent of one transport.
pub struct Agent {
    credentials: Credentials,
    key: HmacSha1,
    valid: Vec<ValidPath>,
    selected: Option<Path>,
    consent_us: u64,
    consent_timeout_us: u64,
    expired: bool,
}

impl Agent {
    /// An agent without any path; consent runs from `now_us`.
    #[must_use]
    pub fn new(credentials: Credentials, consent_timeout_us: u64, now_us: u64) -> Self {
        let key = HmacSha1::new(credentials.local_pwd.as_bytes());
        Self {
            credentials,
            key,
            valid: Vec::new(),
            selected: None,
            consent_us: now_us,
            consent_timeout_us,
            expired: false,
        }
    }

    /// Takes new credentials. Valid paths keep carrying media until a check under the new ones moves it
    /// (RFC 8445 §2.4: media continues during a restart).
    pub fn restart(&mut self, credentials: Credentials, now_us: u64) {
        self.key = HmacSha1::new(credentials.local_pwd.as_bytes());
        self.credentials = credentials;
        self.consent_us = now_us;
        self.expired = false;
    }

    /// Our ufrag.
    #[must_use]
    pub fn local_ufrag(&self) -> &str {
        &self.credentials.local_ufrag
    }

    /// Every admitted path.
    pub fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        self.valid.iter().map(|valid| valid.path)
    }

    /// The nominated path.
    #[must_use]
    pub fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// Where to send: the nominated path, before a nomination the path that was validated last.
    #[must_use]
    pub fn active(&self) -> Option<Path> {
        if self.expired {
            return None;
        }
        self.selected.or_else(|| self.valid.iter().max_by_key(|valid| valid.checked_us).map(|valid| valid.path))
    }

    /// Takes a message whose username begins with our ufrag.
    pub fn handle_check(&mut self, path: Path, message: &Message<'_>, now_us: u64) -> Outcome {
        if message.kind != Kind::Request || !self.username_matches(message) || !message.authentic(&self.key) {
            return Outcome { refused: true, ..Outcome::default() };
        }
        let transaction = &message.transaction;
        if !message.unknown().is_empty() {
            let answer = Builder::error(transaction, 420, "Unknown Attribute", message.unknown()).finish(&self.key);
            return Outcome { answer: Some(answer), ..Outcome::default() };
        }
        // A lite agent is always controlled (RFC 8445 §6.1.1), so a peer that claims to be must switch.
        if message.ice_controlled {
            let answer = Builder::error(transaction, 487, "Role Conflict", &[]).finish(&self.key);
            return Outcome { answer: Some(answer), ..Outcome::default() };
        }
        self.consent_us = now_us;
        self.expired = false;
        let (admitted, evicted) = self.admit(path, now_us);
        let selected = message.use_candidate && self.selected != Some(path);
        if selected {
            self.selected = Some(path);
        }
        let answer = Builder::success(transaction, path.remote).finish(&self.key);
        Outcome { answer: Some(answer), admitted, evicted, selected, refused: false }
    }

    fn username_matches(&self, message: &Message<'_>) -> bool {
        let Some((local, remote)) = message.username.and_then(split_username) else { return false };
        local == self.credentials.local_ufrag.as_bytes() && remote == self.credentials.remote_ufrag.as_bytes()
    }

    fn admit(&mut self, path: Path, now_us: u64) -> (bool, Option<Path>) {
        if let Some(valid) = self.valid.iter_mut().find(|valid| valid.path == path) {
            valid.checked_us = now_us;
            return (false, None);
        }
        let evicted = if self.valid.len() < MAX_PATHS { None } else { self.evict() };
        self.valid.push(ValidPath { path, checked_us: now_us });
        (true, evicted)
    }

    fn evict(&mut self) -> Option<Path> {
        let selected = self.selected;
        let spare = self.valid.iter().enumerate().filter(|(_, valid)| Some(valid.path) != selected);
        let (oldest, _) = spare.min_by_key(|(_, valid)| valid.checked_us)?;
        Some(self.valid.swap_remove(oldest).path)
    }

    /// Gives up a path that another transport's peer has taken over.
    pub fn forget(&mut self, path: Path) {
        self.valid.retain(|valid| valid.path != path);
        if self.selected == Some(path) {
            self.selected = None;
        }
    }

    /// Notes an authenticated packet other than a check. On the selected path it shows that the peer is there and sends,
    /// which is all that a transport without players lives for: some publishers send no more checks once they are connected.
    pub fn heard(&mut self, path: Path, now_us: u64) {
        if !self.expired && self.selected == Some(path) {
            self.consent_us = now_us;
        }
    }

    /// True once when no check has come for the consent timeout; nothing is sent to the peer from then on until it
    /// checks again.
    pub fn handle_timeout(&mut self, now_us: u64) -> bool {
        if self.expired || now_us.saturating_sub(self.consent_us) < self.consent_timeout_us {
            return false;
        }
        self.expired = true;
        self.selected = None;
        true
    }

    /// Whether consent ran out.
    #[must_use]
    pub fn expired(&self) -> bool {
        self.expired
    }
}

/// `receiver's ufrag` and `sender's ufrag` of an ICE username.
#[must_use]
pub fn split_username(username: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = username.iter().position(|byte| *byte == b':')?;
    Some((&username[..colon], &username[colon + 1..]))
}

#[cfg(test)]
#[path = "ice_tests.rs"]
mod tests;
