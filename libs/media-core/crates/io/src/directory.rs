//! The ids that exist: lets a command be refused at once, though the packet thread carries it out a little later.

use std::collections::{HashMap, HashSet};

use parlour_media_core::command::Command;

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// The id is not known.
    Unknown(&'static str, u64),
    /// The arguments contradict what exists already.
    Invalid(String),
}

#[derive(Default)]
struct TransportEntry {
    ufrag: String,
    tracks: HashSet<u64>,
    sinks: HashSet<u64>,
    ssrcs: HashSet<u32>,
}

struct TrackEntry {
    transport: u64,
    sinks: HashSet<u64>,
}

struct SinkEntry {
    transport: u64,
    track: u64,
    ssrcs: Vec<u32>,
}

/// The ids, and what belongs to what.
pub struct Directory {
    transports: HashMap<u64, TransportEntry>,
    tracks: HashMap<u64, TrackEntry>,
    sinks: HashMap<u64, SinkEntry>,
    ufrags: HashSet<String>,
    max_transports: usize,
}

impl Directory {
    /// An empty one.
    #[must_use]
    pub fn new(max_transports: usize) -> Self {
        Self {
            transports: HashMap::new(),
            tracks: HashMap::new(),
            sinks: HashMap::new(),
            ufrags: HashSet::new(),
            max_transports,
        }
    }

    /// Checks a command against the ids and records what it will do.
    ///
    /// # Errors
    /// Unknown ids, doubled ids, ufrags or SSRCs, a full node.
    pub fn admit(&mut self, command: &Command) -> Result<(), CommandError> {
        match command {
            Command::AddTransport { transport, credentials, .. } => {
                self.add_transport(*transport, &credentials.local_ufrag)
            }
            Command::RestartIce { transport, credentials } => self.rename(*transport, &credentials.local_ufrag),
            Command::RemoveTransport(id) => self.remove_transport(*id),
            Command::SendDtls { transport, .. }
            | Command::InstallSrtp { transport, .. }
            | Command::SetMaxBitrate { transport, .. } => self.transport(*transport).map(|_| ()),
            Command::AddTrack(config) => self.add_track(config.transport, config.track),
            Command::RemoveTrack(id) => self.remove_track(*id),
            Command::AddSink(config) => {
                let ssrcs = [Some(config.ssrc), config.rtx_ssrc].into_iter().flatten().collect();
                self.add_sink(config.sink, config.track, config.transport, ssrcs)
            }
            Command::RemoveSink(id) => self.remove_sink(*id),
            Command::PauseSink { sink, .. } => self.known(self.sinks.contains_key(sink), "sink", *sink),
            Command::RequestKeyframe(track) => self.known(self.tracks.contains_key(track), "track", *track),
        }
    }

    fn known(&self, known: bool, what: &'static str, id: u64) -> Result<(), CommandError> {
        if known { Ok(()) } else { Err(CommandError::Unknown(what, id)) }
    }

    fn transport(&mut self, id: u64) -> Result<&mut TransportEntry, CommandError> {
        self.transports.get_mut(&id).ok_or(CommandError::Unknown("transport", id))
    }

    fn add_transport(&mut self, id: u64, ufrag: &str) -> Result<(), CommandError> {
        if self.transports.contains_key(&id) {
            return Err(CommandError::Invalid(format!("transport {id} exists already")));
        }
        if self.transports.len() >= self.max_transports {
            return Err(CommandError::Invalid(format!("this node is full: {} transports", self.max_transports)));
        }
        self.claim_ufrag(ufrag)?;
        self.transports.insert(id, TransportEntry { ufrag: ufrag.to_owned(), ..TransportEntry::default() });
        Ok(())
    }

    fn claim_ufrag(&mut self, ufrag: &str) -> Result<(), CommandError> {
        if ufrag.is_empty() || ufrag.contains(':') {
            return Err(CommandError::Invalid("a ufrag is not empty and has no colon".to_owned()));
        }
        if self.ufrags.insert(ufrag.to_owned()) {
            Ok(())
        } else {
            Err(CommandError::Invalid("this local ufrag is taken".to_owned()))
        }
    }

    fn rename(&mut self, id: u64, ufrag: &str) -> Result<(), CommandError> {
        if self.transport(id)?.ufrag == ufrag {
            return Ok(());
        }
        self.claim_ufrag(ufrag)?;
        let old = std::mem::replace(&mut self.transport(id)?.ufrag, ufrag.to_owned());
        self.ufrags.remove(&old);
        Ok(())
    }

