"""The relay's refusals, one function each, so that codes and wording stand in one place."""

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection
from parlour.relay.domain.sdp.parse import BadSdp


def bad_sdp(flaw: BadSdp) -> Rejection:
    """Refuses an offer that is malformed."""
    return Rejection(Code.PARAMETER, f"the offer is malformed: {flaw}", field=f"sdp {flaw.field}")


def unusable_offer(field: str, why: str, *, hint: str = "") -> Rejection:
    """Refuses an offer that is well formed, but that a relay can not answer."""
    return Rejection(Code.PARAMETER, f"the offer cannot be answered: {why}", field=f"sdp {field}", hint=hint)


def over_limit(field: str, limit: int) -> Rejection:
    """Refuses what is above a limit."""
    return Rejection(Code.PARAMETER, f"too many {field}", field=field, limit=str(limit))


def too_many_transports(what: str, limit: int) -> Rejection:
    """Refuses a transport of an owner, a person or an app that has as many as it may."""
    return Rejection(
        Code.RATE_LIMITED, f"too many {what}", limit=str(limit), hint="end one, or wait until its connection times out"
    )


def node_full(limit: int) -> Rejection:
    """Refuses a transport on a node that has as many as it may."""
    return Rejection(Code.RELAY_UNAVAILABLE, "this relay node is full", limit=str(limit), hint="use another node")


def transport_not_found(transport_id: str) -> Rejection:
    """Refuses a transport that does not exist or is another owner's."""
    return Rejection(
        Code.NOT_FOUND, f"transport {transport_id!r} is not here", field="transportID", hint="negotiate a new one"
    )


def stream_not_found(stream_id: str) -> Rejection:
    """Refuses a stream that nobody publishes on this node."""
    return Rejection(Code.PLAY_NO_STREAM, f"stream_not_found: {stream_id!r} is not on this node", field="streamID")


def codec_unsupported(codec: str, mid: str, stream_id: str) -> Rejection:
    """Refuses an m-line whose peer cannot send or decode the codec that is needed."""
    return Rejection(
        Code.CODEC_UNSUPPORTED, f"stream {stream_id!r} needs {codec}, which m-line {mid!r} does not offer", field="codec",
        limit=codec,
    )  # fmt: skip
