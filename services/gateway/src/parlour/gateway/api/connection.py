"""A client's WebSocket: frames in, frames out, and the reasons to close.

Written to the socket at once, without a task: what the kernel does not take waits in the transport. Beyond `WINDOW_BYTES` of that no
more events are taken (`deliver` says no) until less than a quarter of it is left; answers still are, up to `UNREAD_BYTES`.
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
from parlour.gateway.domain.close_codes import answer_to_close
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.token_bucket import TokenBucket

from .websocket_frames import wire_of

FIRST_FRAME_S = 10.0
CLOSE_WITHIN_S = 5.0
WINDOW_BYTES = 256 * 1024
"""Of events that one client may leave unread; the record keeps the rest for it."""
UNREAD_BYTES = 1 << 20
"""Of anything; a single answer may go beyond it, what is large is then the room and not the client slow."""
KERNEL_BYTES = 128 * 1024
"""Of the socket's send buffer (Linux takes twice that): left alone it grows to megabytes for a client that does not read."""
STALLED_S = 30.0
"""A full window of which nothing is read for so long closes the connection."""
BYTES_PER_S, BYTES_BURST = 256 * 1024.0, 1024 * 1024.0
"""Of frames that a client sends, before any is looked at: offers for all the streams that a session may have come at once."""
FIRST_BYTES_BURST = 256 * 1024.0
"""Of them until it is in a room or follows one: a token has up to 4 kB, and hundreds of subscriptions may come at once."""
FRAME_COST = 64
"""What a frame counts beside its payload, so that empty ones count too."""
BEHIND_CLOSE_COST = 4096
"""What a frame counts that comes behind the close: a client that keeps the protocol sends what was under way and its own close."""
CONTROL_PER_S, CONTROL_BURST = 10.0, 200.0
"""Pings and pongs: a client needs one in ten seconds, and each ping costs a write."""
DEAF_FOR_S = 1.0
"""A client that floods is read no more; so long it has to take the reason, then the socket is gone."""
AHEAD = 64
"""Frames of a client that wait while one is at work; then its socket is read no further."""
PROTOCOL_BROKEN, NOT_ALLOWED, TOO_SLOW, RESTARTS = 4400, 4401, 4408, 1012
_TEXT = WSMsgType.TEXT  # looked up once: an enum's member costs as much as the call
_CONTROL = (WSMsgType.PING, WSMsgType.PONG, WSMsgType.CLOSE)
_PINGS = (WSMsgType.PING, WSMsgType.PONG)


