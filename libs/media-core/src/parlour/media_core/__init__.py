"""The packet core of the media relay: owns the UDP port, ICE, SRTP and forwarding, on threads without the GIL.

It knows transports, tracks and sinks by numbers that its caller chooses; rooms, users and SDP are unknown to it.
"""

from typing import Final, TypeAlias

from parlour.media_core._native import Core

PayloadMap: TypeAlias = tuple[int, str, int, int | None]
Event: TypeAlias = tuple[str | int | bytes, ...]

SRTP_AES128_CM_SHA1_80: Final = 0x0001
SRTP_AEAD_AES_128_GCM: Final = 0x0007
SRTP_AEAD_AES_256_GCM: Final = 0x0008

__all__ = [
    "SRTP_AEAD_AES_128_GCM",
    "SRTP_AEAD_AES_256_GCM",
    "SRTP_AES128_CM_SHA1_80",
    "Core",
    "Event",
    "PayloadMap",
]
