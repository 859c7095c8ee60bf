"""A client's WebSocket connection: it hands frames to the request dispatcher, sends frames, and closes with a reason.

Frames are written to the socket at once, without a task; the transport buffers what the kernel does not take. Once it holds more than
`WINDOW_BYTES`, `deliver` takes no more events until less than a quarter of that is left; answers are sent until `UNREAD_BYTES` wait.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from socket import SO_SNDBUF, SOL_SOCKET
from typing import cast

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from parlour.contracts import client
from parlour.contracts.client import FRAME_BYTES
from parlour.gateway.app.requests.dispatch import ProtocolViolation, RequestDispatcher
from parlour.gateway.app.sessions.session import Channel
from parlour.gateway.domain import websocket_protocol as codes
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.token_bucket import TokenBucket

FIRST_FRAME_S = 10.0
CLOSE_WITHIN_S = 5.0
WINDOW_BYTES = 256 * 1024
"""Events that one client may leave unread (the send window); the rest is read from the record later."""
UNREAD_BYTES = 1 << 20
"""Frames of any kind that one client may leave unread. A single answer may exceed it, since then the room is large, not the client slow."""
KERNEL_BYTES = 128 * 1024
"""The socket's send buffer (Linux doubles it); by default it grows to megabytes for a client that does not read."""
STALLED_S = 30.0
"""A connection is closed if its client reads nothing of a full send window for so long."""
BYTES_PER_S, BYTES_BURST = 256 * 1024.0, 1024 * 1024.0
"""Limits on the bytes that a client sends, counted before a frame is parsed. The burst admits offers for all streams of a session."""
FIRST_BYTES_BURST = 256 * 1024.0
"""The burst until the client is in a room or follows one: a token has up to 4 kB, and hundreds of subscriptions may come at once."""
FRAME_COST = 64
"""Bytes that a frame counts in addition to its payload, so that empty frames count too."""
BEHIND_CLOSE_COST = 4096
"""Bytes that a frame after the close counts in addition: a correct client sends only what was under way and its own close."""
CONTROL_PER_S, CONTROL_BURST = 10.0, 200.0
"""Limits on pings and pongs: a client needs one in ten seconds, and each ping costs a write."""
FLOOD_LINGER_S = 1.0
"""Nothing more is read from a client that floods; the socket is closed after so long, in which the client can read the reason."""
QUEUED_FRAMES = 64
"""Frames of a client that wait while one is handled; then reading from its socket pauses."""
_TEXT = WSMsgType.TEXT  # looked up once: an enum's member costs as much as the call
_CONTROL = (WSMsgType.PING, WSMsgType.PONG, WSMsgType.CLOSE)
_PINGS = (WSMsgType.PING, WSMsgType.PONG)


