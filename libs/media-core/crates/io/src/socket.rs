//! A UDP socket that receives in batches (recvmmsg) and sends runs of equal packets in one call (UDP_SEGMENT, which
//! costs a fraction of single sends).

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use crate::sys::{bind_udp, get_option, read_address, set_option, write_address};

/// Datagrams that one call takes in.
pub const BATCH: usize = 64;
/// Larger datagrams are cut off by the kernel and then dropped as malformed.
const DATAGRAM_ROOM: usize = 2048;
/// The kernel's limit of segments in one send.
pub const MAX_SEGMENTS: usize = 64;
/// The largest UDP payload over IPv4, a little rounded down.
const MAX_RUN_BYTES: usize = 65_000;
/// Refused runs in a row after which none is tried again. A single one may just be larger than its route's MTU.
const MAX_REFUSALS: u8 = 16;
/// Place of the drops in what SO_MEMINFO gives (linux/sock_diag.h).
const MEMINFO_DROPS: usize = 8;
/// Room for one control message with a 16-bit value.
const CONTROL_LEN: usize = 24;

/// Memory for one batch of received datagrams.
pub struct ReceiveBatch {
    bytes: Vec<[u8; DATAGRAM_ROOM]>,
    addresses: Vec<libc::sockaddr_storage>,
    iovecs: Vec<libc::iovec>,
    messages: Vec<libc::mmsghdr>,
}

// SAFETY: the raw pointers inside point into this struct's own heap memory, which moves along with it.
unsafe impl Send for ReceiveBatch {}

impl ReceiveBatch {
    /// Allocates the memory once.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: all of these are plain C structs for which zeroes are valid.
        let (address, iovec, message) = unsafe { std::mem::zeroed() };
        let mut batch = Self {
            bytes: vec![[0; DATAGRAM_ROOM]; BATCH],
            addresses: vec![address; BATCH],
            iovecs: vec![iovec; BATCH],
            messages: vec![message; BATCH],
        };
        for i in 0..BATCH {
            batch.iovecs[i].iov_base = batch.bytes[i].as_mut_ptr().cast();
            batch.iovecs[i].iov_len = DATAGRAM_ROOM;
            let header: &mut libc::msghdr = &mut batch.messages[i].msg_hdr;
            header.msg_name = (&raw mut batch.addresses[i]).cast();
            header.msg_iov = &raw mut batch.iovecs[i];
            header.msg_iovlen = 1;
        }
        batch
    }

    /// One received datagram and where it came from; `None` if it was cut off or has an odd address.
    pub fn datagram(&mut self, i: usize) -> Option<(SocketAddr, &mut [u8])> {
        let message = &self.messages[i];
        if message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let remote = read_address(&self.addresses[i])?;
        Some((remote, &mut self.bytes[i][..message.msg_len as usize]))
    }
}

impl Default for ReceiveBatch {
    fn default() -> Self {
        Self::new()
    }
}

/// What became of a run of packets.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sent {
    /// System calls.
    pub calls: u64,
    /// Packets that the kernel did not take.
    pub dropped: u64,
}

/// The socket.
pub struct Socket {
    inner: UdpSocket,
    segments: bool,
    refusals: u8,
}

