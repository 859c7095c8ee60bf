"""The node's DTLS certificate: one key for the process, one OpenSSL context for all of its handshakes."""

from collections.abc import Sequence

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    SRTPProtectionProfile,
)
from OpenSSL import SSL

from parlour.relay.domain.sdp import Fingerprint

SRTP_PROFILES = (SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80)
"""As DTLS server our order wins: the cheapest cipher first."""


class NodeCertificate(RTCCertificate):
    """ECDSA P-256, self-signed, made anew by each process; peers learn its digest from the answer."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: Sequence[SRTPProtectionProfile]) -> SSL.Context:
        """The context that all connections share; making one costs about as much as a quarter of a handshake."""
        if self._context is None:
            self._context = super()._create_ssl_context(list(srtp_profiles))
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context

    @property
    def fingerprint(self) -> Fingerprint:
        """The SHA-256 digest, as an answer shows it."""
        found = next(print_ for print_ in self.getFingerprints() if print_.algorithm == "sha-256")
        return Fingerprint(algorithm=found.algorithm, value=found.value)
