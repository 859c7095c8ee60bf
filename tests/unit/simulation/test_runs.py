"""Whole runs by seed: right, repeatable, and wrong where a part is."""

import asyncio
import math
from typing import Any

import pytest

import parlour.im.wiring as im_wiring
import parlour.record.wiring as record_wiring
import parlour.registry.wiring as registry_wiring
from parlour.gateway.app.requests.resume import ResumeHandler
from parlour.im.app.message_handler import MessageHandler
from parlour.im.domain.messages import Message
from parlour.record.app.publishing.tail import LogTail
from parlour.runtime.background.reactor import Handler, Reactor
from parlour.runtime.deciding.context import CommandContext, CommitResult
from parlour.testkit.planted import plant
from parlour.testkit.simulation.run import Outcome, simulate

PLANTED_SEEDS = 60
"""A planted fault must show within so many runs."""


def first_wrong() -> Outcome | None:
    """The first run that is judged wrong."""
    return next((outcome for seed in range(PLANTED_SEEDS) if (outcome := simulate(seed)).violations), None)


def test_a_seed_is_one_run() -> None:
    steps: tuple[list[str], list[str]] = ([], [])
    outcomes = [simulate(7, told.append) for told in steps]
    assert steps[0] == steps[1]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].events


def test_another_seed_is_another_run() -> None:
    assert simulate(1).digest != simulate(2).digest


class HastyMessageHandler(MessageHandler):
    """Answers before the commit."""

    async def _send(self, context: CommandContext, message: Message) -> CommitResult:
        work = asyncio.get_running_loop().create_task(super()._send(context, message))
        work.add_done_callback(lambda task: task.cancelled() or task.exception())
        return CommitResult((), b"null")


class SilentTail(LogTail):
    """Takes for published what it reads: publishes nothing again and names no head."""

    async def _settle(self) -> None:
        self._tracker.take_settled(math.inf)


class SkippingReactor(Reactor):
    """Does not do every third thing."""

    def __init__(self, name: str, log: Any, people: Any, bus: Any, handler: Handler, **options: Any) -> None:
        seen = 0

        async def most(view: Any) -> None:
            nonlocal seen
            seen += 1
            if seen % 3:
                await handler(view)

        super().__init__(name, log, people, bus, most, **options)


def test_an_answer_before_the_commit_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(im_wiring, "MessageHandler", HastyMessageHandler)
    wrong = first_wrong()
    assert wrong is not None
    assert any(v.startswith("promise 1") for v in wrong.violations), wrong.violations


def test_a_lost_republish_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_wiring, "LogTail", SilentTail)
    wrong = first_wrong()
    assert wrong is not None
    assert any("the log" in v for v in wrong.violations), wrong.violations


def test_a_reactor_that_skips_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_wiring, "Reactor", SkippingReactor)
    wrong = first_wrong()
    assert wrong is not None
    assert any("of a session that left" in v for v in wrong.violations), wrong.violations


def test_a_resume_that_repeats_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ResumeHandler, "_carry_out", vars(ResumeHandler)["_carry_out"]
    )  # the original is put back in the end
    plant("duplicated_events")
    wrong = first_wrong()
    assert wrong is not None
    assert any("again" in v for v in wrong.violations), wrong.violations