class Connection(WSListener):
    """One WebSocket; the `Channel` of its session. `noted` is told when it begins (True) and when it is gone; `address` is the client's
    where it is known before the socket, else the socket's own."""

    __slots__ = (
        "_address", "_bytes", "_close_code", "_control_frames", "_deaf", "_dispatch", "_first", "_full", "_incoming", "_loop", "_noted",
        "_parts", "_parts_bytes", "_send", "_task", "_transport", "_writable", "_write", "heard",
    )  # fmt: skip

    def __init__(
        self,
        dispatch_for: Callable[[Channel], RequestDispatcher],
        noted: Callable[["Connection", bool], None],
        address: str = "",
    ) -> None:
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._dispatch = dispatch_for(self)
        self._noted = noted
        self._transport: WSTransport | None = None
        self._send: Callable[[WSMsgType, bytes], None] = _nowhere
        self._write: Callable[[bytes], None] = _nowhere
        self._close_code = 0
        self._deaf = False
        self._full = False
        self._writable: asyncio.Future[None] | None = None
        self._incoming: deque[str] = deque()
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        now = time.monotonic()
        self._bytes = TokenBucket(BYTES_PER_S, FIRST_BYTES_BURST, now)
        self._control_frames = TokenBucket(CONTROL_PER_S, CONTROL_BURST, now)
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.TimerHandle | None = None
        self.heard = True
        """Something came since the last time that was asked."""

    # Channel

    @property
    def address(self) -> str:
        """The IP address that the client connects from; behind a trusted proxy, what the proxy says."""
        if self._address:
            return self._address
        peer = self._transport.underlying_transport.get_extra_info("peername") if self._transport else None
        return str(peer[0]) if peer else ""

    def put(self, text: str, *more: str) -> None:
        """Sends a frame, with those that belong to it; who leaves far too much unread is closed with a code that says resume."""
        if self._transport is None or self._close_code:
            return
        if self._full and self._unsent() > UNREAD_BYTES:
            self.close(TOO_SLOW, "too slow")
            return
        for frame in (text, *more):
            self._transport.send(_TEXT, frame.encode())

    def deliver(self, batch: FrameBatch) -> bool:
        """Sends events; False, and nothing was taken, while the window is full."""
        if self._full:
            return False
        if batch.only is not None:
            self._send(_TEXT, batch.only)  # straight into the kernel
        else:
            self._write(batch.wire or wire_of(batch))
        return True

    async def wait_writable(self) -> bool:
        """Waits until the send window is below its low-water mark. False: the connection is over, or was closed since nothing was read."""
        while self._full and not self._close_code:
            before = self._unsent()
            self._writable = self._writable or self._loop.create_future()
            try:
                async with asyncio.timeout(STALLED_S):
                    await asyncio.shield(self._writable)
            except TimeoutError:
                if self._full and self._unsent() >= before:
                    self.close(TOO_SLOW, "nothing was read")
        return not self._close_code

    def close(self, code: int, reason: str) -> None:
        """Closes behind what was sent; later frames are dropped."""
        if self._close_code or self._transport is None:
            return
        if code == RESTARTS:
            self.put(to_text(client.Bye(code, 500)))
        if len(self._incoming) >= AHEAD // 2:
            self._transport.underlying_transport.resume_reading()  # it may be held; the client's own close comes behind
        self._ends(code)
        self._incoming.clear()
        self._transport.send_close(cast("WSCloseCode", code), reason.encode())
        self._loop.call_later(CLOSE_WITHIN_S, self._transport.disconnect, False)

    # WSListener

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        transport.underlying_transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, KERNEL_BYTES)
        transport.underlying_transport.set_write_buffer_limits(WINDOW_BYTES, WINDOW_BYTES // 4)
        self._send = transport.send
        self._write = transport.underlying_transport.write
        self._first = self._loop.call_later(FIRST_FRAME_S, self._silent)
        self._noted(self, True)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame of the client's."""
        self.heard = True
        now = time.monotonic()
        cost = BEHIND_CLOSE_COST if self._close_code else FRAME_COST
        too_many = not self._bytes.take(now, frame.payload_size + cost)
        if self._close_code and frame.msg_type != WSMsgType.CLOSE:
            if too_many:
                self._read_no_more(transport)
        elif too_many:
            self._stop_flood("far too many bytes")
        elif frame.msg_type in _PINGS and not self._control_frames.take(now):
            self._stop_flood("far too many control frames")
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(1002, "no extension was agreed on")
        elif frame.msg_type in _CONTROL:
            self._control(transport, frame)
        elif frame.msg_type == WSMsgType.BINARY:
            self.close(PROTOCOL_BROKEN, "text frames only")
        elif (frame.msg_type == WSMsgType.CONTINUATION) != bool(self._parts):
            self.close(1002, "a message in pieces is out of order")
        else:
            self._piece(frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is closed. What was asked before is done to its end: a page that goes says `logout` and closes in one breath, perhaps
        while its login is under way, and nobody else would take its session out of the room.
        """
        self._ends(1006)
        self._spoke()
        if self._task is None:
            self._dispatch.closed()
        else:
            self._task.add_done_callback(lambda _: self._dispatch.closed())
        self._noted(self, False)

    def pause_writing(self) -> None:
        """The window is full."""
        self._full = True

    def resume_writing(self) -> None:
        """The window has room."""
        self._full = False
        self._wake()

    def ping(self) -> None:
        """Asks whether the client is there, or gives it up where it was asked before and has said nothing since."""
        if self._transport is None or self._close_code:
            return
        if not self.heard and not self._full:
            self.close(TOO_SLOW, "no answer to a ping")
        else:
            self.heard = False
            self._transport.send_ping()

    # what came

    def _control(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.PING and not self._full:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            if not self._close_code:
                answer = answer_to_close(frame.get_payload_as_bytes())
                self._ends(answer)
                transport.send_close(cast("WSCloseCode", answer))
            transport.disconnect()

    def _piece(self, frame: WSFrame) -> None:
        """A message, or one of its pieces."""
        if not self._parts and frame.fin:
            self._message(frame.get_payload_as_bytes())
            return
        self._parts.append(frame.get_payload_as_bytes())
        self._parts_bytes += frame.payload_size
        if self._parts_bytes > FRAME_BYTES or len(self._parts) > FRAME_BYTES // 64:
            self.close(1009, "the message is too large")
        elif frame.fin:
            whole, self._parts, self._parts_bytes = b"".join(self._parts), [], 0
            self._message(whole)

    def _message(self, payload: bytes) -> None:
        try:
            self._incoming.append(payload.decode())
        except UnicodeDecodeError:
            self.close(1007, "the message is not UTF-8")
            return
        if len(self._incoming) == AHEAD and self._transport is not None:
            self._transport.underlying_transport.pause_reading()
        if self._task is None:
            self._task = self._loop.create_task(self._work())

    async def _work(self) -> None:
        """One message after the other."""
        try:
            while self._incoming:
                text = self._incoming.popleft()
                if len(self._incoming) == AHEAD // 2 and self._transport is not None:
                    self._transport.underlying_transport.resume_reading()
                await self._dispatch.frame(text)
        except ProtocolViolation as error:
            self._stop_flood(str(error))
        finally:
            self._task = None
        if not self._dispatch.idle:
            self._spoke()

    # ends

    def _stop_flood(self, reason: str) -> None:
        """Closes and reads nothing more: what a flood has sent already, or still sends, costs nobody anything."""
        transport = self._transport
        if transport is None or self._close_code:
            return
        self.close(PROTOCOL_BROKEN, reason)
        self._read_no_more(transport)

    def _read_no_more(self, transport: WSTransport) -> None:
        """What lies in the socket stays there; soon after, it is gone."""
        if not self._deaf:
            self._deaf = True
            transport.underlying_transport.pause_reading()
            self._loop.call_later(DEAF_FOR_S, transport.disconnect, False)

    def _silent(self) -> None:
        """The time for a first frame is up; a login under way may end in its own time."""
        if not self._dispatch.idle:
            return
        if self._task is None:
            self.close(TOO_SLOW, "the first frame did not come")
        else:
            self._first = self._loop.call_later(FIRST_FRAME_S, self._silent)

    def _spoke(self) -> None:
        if self._first is not None:
            self._first.cancel()
            self._first = None
            self._bytes = TokenBucket(BYTES_PER_S, BYTES_BURST, time.monotonic())

    def _ends(self, code: int) -> None:
        self._close_code = self._close_code or code
        self._send = self._write = _nowhere
        self._full = False
        self._wake()

    def _wake(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _unsent(self) -> int:
        return 0 if self._transport is None else self._transport.underlying_transport.get_write_buffer_size()


def _nowhere(*_frame: object) -> None:
    """Where frames go once the connection is over."""
