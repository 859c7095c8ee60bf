//! Between the core's types and Python's.

use std::net::{IpAddr, SocketAddr};

use parlour_media_core::command::{Codec, Extension, MediaKind, Payload};
use parlour_media_core::event::Event;
use parlour_media_core::flight::{Decision, Record};
use parlour_media_core::stats::{SinkStats, TrackStats, TransportStats};
use parlour_media_io::{CommandError, Error, Notice, Stats};
use pyo3::exceptions::{PyKeyError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

/// Unknown ids are `KeyError`, contradictions `ValueError`, a thread that is gone `RuntimeError`.
pub fn raise(error: Error) -> PyErr {
    match error {
        Error::Command(CommandError::Unknown(what, id)) => PyKeyError::new_err(format!("no {what} {id}")),
        Error::Command(CommandError::Invalid(why)) => PyValueError::new_err(why),
        Error::Unavailable(why) => PyRuntimeError::new_err(why),
    }
}

pub fn ip(text: &str) -> PyResult<IpAddr> {
    text.parse().map_err(|_| PyValueError::new_err(format!("not an IP address: {text:?}")))
}

pub fn kind(text: &str) -> PyResult<MediaKind> {
    match text {
        "audio" => Ok(MediaKind::Audio),
        "video" => Ok(MediaKind::Video),
        _ => Err(PyValueError::new_err(format!("kind is \"audio\" or \"video\", not {text:?}"))),
    }
}

pub fn payload((payload_type, codec, clock_rate, rtx): (u8, String, u32, Option<u8>)) -> PyResult<Payload> {
    if payload_type > 127 || rtx.is_some_and(|rtx| rtx > 127) || clock_rate == 0 {
        return Err(PyValueError::new_err("a payload type is 0 to 127, a clock rate positive"));
    }
    let codec = match codec.to_ascii_lowercase().as_str() {
        "opus" => Codec::Opus,
        "vp8" => Codec::Vp8,
        "h264" => Codec::H264,
        _ => Codec::Other,
    };
    Ok(Payload { payload_type, codec, clock_rate, rtx })
}

pub fn extensions(map: std::collections::HashMap<String, u8>) -> PyResult<Vec<Extension>> {
    if map.values().any(|id| *id == 0) {
        return Err(PyValueError::new_err("a header extension's id is 1 to 255"));
    }
    Ok(map.into_iter().collect())
}

fn address(address: SocketAddr) -> (String, u16) {
    (address.ip().to_string(), address.port())
}

/// A tuple whose first item is the kind.
pub fn notice<'py>(py: Python<'py>, notice: Notice) -> PyResult<Bound<'py, PyTuple>> {
    match notice {
        Notice::Event(event) => router_event(py, event),
        Notice::Panic { transport, message } => ("panic", transport, message).into_pyobject(py),
        Notice::Overflow(count) => ("overflow", count).into_pyobject(py),
    }
}

fn router_event(py: Python<'_>, event: Event) -> PyResult<Bound<'_, PyTuple>> {
    match event {
        Event::IceConnected { transport, remote } => {
            let (ip, port) = address(remote);
            ("ice_connected", transport, ip, port).into_pyobject(py)
        }
        Event::IceMoved { transport, remote } => {
            let (ip, port) = address(remote);
            ("ice_moved", transport, ip, port).into_pyobject(py)
        }
        Event::IceTimeout { transport } => ("ice_timeout", transport).into_pyobject(py),
        Event::Dtls { transport, datagram } => ("dtls", transport, PyBytes::new(py, &datagram)).into_pyobject(py),
        Event::SrtpReady { transport } => ("srtp_ready", transport).into_pyobject(py),
        Event::MediaStarted { transport, track } => ("media_started", transport, track).into_pyobject(py),
        Event::Bye { transport, track } => ("bye", transport, track).into_pyobject(py),
    }
}

/// (ms ago, ms long, what, medium, first, last, packets, bytes).
pub fn record<'py>(py: Python<'py>, now_us: u64, record: &Record) -> PyResult<Bound<'py, PyTuple>> {
    let what = match record.decision {
        Decision::Received => "received",
        Decision::Discarded => "discarded",
        Decision::Requested => "requested",
        Decision::KeyframeRequested => "keyframe_requested",
        Decision::Refused => "refused",
        Decision::Forwarded => "forwarded",
        Decision::Paused => "paused",
        Decision::Unwanted => "unwanted",
        Decision::AwaitedKeyframe => "awaited_keyframe",
        Decision::Late => "late",
        Decision::Unsealed => "unsealed",
        Decision::Repaired => "repaired",
        Decision::Unrepairable => "unrepairable",
        Decision::RepairIgnored => "repair_ignored",
        Decision::KeyframeWanted => "keyframe_wanted",
    };
    let ago_ms = now_us.saturating_sub(record.at_us) / 1000;
    (ago_ms, record.span_ms, what, record.medium, record.first, record.last, record.packets, record.bytes)
        .into_pyobject(py)
}

