//! An ICE-lite agent (RFC 8445 §2.5) for one transport: it answers checks, admits 5-tuples, follows nominations.
//!
//! Contract: `handle_check` with each binding request whose username names this agent, `handle_answer` with each answer
//! to a check that it asked to be sent, `handle_timeout` and `poll_check` now and then; they say what changed.
//! More than a lite agent must, it checks each new path back, once, and sends media to none before the answer. Consent
//! (RFC 7675) is the peer's checks arriving; for a peer that is only sent feedback, its authenticated packets are as
//! good (`note_authenticated`). The newest valid nomination wins as soon as its path is proven: a client that moved to another
//! network nominates from its new address and needs no signalling.

use std::net::SocketAddr;

use crate::crypto::HmacSha1;
use crate::reachability::Reachability;
use crate::stun::{Builder, Kind, Message, own_request_len};

/// Most 5-tuples that one transport may have admitted at a time: a peer's candidates times our addresses, with room
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
    /// The peer's password: authenticates our checks and its answers.
    pub remote_pwd: String,
}

/// What a check or an answer changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The answer to send back on the same path.
    pub answer: Option<Vec<u8>>,
    /// The check was a valid one: the path is among this agent's.
    pub admitted: bool,
    /// A path that had to make way.
    pub evicted: Option<Path>,
    /// The selected path changed to this one.
    pub selected: bool,
    /// The message was not authentic.
    pub refused: bool,
}

impl Outcome {
    fn refusal() -> Self {
        Self { refused: true, ..Self::default() }
    }
}

struct Admitted {
    path: Path,
    checked_us: u64,
    reachability: Reachability,
}

/// The agent of one transport.
pub struct Agent {
    credentials: Credentials,
    key: HmacSha1,
    remote_key: HmacSha1,
    admitted: Vec<Admitted>,
    nominated: Option<Path>,
    selected: Option<Path>,
    consent_us: u64,
    consent_timeout_us: u64,
    expired: bool,
}

impl Agent {
    /// An agent without any path; consent runs from `now_us`.
    #[must_use]
    pub fn new(credentials: Credentials, consent_timeout_us: u64, now_us: u64) -> Self {
        Self {
            key: HmacSha1::new(credentials.local_pwd.as_bytes()),
            remote_key: HmacSha1::new(credentials.remote_pwd.as_bytes()),
            credentials,
            admitted: Vec::new(),
            nominated: None,
            selected: None,
            consent_us: now_us,
            consent_timeout_us,
            expired: false,
        }
    }

    /// Takes new credentials. Proven paths keep carrying media until a check under the new ones moves it
    /// (RFC 8445 §2.4: media continues during a restart); the others are checked again.
    pub fn restart(&mut self, credentials: Credentials, now_us: u64) {
        self.key = HmacSha1::new(credentials.local_pwd.as_bytes());
        self.remote_key = HmacSha1::new(credentials.remote_pwd.as_bytes());
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
        self.admitted.iter().map(|admitted| admitted.path)
    }

    /// The nominated path, if it is proven.
    #[must_use]
    pub fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// Where to send: the selected path, before a nomination the proven path that was checked last.
    #[must_use]
    pub fn active(&self) -> Option<Path> {
        if self.expired {
            return None;
        }
        let proven = || self.admitted.iter().filter(|admitted| admitted.reachability.proven());
        self.selected.or_else(|| proven().max_by_key(|admitted| admitted.checked_us).map(|admitted| admitted.path))
    }

    /// Whether the peer showed that it receives what is sent on this path.
    #[must_use]
    pub fn proved(&self, path: Path) -> bool {
        self.admitted.iter().any(|admitted| admitted.path == path && admitted.reachability.proven())
    }

