"""Problems over HTTP: the one table from code to status, `application/problem+json` (RFC 9457), and a limit on request bodies.

Nothing here needs a web framework; `LimitBody` is plain ASGI.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from parlour.contracts.codes import Code, Problem, title_of

CONTENT_TYPE = "application/problem+json"
MAX_BODY_BYTES = 65536
"""Client frames and command bodies end here; an SDP offer of 20 sections has about 20 kB."""

_STATUS: dict[int, int] = {
    Code.NOT_LOGGED_IN: 401, Code.TOKEN_FORMAT: 401, Code.TOKEN_EXPIRED: 401, Code.TOKEN_REFUSED: 401,
    Code.PUBLISH_AUTH: 403, Code.PUBLISH_FORBIDDEN: 403, Code.FORBIDDEN: 403,
    Code.KICKED_BY_SERVER: 403, Code.KICKED_LOGIN_ELSEWHERE: 403, Code.BANNED: 403,
    Code.ROOM_GONE: 404, Code.ROOM_NOT_LOGGED_IN: 404, Code.PLAY_NO_STREAM: 404, Code.SESSION_UNKNOWN: 404, Code.NOT_FOUND: 404,
    Code.NOT_PUBLISHING: 404, Code.FRAME_TYPE_UNKNOWN: 404,
    Code.STREAM_EXISTS: 409, Code.COMMAND_ID_REUSED: 409, Code.ROOM_FULL: 409, Code.LOGIN_IN_PROGRESS: 409, Code.ALREADY_PUBLISHING: 409,
    Code.ALREADY_PLAYING: 409, Code.MULTI_ROOM_USER: 409, Code.RESYNC_NEEDED: 409,
    Code.ARCHIVED: 410, Code.FRAME_TOO_LARGE: 413, Code.CODEC_UNSUPPORTED: 415,
    Code.RATE_LIMITED: 429, Code.MESSAGE_RATE: 429, Code.TOO_MANY_ROOMS: 429, Code.MULTI_ROOM_LIMIT: 429,
    Code.SERVER_ERROR: 500,
    Code.UNAVAILABLE: 503, Code.HISTORY_BEHIND: 503, Code.RELAY_UNAVAILABLE: 503, Code.NETWORK_DOWN: 503,
    Code.REQUEST_TIMEOUT: 504, Code.LOGIN_TIMEOUT: 504,
}  # fmt: skip


def status_of(code: int) -> int:
    """The HTTP status of a problem's code; 400 for a field that breaks its limit."""
    return _STATUS.get(code, 400)


class ProblemJson(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457's members, then ours."""

    type: str
    title: str
    status: int
    code: int
    detail: str = ""
    field: str = ""
    limit: str = ""
    hint: str = ""
    fine: int = 0


def problem_json(problem: Problem, *, status: int = 0) -> tuple[int, bytes]:
    """Status and body for a problem; send it as `CONTENT_TYPE`. `type` is the path of the page about its code."""
    status = status or status_of(problem.code)
    body = ProblemJson(
        f"/errors/{problem.code}", title_of(problem.code), status, problem.code, problem.message, problem.field,
        problem.limit, problem.hint, problem.fine,
    )  # fmt: skip
    return status, msgspec.json.encode(body)


Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


READ_ON = 16
"""So many times the limit of a body is read before it is refused."""


class LimitBody:
    """ASGI middleware: a body above the limit is answered 413, whether it was announced or only streamed.

    The application is called when the body is there, since what is raised while it reads would be its own fault to a framework."""

    def __init__(self, app: AsgiApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 413 to a request whose body is too large; the application gets the others."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await self._read(scope, receive)
        if body is None:
            return
        if len(body) > self._max or self._announced(scope) > self._max:
            await self._refuse(send)
            return
        await self._app(scope, _replay_body(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, or enough of it to see that it is too large; None where the client has gone.

        What is too large is read on for a while: a client that is still sending would be cut off before it reads the answer.
        """
        body, got, most = b"", 0, self._max * READ_ON
        if self._announced(scope) > most or any(name == b"expect" for name, _value in scope["headers"]):
            most = self._max
        more = self._announced(scope) <= most
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            piece = message.get("body", b"")
            got += len(piece)
            if len(body) <= self._max:
                body += piece
            more = message.get("more_body", False) and got <= most
        return body

    @staticmethod
    def _announced(scope: Scope) -> int:
        for name, value in scope.get("headers", ()):
            if name == b"content-length" and value.isdigit():
                return int(value)
        return 0

    async def _refuse(self, send: Send) -> None:
        limit = f"{self._max} bytes"
        problem = Problem(int(Code.FRAME_TOO_LARGE), "the request body is too large", "body", limit)
        await answer_problem(problem, send, ((b"connection", b"close"),))


async def answer_problem(problem: Problem, send: Send, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """The whole answer of a request that no framework has seen."""
    status, body = problem_json(problem)
    framing = (b"content-type", CONTENT_TYPE.encode()), (b"content-length", b"%d" % len(body))
    readable = (b"access-control-allow-origin", b"*")
    await send({"type": "http.response.start", "status": status, "headers": [*framing, readable, *headers]})
    await send({"type": "http.response.body", "body": body})


def _replay_body(body: bytes, receive: Receive) -> Receive:
    """`receive` for an application: the body that was read, then what comes."""
    given = False

    async def next_message() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
