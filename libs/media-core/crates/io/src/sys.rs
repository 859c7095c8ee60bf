//! The few kernel objects that std does not offer: eventfd, epoll, clocks, interface addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A counter that another thread's poll can wait for.
pub struct EventFd(OwnedFd);

impl EventFd {
    /// A non-blocking eventfd at 0.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })?;
        // SAFETY: the descriptor is new and nobody else's.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Makes it readable.
    pub fn signal(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the buffer is 8 bytes long. A full counter is readable already, so the result does not matter.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it unreadable.
    pub fn clear(&self) {
        let mut count = [0_u8; 8];
        // SAFETY: the buffer is 8 bytes long. An empty counter is what is wanted, so the result does not matter.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Waits for several descriptors to become readable.
pub struct Epoll(OwnedFd);

impl Epoll {
    /// An empty set.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor is new and nobody else's.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Adds a descriptor under a token.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: the event outlives the call.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) })?;
        Ok(())
    }

    /// Waits at most `timeout_ms`; the tokens of readable descriptors go to `ready`. A signal ends the wait early.
    pub fn wait(&self, timeout_ms: i32, ready: &mut Vec<u64>) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 16];
        // SAFETY: the array has as many entries as are announced.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), 16, timeout_ms) };
        ready.clear();
        ready.extend(events.iter().take(usize::try_from(count).unwrap_or(0)).map(|event| event.u64));
    }
}

/// A UDP socket bound to an address. IPv6 sockets take IPv6 only, so that both wildcards can have one port.
///
/// # Errors
/// When the address is taken or not ours.
pub fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: no pointers are passed.
    let fd = check(unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) })?;
    // SAFETY: the descriptor is new and nobody else's.
    let socket = UdpSocket::from(unsafe { OwnedFd::from_raw_fd(fd) });
    if address.is_ipv6() {
        set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &1_i32.to_ne_bytes())?;
    }
    // SAFETY: a plain C struct for which zeroes are valid.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let len = write_address(address, &mut storage);
    // SAFETY: the address outlives the call and is as long as announced.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const storage).cast(), len) })?;
    Ok(socket)
}

/// Sets a socket option.
///
/// # Errors
/// What the kernel says.
pub fn set_option(socket: &UdpSocket, level: libc::c_int, name: libc::c_int, value: &[u8]) -> io::Result<()> {
    // SAFETY: the value outlives the call and is as long as announced.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, value.as_ptr().cast(), value.len() as libc::socklen_t)
    };
    check(result).map(|_| ())
}

/// Reads a socket option of native integers into `out`, from its start; how many came.
///
/// # Errors
/// What the kernel says.
pub fn get_option(socket: &UdpSocket, level: libc::c_int, name: libc::c_int, out: &mut [u32]) -> io::Result<usize> {
    let mut len = size_of_val(out) as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes, which is the size of the buffer.
    check(unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, out.as_mut_ptr().cast(), &raw mut len) })?;
    Ok(len as usize / size_of::<u32>())
}

/// CPU time of the calling thread.
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the struct outlives the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Reads a kernel socket address of IPv4 or IPv6.
#[must_use]
pub fn read_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let pointer: *const libc::sockaddr_storage = storage;
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage, which is larger and stricter aligned, holds this type.
            let address = unsafe { &*pointer.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            Some(SocketAddr::new(ip.into(), u16::from_be(address.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that the storage, which is larger and stricter aligned, holds this type.
            let address = unsafe { &*pointer.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
            Some(SocketAddr::new(ip.into(), u16::from_be(address.sin6_port)))
        }
        _ => None,
    }
}

/// Writes a kernel socket address; its length.
pub fn write_address(address: SocketAddr, storage: &mut libc::sockaddr_storage) -> libc::socklen_t {
    let pointer: *mut libc::sockaddr_storage = storage;
    let len = match address {
        SocketAddr::V4(address) => {
            // SAFETY: the storage is larger and stricter aligned than the type, for which any bytes are valid.
            let out = unsafe { &mut *pointer.cast::<libc::sockaddr_in>() };
            out.sin_family = libc::AF_INET as libc::sa_family_t;
            out.sin_port = address.port().to_be();
            out.sin_addr.s_addr = u32::from(*address.ip()).to_be();
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(address) => {
            // SAFETY: the storage is larger and stricter aligned than the type, for which any bytes are valid.
            let out = unsafe { &mut *pointer.cast::<libc::sockaddr_in6>() };
            out.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            out.sin6_port = address.port().to_be();
            out.sin6_flowinfo = 0;
            out.sin6_addr.s6_addr = address.ip().octets();
            out.sin6_scope_id = address.scope_id();
            size_of::<libc::sockaddr_in6>()
        }
    };
    len as libc::socklen_t
}

/// Addresses of the interfaces that are up, of the family of `wildcard`; loopback only if there is nothing else.
#[must_use]
pub fn interface_addresses(wildcard: IpAddr) -> Vec<IpAddr> {
    let mut list = std::ptr::null_mut();
    // SAFETY: on success the kernel's list is ours until freeifaddrs.
    if unsafe { libc::getifaddrs(&mut list) } != 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = list;
    while !at.is_null() {
        // SAFETY: the list is valid and its entries are not changed while we hold it.
        let entry = unsafe { &*at };
        if !entry.ifa_addr.is_null() && entry.ifa_flags & libc::IFF_UP as u32 != 0 {
            // SAFETY: ifa_addr points to an address of the family that it names.
            found.extend(unsafe { interface_address(entry.ifa_addr) });
        }
        at = entry.ifa_next;
    }
    // SAFETY: the list came from getifaddrs and is freed once.
    unsafe { libc::freeifaddrs(list) };
    found.retain(|ip| ip.is_ipv4() == wildcard.is_ipv4() && !is_link_local(*ip));
    let outside: Vec<IpAddr> = found.iter().copied().filter(|ip| !ip.is_loopback()).collect();
    if outside.is_empty() { found } else { outside }
}

/// # Safety
/// `address` must point to a socket address of the family that it names.
unsafe fn interface_address(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: the caller vouches for the pointer; the family tells the type.
    unsafe {
        match i32::from((*address).sa_family) {
            libc::AF_INET => {
                let raw = (*address.cast::<libc::sockaddr_in>()).sin_addr.s_addr;
                Some(Ipv4Addr::from(u32::from_be(raw)).into())
            }
            libc::AF_INET6 => Some(Ipv6Addr::from((*address.cast::<libc::sockaddr_in6>()).sin6_addr.s6_addr).into()),
            _ => None,
        }
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