    /// Takes a message of so many bytes whose username begins with our ufrag.
    pub fn handle_check(&mut self, path: Path, message: &Message<'_>, bytes: usize, now_us: u64) -> Outcome {
        if message.kind != Kind::Request || !self.username_matches(message) || !message.authentic(&self.key) {
            return Outcome::refusal();
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
        let answer = Builder::success(transaction, path.remote).finish(&self.key);
        let evicted = self.admit(path, now_us);
        self.note_received(path, bytes);
        if let Some(admitted) = self.admitted_mut(path) {
            admitted.reachability.sent(answer.len());
        }
        if message.use_candidate {
            self.nominated = Some(path);
        }
        let selected = self.proved(path) && self.consent(path, now_us);
        Outcome { answer: Some(answer), admitted: true, evicted, selected, refused: false }
    }

    /// Takes an answer to a check of ours.
    pub fn handle_answer(&mut self, path: Path, message: &Message<'_>, now_us: u64) -> Outcome {
        let authentic = message.kind == Kind::Success && message.authentic(&self.remote_key);
        match self.admitted_mut(path) {
            Some(admitted) if authentic && admitted.reachability.awaits(&message.transaction) => {
                admitted.reachability.prove();
                Outcome { admitted: true, selected: self.consent(path, now_us), ..Outcome::default() }
            }
            // The answer to a repeat of a check that was answered before.
            Some(admitted) if authentic && admitted.reachability.proven() => Outcome::default(),
            _ => Outcome::refusal(),
        }
    }

    /// Notes that the peer on a proven path wants to be sent media; whether the selected path changed by that.
    fn consent(&mut self, path: Path, now_us: u64) -> bool {
        self.consent_us = now_us;
        self.expired = false;
        let selected = self.nominated == Some(path) && self.selected != Some(path);
        if selected {
            self.selected = Some(path);
        }
        selected
    }

    /// Notes bytes that came from a path: until it is proven they limit what may be sent there.
    pub fn note_received(&mut self, path: Path, bytes: usize) {
        if let Some(admitted) = self.admitted_mut(path) {
            admitted.reachability.received(bytes);
        }
    }

    /// A check to send on a path that is not proven, if one is due. `number` leads the answer back to this agent.
    pub fn poll_check(&mut self, path: Path, number: u32, now_us: u64) -> Option<Vec<u8>> {
        let len = self.check_len();
        let Credentials { local_ufrag, remote_ufrag, .. } = &self.credentials;
        let admitted = self.admitted.iter_mut().find(|admitted| admitted.path == path)?;
        let transaction = admitted.reachability.ask(number, len, now_us)?;
        Some(Builder::own_request(&transaction, &format!("{remote_ufrag}:{local_ufrag}")).finish(&self.remote_key))
    }

    /// As `poll_check`, on whichever path one is due.
    pub fn poll_checks(&mut self, number: u32, now_us: u64) -> Option<(Path, Vec<u8>)> {
        let len = self.check_len();
        let due = self.admitted.iter().find(|admitted| admitted.reachability.due(len, now_us))?.path;
        Some((due, self.poll_check(due, number, now_us)?))
    }

    fn check_len(&self) -> usize {
        own_request_len(self.credentials.remote_ufrag.len() + 1 + self.credentials.local_ufrag.len())
    }

    fn username_matches(&self, message: &Message<'_>) -> bool {
        let Some((local, remote)) = message.username.and_then(split_username) else { return false };
        local == self.credentials.local_ufrag.as_bytes() && remote == self.credentials.remote_ufrag.as_bytes()
    }

    fn admitted_mut(&mut self, path: Path) -> Option<&mut Admitted> {
        self.admitted.iter_mut().find(|admitted| admitted.path == path)
    }

    fn admit(&mut self, path: Path, now_us: u64) -> Option<Path> {
        if let Some(admitted) = self.admitted_mut(path) {
            admitted.checked_us = now_us;
            return None;
        }
        let evicted = if self.admitted.len() < MAX_PATHS { None } else { self.evict() };
        self.admitted.push(Admitted { path, checked_us: now_us, reachability: Reachability::default() });
        evicted
    }

    fn evict(&mut self) -> Option<Path> {
        let selected = self.selected;
        let spare = self.admitted.iter().enumerate().filter(|(_, admitted)| Some(admitted.path) != selected);
        let (oldest, _) = spare.min_by_key(|(_, admitted)| admitted.checked_us)?;
        Some(self.admitted.swap_remove(oldest).path)
    }

    /// Gives up a path at which another transport's peer proved to be.
    pub fn forget(&mut self, path: Path) {
        self.admitted.retain(|admitted| admitted.path != path);
        if self.selected == Some(path) {
            self.selected = None;
        }
    }

    /// Notes an authenticated packet other than a check. On the selected path it shows that the peer is there and sends,
    /// which is all that keeps a transport without players alive: some publishers send no more checks once they are connected.
    pub fn note_authenticated(&mut self, path: Path, now_us: u64) {
        if !self.expired && self.selected == Some(path) {
            self.consent_us = now_us;
        }
    }

    /// True once when no check has come for the consent timeout; nothing is sent to the peer from then on until it
    /// checks again and proves its path again: somebody else may have the address by then.
    pub fn handle_timeout(&mut self, now_us: u64) -> bool {
        if self.expired || now_us.saturating_sub(self.consent_us) < self.consent_timeout_us {
            return false;
        }
        self.expired = true;
        self.selected = None;
        self.nominated = None;
        for admitted in &mut self.admitted {
            admitted.reachability = Reachability::default();
        }
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
