//! The packet core of the media relay, without sockets, threads, clocks or Python.
//!
//! Datagrams go in by `Router::handle_datagram`, time by `Router::handle_timeout`, wishes by the router's commands;
//! packets to send come out in an [`egress::Egress`], news by `Router::poll_event` until it is empty. `now_us` is
//! monotonic microseconds from any origin, the same for all calls.

#![forbid(unsafe_code)]

pub mod bitrate;
pub mod command;
pub mod crypto;
pub mod egress;
pub mod event;
pub mod extensions;
pub mod flight;
pub mod ice;
pub mod media;
pub mod policing;
pub mod reachability;
pub mod router;
pub mod rtcp;
pub mod rtp;
pub mod srtp;
pub mod stats;
pub mod stun;
pub mod table;
pub mod transport;
