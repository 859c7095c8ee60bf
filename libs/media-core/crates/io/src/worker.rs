//! The packet thread: waits for datagrams, requests and time, lets the router handle them, sends what comes out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use parlour_media_core::egress::{Egress, FLUSH_PACKETS};
use parlour_media_core::ice::Path;
use parlour_media_core::router::Router;

use crate::directory::Directory;
use crate::queue::{Inbox, Notice, Outbox, Request, lock};
use crate::senders::Senders;
use crate::socket::{BATCH, MAX_SEGMENTS, ReceiveBatch, Socket};
use crate::stats::{SocketCounters, Stats};
use crate::sys::{Epoll, thread_cpu_ns};

const WAKE: u64 = u64::MAX;
/// Batches that one socket may deliver before requests and timers get their turn.
const BATCHES_EACH: usize = 4;
/// The same while packets wait to be forwarded: to receive costs little, and what is not received is lost to everybody.
const BATCHES_BEHIND: usize = 16;
/// Packets that are sent before the sockets are looked at again; the last slab may exceed it. With more, a large fan-out
/// of many packets would make the kernel drop other people's meanwhile.
const SENT_EACH: usize = FLUSH_PACKETS;

/// See the module.
pub struct Worker {
    /// The sockets, in the order of their indexes.
    pub sockets: Vec<Socket>,
    /// Requests to this thread.
    pub inbox: Arc<Inbox>,
    /// News from this thread.
    pub outbox: Arc<Outbox>,
    /// The living ids, from which a transport that panicked is removed.
    pub directory: Arc<Mutex<Directory>>,
    /// The router.
    pub router: Router,
    /// Readiness of all of them.
    pub epoll: Epoll,
    /// Whose datagrams are handled.
    pub senders: Senders,
}

struct State {
    egress: Egress,
    counters: SocketCounters,
    origin: Instant,
    stopped: bool,
    /// Packets may wait to be forwarded.
    behind: bool,
    /// Packets sent since the sockets were looked at.
    sent: usize,
}

impl State {
    fn now_us(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }
}

impl Worker {
    /// Registers the descriptors.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn register(&self) -> std::io::Result<()> {
        use std::os::fd::AsRawFd;
        self.epoll.add(self.inbox.wake.as_raw_fd(), WAKE)?;
        for (token, socket) in (0..).zip(&self.sockets) {
            self.epoll.add(socket.as_raw_fd(), token)?;
        }
        Ok(())
    }

    /// Runs until a stop request.
    pub fn run(mut self) {
        let mut state = State {
            egress: Egress::default(),
            counters: SocketCounters::default(),
            origin: Instant::now(),
            stopped: false,
            behind: false,
            sent: 0,
        };
        let mut ready = Vec::new();
        let mut batch = ReceiveBatch::new();
        while !state.stopped {
            state.sent = 0;
            let now_us = state.now_us();
            let wait_us = if state.behind { 0 } else { self.router.poll_timeout().saturating_sub(now_us) };
            self.epoll.wait(wait_us.div_ceil(1000).min(1000) as i32, &mut ready);
            self.handle_requests(&mut state);
            for via in ready.iter().filter(|token| **token != WAKE) {
                self.receive(*via as usize, &mut batch, &mut state);
            }
            let now_us = state.now_us();
            if now_us >= self.router.poll_timeout() {
                self.guard(&mut state, |router, egress| {
                    router.handle_timeout(now_us, egress);
                    false
                });
            }
            self.forward(&mut state);
            self.report();
        }
    }

    fn receive(&mut self, via: usize, batch: &mut ReceiveBatch, state: &mut State) {
        let mut batches = 0;
        while batches < if state.behind { BATCHES_BEHIND } else { BATCHES_EACH } {
            batches += 1;
            let count = self.sockets[via].receive(batch);
            if count == 0 {
                return;
            }
            state.counters.receive_calls += 1;
            // What was asked before a datagram was sent is done before it is handled.
            self.handle_requests(state);
            self.handle_batch(via, count, batch, state);
            if count < BATCH {
                return;
            }
        }
    }

    fn handle_batch(&mut self, via: usize, count: usize, batch: &mut ReceiveBatch, state: &mut State) {
        let now_us = state.now_us();
        for i in 0..count {
            if let Some((remote, datagram)) = batch.datagram(i).filter(|(remote, _)| self.senders.admit(remote.ip())) {
                let path = Path { via: via as u8, remote };
                self.guard(state, |router, egress| {
                    router.handle_datagram(now_us, path, datagram, egress);
                    false
                });
            }
        }
        if !state.behind {
            self.forward(state);
        }
    }

    fn handle_requests(&mut self, state: &mut State) {
        for request in self.inbox.take() {
            match request {
                Request::Command(command) => {
                    let now_us = state.now_us();
                    self.guard(state, |router, egress| {
                        router.apply(now_us, command, egress);
                        false
                    });
                }
                Request::Stats(reply) => {
                    // Whoever asked may have stopped waiting.
                    let _ = reply.try_send(self.stats(state));
                }
                Request::Flight(transport, reply) => {
                    let now_us = state.now_us();
                    let read = self.router.flight(transport, now_us).map(|records| (now_us, records));
                    let _ = reply.try_send(read);
                }
                Request::Stop => state.stopped = true,
            }
        }
    }

    /// Runs a step of the router. A panic ends the transport that it concerns, and nothing else.
    /// What the step returned, or whether a transport was ended and the step may be tried again without it.
    fn guard(&mut self, state: &mut State, step: impl FnOnce(&mut Router, &mut Egress) -> bool) -> bool {
        let (router, egress) = (&mut self.router, &mut state.egress);
        let panic = match catch_unwind(AssertUnwindSafe(|| step(router, egress))) {
            Ok(result) => return result,
            Err(panic) => panic,
        };
        state.counters.panics += 1;
        let Some(transport) = self.router.current() else { return false };
        let router = &mut self.router;
        let _ = catch_unwind(AssertUnwindSafe(|| router.remove_transport(transport)));
        let _ = lock(&self.directory).remove_transport(transport);
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic").to_owned();
        self.outbox.push(Notice::Panic { transport, message });
        true
    }

    /// Lets the router forward what the batch brought, and sends; or the first of it, if that is very much.
    fn forward(&mut self, state: &mut State) {
        let now_us = state.now_us();
        state.behind = true;
        while state.behind && state.sent < SENT_EACH {
            state.behind = self.guard(state, |router, egress| router.forward(now_us, egress));
            self.send(state);
        }
    }

    fn send(&mut self, state: &mut State) {
        state.egress.group_by_flow();
        let mut rest = state.egress.packets();
        state.sent += rest.len();
        let mut run: [&[u8]; MAX_SEGMENTS] = [&[]; MAX_SEGMENTS];
        while let Some(first) = rest.first() {
            let socket = &mut self.sockets[usize::from(first.path.via)];
            let same = rest.iter().take_while(|packet| packet.path == first.path);
            let count = socket.run_len(same.map(|packet| packet.len())).max(1);
            for (slot, packet) in run.iter_mut().zip(&rest[..count]) {
                *slot = state.egress.bytes(packet);
            }
            let sent = socket.send_run(first.path.remote, &run[..count]);
            state.counters.sent_packets += count as u64 - sent.dropped;
            state.counters.send_calls += sent.calls;
            state.counters.send_dropped += sent.dropped;
            rest = &rest[count..];
        }
        state.egress.clear();
    }

    fn report(&mut self) {
        while let Some(event) = self.router.poll_event() {
            self.outbox.push(Notice::Event(event));
        }
    }

    fn stats(&self, state: &State) -> Stats {
        Stats {
            router: self.router.stats(state.now_us()),
            sockets: state.counters,
            thread_cpu_ns: vec![thread_cpu_ns()],
            receive_buffer: self.sockets.iter().map(Socket::receive_buffer).min().unwrap_or(0),
            kernel_drops: self.sockets.iter().map(Socket::kernel_drops).sum(),
            segments: self.sockets.iter().all(Socket::segments),
        }
    }
}

