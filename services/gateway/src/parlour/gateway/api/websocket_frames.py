"""A batch of events as the bytes of its WebSocket frames (RFC 6455 §5.2, server to client: not masked), made once for all its readers."""

from parlour.gateway.domain.frame_batch import FrameBatch

FINAL_TEXT = 0x81
SHORT = 126
"""Payloads below this have their length in the second octet."""


def wire_of(batch: FrameBatch) -> bytes:
    """Returns the WebSocket frames of a batch, joined; made by the first channel that asks and kept in the batch."""
    if not batch.wire:
        batch.wire = b"".join(part for frame in batch.frames for part in (header(len(frame)), frame))
    return batch.wire


def header(size: int) -> bytes:
    """Of one whole text message of `size` bytes."""
    if size < SHORT:
        return bytes((FINAL_TEXT, size))
    if size < 1 << 16:
        return bytes((FINAL_TEXT, 126)) + size.to_bytes(2, "big")
    return bytes((FINAL_TEXT, 127)) + size.to_bytes(8, "big")