    /// Forgets a transport with all that belongs to it; also called when the packet thread ended one.
    ///
    /// # Errors
    /// If it is unknown.
    pub fn remove_transport(&mut self, id: u64) -> Result<(), CommandError> {
        let entry = self.transports.remove(&id).ok_or(CommandError::Unknown("transport", id))?;
        self.ufrags.remove(&entry.ufrag);
        for track in entry.tracks {
            let _ = self.remove_track(track);
        }
        for sink in entry.sinks {
            let _ = self.remove_sink(sink);
        }
        Ok(())
    }

    fn add_track(&mut self, transport: u64, id: u64) -> Result<(), CommandError> {
        if self.tracks.contains_key(&id) {
            return Err(CommandError::Invalid(format!("track {id} exists already")));
        }
        self.transport(transport)?.tracks.insert(id);
        self.tracks.insert(id, TrackEntry { transport, sinks: HashSet::new() });
        Ok(())
    }

    fn remove_track(&mut self, id: u64) -> Result<(), CommandError> {
        let entry = self.tracks.remove(&id).ok_or(CommandError::Unknown("track", id))?;
        for sink in entry.sinks {
            let _ = self.remove_sink(sink);
        }
        if let Some(transport) = self.transports.get_mut(&entry.transport) {
            transport.tracks.remove(&id);
        }
        Ok(())
    }

    fn add_sink(&mut self, id: u64, track: u64, transport: u64, ssrcs: Vec<u32>) -> Result<(), CommandError> {
        if self.sinks.contains_key(&id) {
            return Err(CommandError::Invalid(format!("sink {id} exists already")));
        }
        if !self.tracks.contains_key(&track) {
            return Err(CommandError::Unknown("track", track));
        }
        let entry = self.transport(transport)?;
        // Two streams of one SSRC under one key would use the same nonces.
        if ssrcs.iter().any(|ssrc| entry.ssrcs.contains(ssrc)) || (ssrcs.len() == 2 && ssrcs[0] == ssrcs[1]) {
            return Err(CommandError::Invalid("this ssrc is in use on the transport".to_owned()));
        }
        entry.ssrcs.extend(&ssrcs);
        entry.sinks.insert(id);
        if let Some(entry) = self.tracks.get_mut(&track) {
            entry.sinks.insert(id);
        }
        self.sinks.insert(id, SinkEntry { transport, track, ssrcs });
        Ok(())
    }

    fn remove_sink(&mut self, id: u64) -> Result<(), CommandError> {
        let entry = self.sinks.remove(&id).ok_or(CommandError::Unknown("sink", id))?;
        if let Some(transport) = self.transports.get_mut(&entry.transport) {
            transport.sinks.remove(&id);
            transport.ssrcs.retain(|ssrc| !entry.ssrcs.contains(ssrc));
        }
        if let Some(track) = self.tracks.get_mut(&entry.track) {
            track.sinks.remove(&id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parlour_media_core::ice::Credentials;

    use super::*;

    fn add(directory: &mut Directory, transport: u64, ufrag: &str) -> Result<(), CommandError> {
        let credentials = Credentials {
            local_ufrag: ufrag.to_owned(),
            local_pwd: "p".repeat(22),
            remote_ufrag: "r".to_owned(),
            remote_pwd: "r".to_owned(),
        };
        directory.admit(&Command::AddTransport { transport, credentials, consent_timeout_us: 1 })
    }

    #[test]
    fn a_removed_transport_takes_its_tracks_and_their_sinks_along() {
        let mut directory = Directory::new(10);
        add(&mut directory, 1, "a").unwrap();
        add(&mut directory, 2, "b").unwrap();
        directory.add_track(1, 10).unwrap();
        directory.add_sink(20, 10, 2, vec![5, 6]).unwrap();
        assert!(matches!(directory.add_sink(21, 10, 2, vec![6]), Err(CommandError::Invalid(_))));
        directory.admit(&Command::RemoveTransport(1)).unwrap();
        assert_eq!(directory.remove_sink(20), Err(CommandError::Unknown("sink", 20)));
        assert_eq!(directory.remove_track(10), Err(CommandError::Unknown("track", 10)));
        add(&mut directory, 1, "a").unwrap();
        directory.add_track(1, 10).unwrap();
        directory.add_sink(20, 10, 2, vec![5, 6]).unwrap();
    }

    #[test]
    fn a_full_node_and_a_taken_ufrag_are_refused() {
        let mut directory = Directory::new(2);
        add(&mut directory, 1, "a").unwrap();
        assert!(matches!(add(&mut directory, 2, "a"), Err(CommandError::Invalid(_))));
        add(&mut directory, 2, "b").unwrap();
        assert!(matches!(add(&mut directory, 3, "c"), Err(CommandError::Invalid(_))));
    }
}
