//! The class `Core`.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::os::fd::RawFd;

use parlour_media_core::command::{Command, SinkConfig, SinkPayload, TrackConfig};
use parlour_media_core::ice::Credentials;
use parlour_media_core::policing::Limits;
use parlour_media_core::srtp::{Profile, cipher};
use parlour_media_io::{Config, Core};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::convert;

/// The packet core of one node.
#[pyclass(name = "Core", module = "parlour.media_core", frozen)]
pub struct PyCore {
    inner: Core,
}

impl PyCore {
    fn command(&self, command: Command) -> PyResult<()> {
        self.inner.command(command).map_err(convert::raise)
    }
}

#[pymethods]
impl PyCore {
    #[new]
    #[pyo3(signature = (bind, *, advertise=None, recv_buffer_bytes=4 << 20, max_transports=4096, local_only=false,
        max_packets=10_000, max_bits=200_000_000, max_repairs=1_500))]
    #[allow(clippy::too_many_arguments)] // as below
    fn new(
        py: Python<'_>,
        bind: Vec<(String, u16)>,
        advertise: Option<Vec<String>>,
        recv_buffer_bytes: usize,
        max_transports: usize,
        local_only: bool,
        max_packets: u64,
        max_bits: u64,
        max_repairs: u64,
    ) -> PyResult<Self> {
        if max_packets == 0 || max_bits < 8 || max_repairs == 0 {
            return Err(PyValueError::new_err("max_packets and max_repairs are 1 or more, max_bits 8 or more"));
        }
        let bind = bind.iter().map(|(ip, port)| Ok(SocketAddr::new(convert::ip(ip)?, *port)));
        let config = Config {
            bind: bind.collect::<PyResult<_>>()?,
            advertise: advertise.unwrap_or_default().iter().map(|ip| convert::ip(ip)).collect::<PyResult<_>>()?,
            buffer_bytes: recv_buffer_bytes,
            max_transports,
            local_only,
            limits: Limits { packets: max_packets, bits: max_bits, repairs: max_repairs },
            // The standard library's hash keys are random for each process.
            seed: RandomState::new().build_hasher().finish(),
        };
        let inner = py.detach(|| Core::start(config))?;
        Ok(Self { inner })
    }

    fn local_candidates(&self) -> Vec<(String, u16)> {
        self.inner.local_candidates().iter().map(|address| (address.ip().to_string(), address.port())).collect()
    }

    fn event_fd(&self) -> RawFd {
        self.inner.event_fd()
    }

    #[pyo3(signature = (limit=256))]
    fn poll_events<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        self.inner.poll(limit).into_iter().map(|notice| convert::notice(py, notice)).collect()
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.inner.close());
    }

    #[allow(clippy::too_many_arguments)] // as below
    #[pyo3(signature = (transport, local_ufrag, local_pwd, remote_ufrag, remote_pwd, *, consent_timeout_s=30.0))]
    fn add_transport(
        &self,
        transport: u64,
        local_ufrag: String,
        local_pwd: String,
        remote_ufrag: String,
        remote_pwd: String,
        consent_timeout_s: f64,
    ) -> PyResult<()> {
        if !consent_timeout_s.is_finite() || consent_timeout_s <= 0.0 {
            return Err(PyValueError::new_err("consent_timeout_s is positive"));
        }
        let credentials = Credentials { local_ufrag, local_pwd, remote_ufrag, remote_pwd };
        let consent_timeout_us = (consent_timeout_s * 1e6) as u64;
        self.command(Command::AddTransport { transport, credentials, consent_timeout_us })
    }

    fn restart_ice(
        &self,
        transport: u64,
        local_ufrag: String,
        local_pwd: String,
        remote_ufrag: String,
        remote_pwd: String,
    ) -> PyResult<()> {
        let credentials = Credentials { local_ufrag, local_pwd, remote_ufrag, remote_pwd };
        self.command(Command::RestartIce { transport, credentials })
    }

    fn remove_transport(&self, transport: u64) -> PyResult<()> {
        self.command(Command::RemoveTransport(transport))
    }

    fn send_dtls(&self, transport: u64, datagram: Vec<u8>) -> PyResult<()> {
        self.command(Command::SendDtls { transport, datagram })
    }

    fn install_srtp(
        &self,
        transport: u64,
        profile: u16,
        rx_key: &[u8],
        rx_salt: &[u8],
        tx_key: &[u8],
        tx_salt: &[u8],
    ) -> PyResult<()> {
        let unknown = || PyValueError::new_err(format!("no SRTP profile {profile:#06x}"));
        let profile = Profile::from_id(profile).ok_or_else(unknown)?;
        let wrong = || PyValueError::new_err("key or salt has the wrong length for this profile");
        let rx = cipher(profile, rx_key, rx_salt).ok_or_else(wrong)?;
        let tx = cipher(profile, tx_key, tx_salt).ok_or_else(wrong)?;
        self.command(Command::InstallSrtp { transport, rx, tx })
    }

    #[pyo3(signature = (transport, track, kind, *, mid, ssrcs, payloads, extensions))]
    #[allow(clippy::too_many_arguments)] // the face agreed upon: keyword arguments in Python
    fn add_track(
        &self,
        transport: u64,
        track: u64,
        kind: &str,
        mid: Option<String>,
        ssrcs: Vec<u32>,
        payloads: Vec<(u8, String, u32, Option<u8>)>,
        extensions: HashMap<String, u8>,
    ) -> PyResult<()> {
        self.command(Command::AddTrack(TrackConfig {
            transport,
            track,
            kind: convert::kind(kind)?,
            mid,
            ssrcs,
            payloads: payloads.into_iter().map(convert::payload).collect::<PyResult<_>>()?,
            extensions: convert::extensions(extensions)?,
        }))
    }

    fn remove_track(&self, track: u64) -> PyResult<()> {
        self.command(Command::RemoveTrack(track))
    }

    #[pyo3(signature = (sink, track, transport, *, ssrc, rtx_ssrc, payloads, extensions, mid))]
    #[allow(clippy::too_many_arguments)] // as above
    fn add_sink(
        &self,
        sink: u64,
        track: u64,
        transport: u64,
        ssrc: u32,
        rtx_ssrc: Option<u32>,
        payloads: Vec<(u8, u8, Option<u8>)>,
        extensions: HashMap<String, u8>,
        mid: Option<String>,
    ) -> PyResult<()> {
        if payloads.iter().any(|(from, to, rtx)| from.max(to).max(&rtx.unwrap_or(0)) > &127) {
            return Err(PyValueError::new_err("a payload type is 0 to 127"));
        }
        let payloads = payloads.into_iter().map(|(from, to, rtx)| SinkPayload { from, to, rtx }).collect();
        let extensions = convert::extensions(extensions)?;
        self.command(Command::AddSink(SinkConfig { sink, track, transport, ssrc, rtx_ssrc, payloads, extensions, mid }))
    }

    fn remove_sink(&self, sink: u64) -> PyResult<()> {
        self.command(Command::RemoveSink(sink))
    }

    fn pause_sink(&self, sink: u64, paused: bool) -> PyResult<()> {
        self.command(Command::PauseSink { sink, paused })
    }

    fn request_keyframe(&self, track: u64) -> PyResult<()> {
        self.command(Command::RequestKeyframe(track))
    }

    fn set_max_bitrate(&self, transport: u64, bps: u64) -> PyResult<()> {
        self.command(Command::SetMaxBitrate { transport, bps })
    }

    fn flight<'py>(&self, py: Python<'py>, transport: u64) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let read = py.detach(|| self.inner.flight(transport)).map_err(convert::raise)?;
        let (now_us, records) =
            read.ok_or_else(|| pyo3::exceptions::PyKeyError::new_err(format!("no transport {transport}")))?;
        records.iter().map(|record| convert::record(py, now_us, record)).collect()
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = py.detach(|| self.inner.stats()).map_err(convert::raise)?;
        convert::stats(py, stats)
    }
}