/// The snapshot as nested dictionaries.
pub fn stats(py: Python<'_>, stats: Stats) -> PyResult<Bound<'_, PyDict>> {
    let out = PyDict::new(py);
    let (transports, tracks, sinks) = (PyDict::new(py), PyDict::new(py), PyDict::new(py));
    for each in &stats.router.transports {
        transports.set_item(each.id, transport(py, each)?)?;
    }
    for each in &stats.router.tracks {
        tracks.set_item(each.id, track(py, each)?)?;
    }
    for each in &stats.router.sinks {
        sinks.set_item(each.id, sink(py, each)?)?;
    }
    out.set_item("transports", transports)?;
    out.set_item("tracks", tracks)?;
    out.set_item("sinks", sinks)?;
    out.set_item("node", node(py, &stats)?)?;
    Ok(out)
}

fn node<'py>(py: Python<'py>, stats: &Stats) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    let counters = stats.router.node;
    for (name, value) in [
        ("datagrams", counters.datagrams),
        ("dropped_unknown", counters.dropped_unknown),
        ("dropped_unauthenticated", counters.dropped_unauthenticated),
        ("dropped_malformed", counters.dropped_malformed),
        ("panics", stats.sockets.panics),
        ("sent_packets", stats.sockets.sent_packets),
        ("send_calls", stats.sockets.send_calls),
        ("send_dropped", stats.sockets.send_dropped),
        ("receive_calls", stats.sockets.receive_calls),
        ("receive_buffer_bytes", stats.receive_buffer as u64),
        ("kernel_drops", stats.kernel_drops),
    ] {
        out.set_item(name, value)?;
    }
    out.set_item("thread_cpu_ns", &stats.thread_cpu_ns)?;
    out.set_item("segmented_sends", stats.segments)?;
    Ok(out)
}

fn transport<'py>(py: Python<'py>, stats: &TransportStats) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    let counters = stats.counters;
    for (name, value) in [
        ("rx_packets", counters.rx_packets),
        ("rx_bytes", counters.rx_bytes),
        ("tx_packets", counters.tx_packets),
        ("tx_bytes", counters.tx_bytes),
        ("rx_dropped_auth", counters.rx_dropped_auth),
        ("rx_replayed", counters.rx_replayed),
        ("rx_unrouted", counters.rx_unrouted),
        ("rx_policed", counters.rx_policed),
        ("repairs_policed", counters.repairs_policed),
        ("keyframes_policed", counters.keyframes_policed),
        ("nack_rx", counters.nack_rx),
        ("nack_tx", counters.nack_tx),
        ("pli_rx", counters.pli_rx),
        ("pli_tx", counters.pli_tx),
        ("rtx_tx", counters.rtx_tx),
        ("twcc_tx", counters.twcc_tx),
        ("remb_bps", stats.remb_bps),
    ] {
        out.set_item(name, value)?;
    }
    out.set_item("selected", stats.selected.map(address))?;
    out.set_item("rtt_ms", stats.rtt_us.map(|us| us as f64 / 1000.0))?;
    Ok(out)
}

fn track<'py>(py: Python<'py>, stats: &TrackStats) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("packets", stats.packets)?;
    out.set_item("bytes", stats.bytes)?;
    out.set_item("lost", stats.lost)?;
    out.set_item("expected", stats.expected)?;
    out.set_item("missed", stats.missed)?;
    out.set_item("jitter", stats.jitter)?;
    out.set_item("last_media_ms_ago", stats.idle_us.map(|us| us / 1000))?;
    out.set_item("keyframes", stats.keyframes)?;
    out.set_item("nacks", stats.nacks)?;
    out.set_item("plis", stats.plis)?;
    Ok(out)
}

fn sink<'py>(py: Python<'py>, stats: &SinkStats) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("packets", stats.packets)?;
    out.set_item("bytes", stats.bytes)?;
    out.set_item("nack_hits", stats.nack_hits)?;
    out.set_item("nack_misses", stats.nack_misses)?;
    out.set_item("fraction_lost", stats.fraction_lost)?;
    out.set_item("reported", stats.reported.map(|last| (last.highest, last.lost, last.jitter)))?;
    out.set_item("rtt_us", stats.rtt_us)?;
    out.set_item("plis", stats.plis)?;
    Ok(out)
}
