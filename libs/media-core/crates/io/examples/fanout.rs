//! CPU time of the packet thread for each delivered packet: one publisher, many players, on loopback.
//!
//! `cargo run --release -p parlour-media-io --example fanout -- [players] [packets a second] [seconds]`
//!
//! Packets have 1,100 bytes of payload and come in bursts of four under AES-128-GCM, as in `bench/relay`, whose figures
//! count: here the players share the process and do not decrypt. This one finds regressions in seconds.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parlour_media_core::command::{Codec, Command, MediaKind, Payload, SinkConfig, SinkPayload, TrackConfig};
use parlour_media_core::crypto::HmacSha1;
use parlour_media_core::ice::Credentials;
use parlour_media_core::media::Numbers;
use parlour_media_core::policing::Limits;
use parlour_media_core::rtp::write_header;
use parlour_media_core::srtp::{PacketCipher, Profile, cipher};
use parlour_media_core::stun::{Builder, Message};
use parlour_media_io::{Config, Core};

const BURST: u64 = 4;
const PAYLOAD: usize = 1_100;
const SSRC: u32 = 7;

fn key() -> Box<dyn PacketCipher> {
    cipher(Profile::AeadAes128Gcm, &[1; 16], &[2; 12]).expect("lengths are right")
}

/// A connected client: its socket, checked and keyed.
fn connect(core: &Core, transport: u64) -> UdpSocket {
    let credentials = Credentials {
        local_ufrag: format!("l{transport}"),
        local_pwd: "password".to_owned(),
        remote_ufrag: "r".to_owned(),
        remote_pwd: "r".to_owned(),
    };
    core.command(Command::AddTransport { transport, credentials, consent_timeout_us: 600_000_000 }).expect("added");
    core.command(Command::InstallSrtp { transport, rx: key(), tx: key() }).expect("installed");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("bound");
    socket.connect(core.local_candidates()[0]).expect("connected");
    let check = Builder::request(&[1; 12], &format!("l{transport}:r"), 1, true).finish(&HmacSha1::new(b"password"));
    socket.send(&check).expect("sent");
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("set");
    answer_check(&socket);
    socket.recv(&mut [0; 2048]).expect("answered");
    socket
}

/// Answers the relay's own check, which shows that this client is where its packets come from.
fn answer_check(socket: &UdpSocket) {
    let mut datagram = [0; 2048];
    let len = socket.recv(&mut datagram).expect("asked");
    let request = Message::parse(&datagram[..len]).expect("a check");
    let answer = Builder::success(&request.transaction, socket.peer_addr().expect("connected"));
    socket.send(&answer.finish(&HmacSha1::new(b"r"))).expect("sent");
}

fn add_player(core: &Core, transport: u64) {
    core.command(Command::AddSink(SinkConfig {
        sink: transport,
        track: 1,
        transport,
        ssrc: 100,
        rtx_ssrc: None,
        payloads: vec![SinkPayload { from: 96, to: 96, rtx: None }],
        extensions: vec![],
        mid: None,
    }))
    .expect("added");
}

fn publish(socket: &UdpSocket, rate: u64, until: Instant) {
    let cipher = key();
    let payload = { [[0x10, 0x00].as_slice(), &[0; PAYLOAD - 2]].concat() };
    let period = Duration::from_secs_f64(BURST as f64 / rate as f64);
    let mut next = Instant::now();
    let mut seq = 1000;
    while next < until {
        for _ in 0..BURST {
            let mut packet = [0; 12 + PAYLOAD + 16];
            write_header(&mut packet, false, false, 96, Numbers { seq, timestamp: seq as u32 * 900 }, SSRC);
            assert!(cipher.seal_rtp(SSRC, seq, 12, &payload, &mut packet));
            let _ = socket.send(&packet);
            seq += 1;
        }
        next += period;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Counts what arrives at the players until told to stop.
fn drain(sockets: &[UdpSocket], stop: &AtomicBool, delivered: &AtomicU64) {
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        for socket in sockets {
            while socket.recv(&mut buffer).is_ok_and(|len| len > PAYLOAD) {
                delivered.fetch_add(1, Ordering::Relaxed);
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().expect("a number"));
    let players = arguments.next().unwrap_or(20);
    let rate = arguments.next().unwrap_or(800);
    let seconds = arguments.next().unwrap_or(5);
    let core = Core::start(Config {
        bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        advertise: vec![],
        buffer_bytes: 4 << 20,
        max_transports: 4096,
        local_only: false,
        limits: Limits::default(),
        seed: 1,
    })
    .expect("started");
    let publisher = connect(&core, 1);
    core.command(Command::AddTrack(TrackConfig {
        transport: 1,
        track: 1,
        kind: MediaKind::Video,
        mid: None,
        ssrcs: vec![SSRC],
        payloads: vec![Payload { payload_type: 96, codec: Codec::Vp8, clock_rate: 90_000, rtx: None }],
        extensions: vec![],
    }))
    .expect("added");
    let sockets: Vec<UdpSocket> = (2..players + 2).map(|transport| connect(&core, transport)).collect();
    (2..players + 2).for_each(|transport| add_player(&core, transport));
    sockets.iter().for_each(|socket| socket.set_nonblocking(true).expect("set"));
    let (stop, delivered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let before = core.stats().expect("running");
    let drainer = {
        let (stop, delivered) = (Arc::clone(&stop), Arc::clone(&delivered));
        thread::spawn(move || drain(&sockets, &stop, &delivered))
    };
    publish(&publisher, rate, Instant::now() + Duration::from_secs(seconds));
    thread::sleep(Duration::from_millis(100));
    let after = core.stats().expect("running");
    stop.store(true, Ordering::Relaxed);
    drainer.join().expect("drained");
    let delivered = delivered.load(Ordering::Relaxed);
    let cpu_ns = after.thread_cpu_ns[0] - before.thread_cpu_ns[0];
    let sent = after.sockets.sent_packets - before.sockets.sent_packets;
    let calls = after.sockets.send_calls - before.sockets.send_calls;
    println!(
        "players={players} delivered/s={} cpu_us/packet={:.2} packets/send={:.1} datagrams/receive={:.1} dropped={}",
        delivered / seconds,
        cpu_ns as f64 / 1000.0 / delivered as f64,
        sent as f64 / calls as f64,
        (after.router.node.datagrams - before.router.node.datagrams) as f64
            / (after.sockets.receive_calls - before.sockets.receive_calls) as f64,
        after.sockets.send_dropped,
    );
}