impl Socket {
    /// Binds to an address; IPv6 sockets take IPv6 only.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub fn bind(address: SocketAddr, buffer_bytes: usize) -> io::Result<Self> {
        let inner = bind_udp(address)?;
        let buffer = libc::c_int::try_from(buffer_bytes).unwrap_or(libc::c_int::MAX);
        for (force, plain) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)] {
            // The forced form passes the system's limit but needs a privilege; the plain one is cut to the limit.
            if set_option(&inner, libc::SOL_SOCKET, force, &buffer.to_ne_bytes()).is_err() {
                set_option(&inner, libc::SOL_SOCKET, plain, &buffer.to_ne_bytes())?;
            }
        }
        let segments = set_option(&inner, libc::SOL_UDP, libc::UDP_SEGMENT, &0_i32.to_ne_bytes()).is_ok();
        Ok(Self { inner, segments, refusals: 0 })
    }

    /// The bound address.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Bytes of received datagrams that the kernel keeps for us: less than was asked for, where the system's limit is
    /// lower. The kernel doubles what is set, for its own overhead.
    #[must_use]
    pub fn receive_buffer(&self) -> usize {
        let mut granted = [0];
        let known = get_option(&self.inner, libc::SOL_SOCKET, libc::SO_RCVBUF, &mut granted);
        known.map_or(0, |_| granted[0] as usize / 2)
    }

    /// Datagrams that the kernel dropped because that buffer was full.
    #[must_use]
    pub fn kernel_drops(&self) -> u64 {
        let mut memory = [0; MEMINFO_DROPS + 1];
        let known = get_option(&self.inner, libc::SOL_SOCKET, libc::SO_MEMINFO, &mut memory);
        known.map_or(0, |_| u64::from(memory[MEMINFO_DROPS]))
    }

    /// Whether runs are still sent in one call.
    #[must_use]
    pub fn segments(&self) -> bool {
        self.segments
    }

    /// Receives what is there, at most a batch; the count.
    pub fn receive(&self, batch: &mut ReceiveBatch) -> usize {
        for message in &mut batch.messages {
            message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        }
        // SAFETY: the headers point to memory of the batch, which outlives the call.
        let count = unsafe {
            let messages = batch.messages.as_mut_ptr();
            libc::recvmmsg(self.as_raw_fd(), messages, BATCH as u32, libc::MSG_DONTWAIT, std::ptr::null_mut())
        };
        usize::try_from(count).unwrap_or(0)
    }

    /// How many of the first of these lengths may leave in one call: equal ones, of which the last may be shorter.
    #[must_use]
    pub fn run_len(&self, lens: impl Iterator<Item = usize>) -> usize {
        let (mut count, mut bytes, mut first) = (0, 0, 0);
        for len in lens {
            if count == 0 {
                first = len;
            }
            bytes += len;
            if count == MAX_SEGMENTS || len > first || (count > 0 && bytes > MAX_RUN_BYTES) {
                break;
            }
            count += 1;
            if len < first || !self.segments {
                break;
            }
        }
        count
    }

    /// Sends packets to one address, in one call if the kernel segments. They must satisfy `run_len`.
    pub fn send_run(&mut self, to: SocketAddr, packets: &[&[u8]]) -> Sent {
        let result = self.send_once(to, packets);
        if packets.len() > 1 {
            if result.as_ref().is_err_and(refuses_segments) {
                self.refusals += 1;
                self.segments = self.refusals < MAX_REFUSALS;
                return self.send_each(to, packets);
            }
            self.refusals = 0;
        }
        Sent { calls: 1, dropped: if result.is_ok() { 0 } else { packets.len() as u64 } }
    }

    fn send_each(&self, to: SocketAddr, packets: &[&[u8]]) -> Sent {
        let failed = packets.iter().filter(|packet| self.send_once(to, &[packet]).is_err()).count();
        Sent { calls: packets.len() as u64, dropped: failed as u64 }
    }

    fn send_once(&self, to: SocketAddr, packets: &[&[u8]]) -> io::Result<()> {
        // SAFETY: plain C structs for which zeroes are valid.
        let (mut address, mut header): (libc::sockaddr_storage, libc::msghdr) = unsafe { std::mem::zeroed() };
        let mut iovecs = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; MAX_SEGMENTS];
        for (iovec, packet) in iovecs.iter_mut().zip(packets) {
            iovec.iov_base = packet.as_ptr().cast_mut().cast();
            iovec.iov_len = packet.len();
        }
        header.msg_namelen = write_address(to, &mut address);
        header.msg_name = (&raw mut address).cast();
        header.msg_iov = iovecs.as_mut_ptr();
        header.msg_iovlen = packets.len();
        let mut control = Control([0; CONTROL_LEN]);
        if packets.len() > 1 {
            attach_segment_size(&mut header, &mut control, packets[0].len() as u16);
        }
        // SAFETY: everything that the header points to outlives the call; the kernel only reads.
        let sent = unsafe { libc::sendmsg(self.as_raw_fd(), &header, libc::MSG_DONTWAIT) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

/// Aligned as a cmsghdr must be.
#[repr(align(8))]
struct Control([u8; CONTROL_LEN]);

fn attach_segment_size(header: &mut libc::msghdr, control: &mut Control, size: u16) {
    header.msg_control = control.0.as_mut_ptr().cast();
    // SAFETY: CMSG_SPACE only computes.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<u16>() as u32) } as _;
    // SAFETY: the control buffer is aligned and, with 24 bytes, as long as CMSG_SPACE of 2 bytes.
    unsafe {
        let cmsg = libc::CMSG_FIRSTHDR(header);
        (*cmsg).cmsg_level = libc::SOL_UDP;
        (*cmsg).cmsg_type = libc::UDP_SEGMENT;
        (*cmsg).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as _;
        libc::CMSG_DATA(cmsg).cast::<u16>().write_unaligned(size);
    }
}

fn refuses_segments(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn bound(address: &str, port: u16) -> io::Result<Socket> {
        Socket::bind(SocketAddr::new(address.parse().unwrap(), port), 1 << 20)
    }

    #[test]
    fn both_wildcards_share_a_port() {
        let ipv4 = bound("0.0.0.0", 0).unwrap();
        let port = ipv4.local_addr().unwrap().port();
        match bound("::", port) {
            Ok(ipv6) => assert_eq!(ipv6.local_addr().unwrap().port(), port),
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EAFNOSUPPORT), "a machine without IPv6"),
        }
    }

    #[test]
    fn a_full_receive_buffer_is_counted() {
        let receiver = bound("127.0.0.1", 0).unwrap();
        assert!(receiver.receive_buffer() > 0);
        assert_eq!(receiver.kernel_drops(), 0);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = receiver.local_addr().unwrap();
        for _ in 0..2 * receiver.receive_buffer() / 1000 {
            sender.send_to(&[0; 1200], to).unwrap();
        }
        assert!(receiver.kernel_drops() > 0);
    }

    fn pair() -> (Socket, UdpSocket) {
        let sender = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0)), 1 << 20).unwrap();
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        (sender, receiver)
    }

    #[test]
    fn a_run_is_equal_packets_of_which_the_last_may_be_shorter() {
        let (mut socket, _) = pair();
        socket.segments = true;
        for (lens, expected) in [
            (&[100, 100, 50, 100][..], 3),
            (&[100, 100, 101], 2),
            (&[50, 100], 1),
            (&[1200; 100], 54),
            (&[100; 100], MAX_SEGMENTS),
            (&[7], 1),
        ] {
            assert_eq!(socket.run_len(lens.iter().copied()), expected, "{lens:?}");
        }
        socket.segments = false;
        assert_eq!(socket.run_len([100, 100].into_iter()), 1);
    }

    #[test]
    fn a_run_arrives_as_single_datagrams_with_or_without_the_kernels_help() {
        for segments in [true, false] {
            let (mut sender, receiver) = pair();
            let to = receiver.local_addr().unwrap();
            let packets: [&[u8]; 3] = [&[1; 500], &[2; 500], &[3; 20]];
            let sent = if segments { sender.send_run(to, &packets) } else { sender.send_each(to, &packets) };
            assert_eq!(sent.dropped, 0);
            for packet in packets {
                let mut buffer = [0; 2048];
                let len = receiver.recv(&mut buffer).unwrap();
                assert_eq!(&buffer[..len], packet);
            }
        }
    }

    #[test]
    fn runs_too_large_for_the_route_go_singly_and_do_not_end_segmentation_at_once() {
        let (mut sender, receiver) = pair();
        let to = receiver.local_addr().unwrap();
        let large = vec![0; 40_000];
        for _ in 1..MAX_REFUSALS {
            sender.send_run(to, &[&large, &large]);
            assert!(sender.segments());
        }
        sender.send_run(to, &[&[1; 100], &[2; 100]]);
        sender.send_run(to, &[&large, &large]);
        assert!(sender.segments(), "a run that was taken in between begins the count anew");
    }

    #[test]
    fn a_batch_brings_addresses_along() {
        let (receiver, sender) = pair();
        for i in 0..3_u8 {
            sender.send_to(&[i; 10], receiver.local_addr().unwrap()).unwrap();
        }
        let mut batch = ReceiveBatch::new();
        assert_eq!(receiver.receive(&mut batch), 3);
        for i in 0..3_u8 {
            let (remote, datagram) = batch.datagram(usize::from(i)).unwrap();
            assert_eq!((remote, &*datagram), (sender.local_addr().unwrap(), &[i; 10][..]));
        }
        assert_eq!(receiver.receive(&mut batch), 0);
    }

    #[test]
    fn a_cut_off_datagram_is_not_taken_for_a_whole_one() {
        let (receiver, sender) = pair();
        sender.send_to(&[0; DATAGRAM_ROOM + 1], receiver.local_addr().unwrap()).unwrap();
        let mut batch = ReceiveBatch::new();
        assert_eq!(receiver.receive(&mut batch), 1);
        assert!(batch.datagram(0).is_none());
    }
}
