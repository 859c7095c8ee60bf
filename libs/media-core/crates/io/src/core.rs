//! The handle: binds, starts the packet thread, takes commands from any thread.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use parlour_media_core::command::Command;
use parlour_media_core::flight::Record;
use parlour_media_core::policing::Limits;
use parlour_media_core::router::Router;

use crate::directory::{CommandError, Directory};
use crate::queue::{Inbox, Notice, Outbox, Request, lock};
use crate::senders::Senders;
use crate::socket::Socket;
use crate::stats::Stats;
use crate::sys::{Epoll, EventFd, interface_addresses};
use crate::worker::Worker;

/// The packet thread answers within a batch; this is for one that is gone.
const STATS_TIMEOUT: Duration = Duration::from_secs(2);

/// What a node is started with.
pub struct Config {
    /// Addresses to bind, port 0 for any; at most 255.
    pub bind: Vec<SocketAddr>,
    /// Addresses to tell peers instead of the bound ones.
    pub advertise: Vec<IpAddr>,
    /// Size of each socket's buffers.
    pub buffer_bytes: usize,
    /// Most transports at a time.
    pub max_transports: usize,
    /// Take nothing from other machines, whatever addresses are bound.
    pub local_only: bool,
    /// What each transport may send and ask for in a second.
    pub limits: Limits,
    /// Seed of first sequence numbers.
    pub seed: u64,
}

/// Why something did not work.
#[derive(Debug)]
pub enum Error {
    /// The command contradicts what exists.
    Command(CommandError),
    /// The packet thread is gone or far behind.
    Unavailable(&'static str),
}

/// See the module. Dropping it ends the thread.
pub struct Core {
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox>,
    directory: Arc<Mutex<Directory>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    candidates: Vec<SocketAddr>,
}

impl Core {
    /// Binds and starts.
    ///
    /// # Errors
    /// When an address cannot be bound or the system is out of descriptors or threads.
    pub fn start(config: Config) -> io::Result<Self> {
        let sockets = bind_all(&config)?;
        let candidates = candidates(&sockets, &config.advertise)?;
        let inbox = Arc::new(Inbox::new(EventFd::new()?));
        let outbox = Arc::new(Outbox::new(EventFd::new()?));
        let directory = Arc::new(Mutex::new(Directory::new(config.max_transports)));
        let worker = Worker {
            sockets,
            inbox: Arc::clone(&inbox),
            outbox: Arc::clone(&outbox),
            directory: Arc::clone(&directory),
            router: Router::new(config.seed, config.limits),
            epoll: Epoll::new()?,
            senders: if config.local_only { Senders::this_machine(&config.bind) } else { Senders::anybody() },
        };
        worker.register()?;
        let thread = std::thread::Builder::new().name("media-packets".to_owned()).spawn(move || worker.run())?;
        Ok(Self { inbox, outbox, directory, thread: Mutex::new(Some(thread)), candidates })
    }

    /// Addresses for a peer's candidates.
    #[must_use]
    pub fn local_candidates(&self) -> &[SocketAddr] {
        &self.candidates
    }

    /// Readable while news wait.
    #[must_use]
    pub fn event_fd(&self) -> RawFd {
        self.outbox.wake.as_raw_fd()
    }

    /// Hands a command to the packet thread.
    ///
    /// # Errors
    /// Unknown ids and contradictions at once; a thread that is gone.
    pub fn command(&self, command: Command) -> Result<(), Error> {
        // Held while queueing: commands reach the thread in the order in which they were admitted.
        let mut directory = lock(&self.directory);
        if lock(&self.thread).is_none() {
            return Err(Error::Unavailable("the core is closed"));
        }
        directory.admit(&command).map_err(Error::Command)?;
        if self.inbox.push(Request::Command(command)) {
            Ok(())
        } else {
            Err(Error::Unavailable("too many commands wait for the packet thread"))
        }
    }

    /// Takes at most `limit` news.
    #[must_use]
    pub fn poll(&self, limit: usize) -> Vec<Notice> {
        self.outbox.take(limit)
    }

    /// A snapshot of all counters.
    ///
    /// # Errors
    /// A thread that is gone.
    pub fn stats(&self) -> Result<Stats, Error> {
        let gone = Error::Unavailable("the packet thread does not answer");
        let (reply, answer) = mpsc::sync_channel(1);
        if lock(&self.thread).is_none() || !self.inbox.push(Request::Stats(reply)) {
            return Err(gone);
        }
        answer.recv_timeout(STATS_TIMEOUT).map_err(|_| gone)
    }

    /// What was decided lately about the packets of a transport, oldest first, and the core's time to measure it by;
    /// nothing about one that is not there.
    ///
    /// # Errors
    /// A thread that is gone.
    pub fn flight(&self, transport: u64) -> Result<Option<(u64, Vec<Record>)>, Error> {
        let gone = Error::Unavailable("the packet thread does not answer");
        let (reply, answer) = mpsc::sync_channel(1);
        if lock(&self.thread).is_none() || !self.inbox.push(Request::Flight(transport, reply)) {
            return Err(gone);
        }
        answer.recv_timeout(STATS_TIMEOUT).map_err(|_| gone)
    }

    /// Ends the packet thread; idempotent.
    pub fn close(&self) {
        let Some(thread) = lock(&self.thread).take() else { return };
        while !self.inbox.push(Request::Stop) {
            std::thread::yield_now();
        }
        let _ = thread.join();
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.close();
    }
}

fn bind_all(config: &Config) -> io::Result<Vec<Socket>> {
    let addresses = &config.bind;
    if addresses.is_empty() || addresses.len() > usize::from(u8::MAX) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "bind needs 1 to 255 addresses"));
    }
    addresses.iter().map(|address| Socket::bind(*address, config.buffer_bytes)).collect()
}

/// Every advertised address with the port of each socket of its family, or else the bound addresses themselves.
fn candidates(sockets: &[Socket], advertise: &[IpAddr]) -> io::Result<Vec<SocketAddr>> {
    let mut found = Vec::new();
    for socket in sockets {
        let local = socket.local_addr()?;
        let ips = match advertise {
            [] if local.ip().is_unspecified() => interface_addresses(local.ip()),
            [] => vec![local.ip()],
            advertise => advertise.iter().copied().filter(|ip| ip.is_ipv4() == local.is_ipv4()).collect(),
        };
        found.extend(ips.into_iter().map(|ip| SocketAddr::new(ip, local.port())));
    }
    found.dedup();
    Ok(found)
}