class Connection(WSListener):
    """One WebSocket, which is the `Channel` of its session. `on_change` is called when it opens (True) and when it is closed (False).
    `address` is the client's IP address; behind a trusted proxy, the one that the proxy reports.
    """

    __slots__ = (
        "_bytes", "_close_code", "_control_frames", "_dispatcher", "_first_frame_timer", "_fragments", "_fragments_bytes", "_full",
        "_incoming", "_loop", "_on_change", "_reading_stopped", "_send", "_task", "_transport", "_writable", "_write", "address", "heard",
    )  # fmt: skip

    def __init__(
        self, make_dispatcher: Callable[[Channel], RequestDispatcher], on_change: Callable[["Connection", bool], None], address: str,
    ) -> None:  # fmt: skip
        self.address = address
        self._loop = asyncio.get_running_loop()
        self._dispatcher = make_dispatcher(self)
        self._on_change = on_change
        self._transport: WSTransport | None = None
        self._send: Callable[[WSMsgType, bytes], None] = _drop_frame
        self._write: Callable[[bytes], None] = _drop_frame
        self._close_code = 0
        self._reading_stopped = False
        self._full = False
        self._writable: asyncio.Future[None] | None = None
        self._incoming: deque[str] = deque()
        self._fragments: list[bytes] = []
        self._fragments_bytes = 0
        now = time.monotonic()
        self._bytes = TokenBucket(BYTES_PER_S, FIRST_BYTES_BURST, now)
        self._control_frames = TokenBucket(CONTROL_PER_S, CONTROL_BURST, now)
        self._task: asyncio.Task[None] | None = None
        self._first_frame_timer: asyncio.TimerHandle | None = None
        self.heard = True
        """Whether the client sent anything since the last `ping`."""

    # Channel

    def put(self, text: str, *more: str) -> None:
        """Sends frames, with nothing between them. A client that leaves more than `UNREAD_BYTES` unread is closed, and may resume."""
        if self._transport is None or self._close_code:
            return
        if self._full and self._unsent() > UNREAD_BYTES:
            self.close(codes.TOO_SLOW, "too slow")
            return
        for frame in (text, *more):
            self._transport.send(_TEXT, frame.encode())

    def deliver(self, batch: FrameBatch) -> bool:
        """Sends events; returns False, and takes nothing, while the send window is full."""
        if self._full:
            return False
        if batch.only is not None:
            self._send(_TEXT, batch.only)  # straight into the kernel
        else:
            self._write(batch.wire)
        return True

    async def wait_writable(self) -> bool:
        """Waits until the send window is below its low-water mark. Returns False once the connection is closed, by either side or because
        the client read nothing for `STALLED_S`.
        """
        while self._full and not self._close_code:
            before = self._unsent()
            self._writable = self._writable or self._loop.create_future()
            try:
                async with asyncio.timeout(STALLED_S):
                    await asyncio.shield(self._writable)
            except TimeoutError:
                if self._full and self._unsent() >= before:
                    self.close(codes.TOO_SLOW, "nothing was read")
        return not self._close_code

    def close(self, code: int, reason: str) -> None:
        """Closes the connection after what was sent; later frames are dropped."""
        if self._close_code or self._transport is None:
            return
        if code == codes.RESTARTS:
            self.put(to_text(client.Bye(code, 500)))
        if len(self._incoming) >= QUEUED_FRAMES // 2:
            self._transport.underlying_transport.resume_reading()  # it may be paused, and the client's own close comes last
        self._mark_closed(code)
        self._incoming.clear()
        self._transport.send_close(cast("WSCloseCode", code), reason.encode())
        self._loop.call_later(CLOSE_WITHIN_S, self._transport.disconnect, False)

    # WSListener

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Starts to read frames; called by picows after the handshake."""
        self._transport = transport
        transport.underlying_transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, KERNEL_BYTES)
        transport.underlying_transport.set_write_buffer_limits(WINDOW_BYTES, WINDOW_BYTES // 4)
        self._send = transport.send
        self._write = transport.underlying_transport.write
        self._first_frame_timer = self._loop.call_later(FIRST_FRAME_S, self._check_first_frame)
        self._on_change(self, True)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Checks one frame of the client's against the limits and handles it; called by picows."""
        self.heard = True
        now = time.monotonic()
        cost = BEHIND_CLOSE_COST if self._close_code else FRAME_COST
        too_many = not self._bytes.take(now, frame.payload_size + cost)
        if self._close_code and frame.msg_type != WSMsgType.CLOSE:
            if too_many:
                self._stop_reading(transport)
        elif too_many:
            self._stop_flood("far too many bytes")
        elif frame.msg_type in _PINGS and not self._control_frames.take(now):
            self._stop_flood("far too many control frames")
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(codes.PROTOCOL_ERROR, "no extension was agreed on")
        elif frame.msg_type in _CONTROL:
            self._handle_control(transport, frame)
        elif frame.msg_type == WSMsgType.BINARY:
            self.close(codes.PROTOCOL_BROKEN, "text frames only")
        elif (frame.msg_type == WSMsgType.CONTINUATION) != bool(self._fragments):
            self.close(codes.PROTOCOL_ERROR, "a fragment of a message is out of order")
        else:
            self._add_fragment(frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Ends the connection, since the socket is closed; called by picows. Requests that came before are handled to the end: a page that
        is closed sends `logout` and disconnects, perhaps while its login is under way, and nothing else takes its session out of the room.
        """
        self._mark_closed(codes.ABNORMAL)
        self._admit()
        if self._task is None:
            self._dispatcher.close()
        else:
            self._task.add_done_callback(lambda _: self._dispatcher.close())
        self._on_change(self, False)

    def pause_writing(self) -> None:
        """Notes that the send window is full; called by the transport."""
        self._full = True

    def resume_writing(self) -> None:
        """Wakes those who wait for the send window; called by the transport."""
        self._full = False
        self._wake_writers()

    def ping(self) -> None:
        """Sends a ping, or closes the connection if the client has sent nothing since the ping before."""
        if self._transport is None or self._close_code:
            return
        if not self.heard and not self._full:
            self.close(codes.TOO_SLOW, "no answer to a ping")
        else:
            self.heard = False
            self._transport.send_ping()

    # received frames

    def _handle_control(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.PING and not self._full:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            if not self._close_code:
                answer = codes.answer_to_close(frame.get_payload_as_bytes())
                self._mark_closed(answer)
                transport.send_close(cast("WSCloseCode", answer))
            transport.disconnect()

    def _add_fragment(self, frame: WSFrame) -> None:
        """Takes a message, or a fragment of one (RFC 6455 §5.4)."""
        if not self._fragments and frame.fin:
            self._queue_message(frame.get_payload_as_bytes())
            return
        self._fragments.append(frame.get_payload_as_bytes())
        self._fragments_bytes += frame.payload_size
        if self._fragments_bytes > FRAME_BYTES or len(self._fragments) > FRAME_BYTES // 64:
            self.close(codes.TOO_LARGE, "the message is too large")
        elif frame.fin:
            whole, self._fragments, self._fragments_bytes = b"".join(self._fragments), [], 0
            self._queue_message(whole)

    def _queue_message(self, payload: bytes) -> None:
        try:
            self._incoming.append(payload.decode())
        except UnicodeDecodeError:
            self.close(codes.NOT_UTF_8, "the message is not UTF-8")
            return
        if len(self._incoming) == QUEUED_FRAMES and self._transport is not None:
            self._transport.underlying_transport.pause_reading()
        if self._task is None:
            self._task = self._loop.create_task(self._handle_messages())

    async def _handle_messages(self) -> None:
        """Handles the waiting messages, one after the other."""
        try:
            while self._incoming:
                text = self._incoming.popleft()
                if len(self._incoming) == QUEUED_FRAMES // 2 and self._transport is not None:
                    self._transport.underlying_transport.resume_reading()
                await self._dispatcher.handle_frame(text)
        except ProtocolViolation as error:
            self._stop_flood(str(error))
        finally:
            self._task = None
        if not self._dispatcher.is_idle:
            self._admit()

    # the end

    def _stop_flood(self, reason: str) -> None:
        """Closes the connection and reads nothing more, so that the rest of a flood costs nothing."""
        transport = self._transport
        if transport is None or self._close_code:
            return
        self.close(codes.PROTOCOL_BROKEN, reason)
        self._stop_reading(transport)

    def _stop_reading(self, transport: WSTransport) -> None:
        """Stops reading from the socket, and closes it after `FLOOD_LINGER_S`."""
        if not self._reading_stopped:
            self._reading_stopped = True
            transport.underlying_transport.pause_reading()
            self._loop.call_later(FLOOD_LINGER_S, transport.disconnect, False)

    def _check_first_frame(self) -> None:
        """Closes a connection that sent no valid first frame in time; a login under way may finish."""
        if not self._dispatcher.is_idle:
            return
        if self._task is None:
            self.close(codes.TOO_SLOW, "the first frame did not come")
        else:
            self._first_frame_timer = self._loop.call_later(FIRST_FRAME_S, self._check_first_frame)

    def _admit(self) -> None:
        if self._first_frame_timer is not None:
            self._first_frame_timer.cancel()
            self._first_frame_timer = None
            self._bytes = TokenBucket(BYTES_PER_S, BYTES_BURST, time.monotonic())

    def _mark_closed(self, code: int) -> None:
        self._close_code = self._close_code or code
        self._send = self._write = _drop_frame
        self._full = False
        self._wake_writers()

    def _wake_writers(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _unsent(self) -> int:
        return 0 if self._transport is None else self._transport.underlying_transport.get_write_buffer_size()


def _drop_frame(*_frame: object) -> None:
    """Drops a frame: what `deliver` calls once the connection is closed."""