#[cfg(test)]
mod tests {
    use parlour_media_core::command::Command;
    use parlour_media_core::crypto::HmacSha1;
    use parlour_media_core::ice::Credentials;
    use parlour_media_core::stun::Builder;

    use super::*;
    use crate::sys::EventFd;

    fn worker() -> (Worker, State) {
        let worker = Worker {
            sockets: vec![],
            inbox: Arc::new(Inbox::new(EventFd::new().unwrap())),
            outbox: Arc::new(Outbox::new(EventFd::new().unwrap())),
            directory: Arc::new(Mutex::new(Directory::new(10))),
            router: Router::new(1, parlour_media_core::policing::Limits::default()),
            epoll: Epoll::new().unwrap(),
            senders: Senders::anybody(),
        };
        let state = State {
            egress: Egress::default(),
            counters: SocketCounters::default(),
            origin: Instant::now(),
            stopped: false,
            behind: false,
            sent: 0,
        };
        (worker, state)
    }

    fn add_transport(worker: &mut Worker, state: &mut State, transport: u64) {
        let credentials = || Credentials {
            local_ufrag: format!("l{transport}"),
            local_pwd: "pwd".to_owned(),
            remote_ufrag: "r".to_owned(),
            remote_pwd: "r".to_owned(),
        };
        let command = || Command::AddTransport { transport, credentials: credentials(), consent_timeout_us: 1 };
        lock(&worker.directory).admit(&command()).unwrap();
        worker.guard(state, |router, egress| {
            router.apply(0, command(), egress);
            false
        });
    }

    #[test]
    fn a_panic_ends_the_transport_that_it_concerns_and_no_other() {
        let (mut worker, mut state) = worker();
        add_transport(&mut worker, &mut state, 1);
        add_transport(&mut worker, &mut state, 2);
        let mut check = Builder::request(&[1; 12], "l1:r", 1, true).finish(&HmacSha1::new(b"pwd"));
        let path = Path { via: 0, remote: "192.0.2.1:5".parse().unwrap() };
        let again = worker.guard(&mut state, |router, egress| {
            router.handle_datagram(0, path, &mut check, egress);
            panic!("a flaw in handling transport {}", 1);
        });
        assert!(again);
        assert_eq!(state.counters.panics, 1);
        let left: Vec<u64> = worker.router.stats(0).transports.iter().map(|transport| transport.id).collect();
        assert_eq!(left, [2]);
        assert!(lock(&worker.directory).remove_transport(1).is_err());
        worker.report();
        let notices = worker.outbox.take(10);
        let told =
            |notice: &Notice| matches!(notice, Notice::Panic { transport: 1, message } if message.contains("flaw"));
        assert!(notices.iter().any(told), "{notices:?}");
    }
}
