"""NATS without sockets: the parts of its client that the suite's bus and `nats.micro` use, and the server between the clients.

Messages of one client to one subscriber arrive in order unless a fault says otherwise: lost, twice, or late. What a client sends to its own
inbox is never touched, since that never leaves its connection.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, cast

from nats.aio.client import Client
from nats.aio.msg import Msg

from .processes import Faults, Process

NEAR_S = (0.0002, 0.002)
LATE_S = (0.01, 0.8)
INBOX = "_INBOX."

Handler = Callable[[Msg], Awaitable[None]]


class Subscription:
    """One subject of one client; its handler runs for one message after the other."""

    def __init__(self, client: "SimulatedNats", subject: str, queue: str, handler: Handler, number: int) -> None:
        self.client = client
        self.subject = subject
        self.queue = queue
        self._id = number
        self._handler = handler
        self._waiting: deque[Msg] = deque()
        self._task: asyncio.Task[Any] | None = None
        self.closed = False

    def deliver(self, msg: Msg) -> None:
        """A message has arrived."""
        if self.closed or not self.client.is_connected:
            return
        self._waiting.append(msg)
        if self._task is None or self._task.done():
            self._task = self.client.process.spawn(self._work())

    async def _work(self) -> None:
        while self._waiting:
            await self._handler(self._waiting.popleft())

    async def unsubscribe(self, limit: int = 0) -> None:
        """No message any more."""
        self.closed = True
        self.client.switch.forget(self)


class Switch:
    """The server: who listens to what, and what happens on the way."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.carried = 0
        self._chance: random.Random = faults.chance
        self._subscriptions: dict[tuple[str, ...], list[Subscription]] = {}
        self._matching: dict[str, tuple[Subscription, ...]] = {}
        self._inboxes: dict[str, Subscription] = {}
        self._last: dict[tuple[int, int], float] = {}
        self._clients = 0

    def number(self) -> int:
        """Of a new client."""
        self._clients += 1
        return self._clients

    def add(self, subscription: Subscription) -> None:
        """It hears from now on."""
        if subscription.subject.startswith(INBOX):
            self._inboxes[subscription.subject.rpartition(".")[0]] = subscription
            return
        self._subscriptions.setdefault(tuple(subscription.subject.split(".")), []).append(subscription)
        self._matching.clear()

    def forget(self, subscription: Subscription) -> None:
        """It hears no more."""
        found = self._subscriptions.get(tuple(subscription.subject.split(".")), [])
        if subscription in found:
            found.remove(subscription)
            self._matching.clear()

    def carry(
        self, sender: "SimulatedNats", subject: str, reply: str, data: bytes, headers: dict[str, str] | None
    ) -> None:
        """Takes a message to whoever listens; to one of each queue."""
        if subject.startswith(INBOX):
            inbox = self._inboxes.get(subject.rpartition(".")[0])
            if inbox is not None:
                self._send(sender, inbox, inbox.client.message(subject, reply, data, headers))
            return
        queues: dict[str, list[Subscription]] = {}
        targets: list[Subscription] = []
        for subscription in self._listeners(subject):
            if subscription.queue:
                queues.setdefault(subscription.queue, []).append(subscription)
            else:
                targets.append(subscription)
        targets += [self._chance.choice(shared) for shared in queues.values()]
        if not targets and reply:
            self.carry(sender, reply, "", b"", {"Status": "503"})
        for target in targets:
            self._send(sender, target, target.client.message(subject, reply, data, headers))

    def _listeners(self, subject: str) -> tuple[Subscription, ...]:
        found = self._matching.get(subject)
        if found is None:
            parts = subject.split(".")
            found = tuple(s for pattern, group in self._subscriptions.items() if _fits(pattern, parts) for s in group)
            self._matching[subject] = found
        return found

    def _send(self, sender: "SimulatedNats", target: Subscription, msg: Msg) -> None:
        self.carried += 1
        if target.client is sender:
            self._after(0.0, target, msg)
            return
        faults = self.faults
        if faults.happens(max(faults.loss, faults.deaf) if ".evt." in msg.subject else faults.loss):
            return
        for _ in range(2 if faults.happens(faults.repeat) else 1):
            if faults.happens(faults.late):
                self._after(self._chance.uniform(*LATE_S), target, msg)
                continue
            now = asyncio.get_running_loop().time()
            key = (sender.number, target.client.number)
            due = self._last[key] = max(now + self._chance.uniform(*NEAR_S), self._last.get(key, 0.0) + 1e-6)
            self._after(due - now, target, msg)

    def _after(self, delay: float, target: Subscription, msg: Msg) -> None:
        loop = asyncio.get_running_loop()
        if delay:
            loop.call_later(delay, target.deliver, msg, context=Context())
        else:
            loop.call_soon(target.deliver, msg, context=Context())


def _fits(pattern: tuple[str, ...], parts: list[str]) -> bool:
    for place, part in enumerate(pattern):
        if part == ">":
            return len(parts) > place
        if place >= len(parts) or part not in ("*", parts[place]):
            return False
    return len(pattern) == len(parts)


class _Nuid:
    def __init__(self, name: str) -> None:
        self._name = name

    def next(self) -> bytes:
        """The next unique id."""
        return self._name.encode()


class SimulatedNats:
    """Stands for `nats.aio.client.Client` in one process."""

    max_payload = 1 << 20
    last_error = None

    def __init__(self, switch: Switch, process: Process) -> None:
        self.switch = switch
        self.process = process
        self.number = switch.number()
        self._nuid = _Nuid(f"{process.name}{process.number}")
        self._subscriptions: list[Subscription] = []
        process.on_death.append(self._cut)

    @property
    def is_connected(self) -> bool:
        """As long as the process lives."""
        return self.process.alive

    def message(self, subject: str, reply: str, data: bytes, headers: dict[str, str] | None) -> Msg:
        """As this client's handlers get it."""
        return Msg(cast(Client, self), subject, reply, data, headers)

    def new_inbox(self) -> str:
        """The prefix of this connection's answers."""
        return f"{INBOX}{self.number}"

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Hands a message to the server; a process may die around it."""
        if subject.startswith(INBOX) and payload:
            self.process.passing("before_reply")
        self.process.must_live()
        self.switch.carry(self, subject, reply, payload, headers)
        if ".evt." in subject:
            self.process.passing("after_publish")

    async def subscribe(
        self, subject: str, queue: str = "", cb: Handler | None = None, future: Any = None, max_msgs: int = 0
    ) -> Subscription:
        """Hears a subject from now on."""
        self.process.must_live()
        assert cb is not None, "the suite listens by callbacks only"
        subscription = Subscription(self, subject, queue, cb, len(self._subscriptions) + 1)
        self._subscriptions.append(subscription)
        self.switch.add(subscription)
        return subscription

    async def flush(self, timeout: int = 10) -> None:
        """Nothing waits here."""

    async def close(self) -> None:
        """Leaves."""
        self._cut()

    def _cut(self) -> None:
        for subscription in self._subscriptions:
            subscription.closed = True
            self.switch.forget(subscription)
