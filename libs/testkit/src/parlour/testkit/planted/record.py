"""Faults of the record service and of what it writes."""

from .patching import Function, replace


def unverified_drop() -> None:
    """A month is dropped without verifying the file that it was exported to."""
    from parlour.record.app.retention.ports import StoredArchive
    from parlour.record.app.retention.verifier import ArchiveVerifier

    async def no_problem(self: ArchiveVerifier, archive: StoredArchive) -> str:
        return ""

    ArchiveVerifier.find_problem = no_problem


def skipped_hash_check() -> None:
    """The verifier takes an export's hashes as they stand, without computing them."""
    from parlour.verify import event_checks

    def matches(before: bytes, line: object) -> bool:
        return True

    event_checks.hash_matches = matches


def trusted_tree() -> None:
    """The next checkpoint continues whatever leaves the database has."""
    from parlour.kernel.merkle import Edge
    from parlour.record.app.proofs.tree import SignedTree
    from parlour.record.app.proofs.tree_guard import TreeGuard

    async def verify(self: TreeGuard, seen: tuple[SignedTree, ...], *, whole: bool = False) -> Edge:
        tree = vars(self)["_tree"]
        note, edge = await tree.note(0), Edge()
        if note is not None:
            edge.extend([one.hash for one in await tree.stored_leaves(0, note.size)])
        return edge

    TreeGuard.verify = verify


def ignored_pause() -> None:
    """A failed delivery is tried again at once, whatever pause the endpoint asked for."""
    from parlour.record.domain.webhooks.attempts import Answer, Schedule

    def pause_s(self: Schedule, attempt: int, chance: float, answer: Answer) -> float:
        return 0.0

    Schedule.pause_s = pause_s


def unordered_redrive() -> None:
    """Redriven ranges of one room do not wait for each other."""
    from parlour.record.domain.webhooks.progress import Progress, RoomBacklog

    def waiting_backlogs(self: Progress) -> list[RoomBacklog]:
        return [backlog for backlog in self.backlogs.values() if backlog.id not in vars(self)["_busy"]]

    Progress.waiting_backlogs = waiting_backlogs


def skipped_text_check() -> None:
    """The verifier does not compare shown texts with their commitments."""
    from parlour.verify import text_checks

    def matches(sealed: object, salt: bytes, context: str, text: str) -> bool:
        return True

    text_checks.commitment_matches = matches


def constant_leave_reason() -> None:
    """The vendor's callback gives a lost connection as the reason for every empty room."""
    from collections.abc import Sequence

    from parlour.kernel.log import Record
    from parlour.record.domain.webhooks import callbacks

    def close_reason(records: Sequence[Record]) -> int | None:
        return 2

    callbacks.close_reason = close_reason


def unchecked_inbox() -> None:
    """A query over NATS is answered at whatever subject it names."""
    from parlour.contracts import subjects
    from parlour.runtime.messaging.reader_limits import ReaderLimits

    def is_inbox(reply: str) -> bool:
        return True

    def answers(self: ReaderLimits, app: int, reply: str) -> bool:
        return True

    subjects.is_inbox = is_inbox
    ReaderLimits.answers = answers


def trusted_audience_column() -> None:
    """The database's audience column, which no hash covers, decides who may read an event."""
    from collections.abc import Mapping

    from msgspec import Raw
    from msgspec.structs import replace

    from parlour.contracts.envelope import Envelope, EventView
    from parlour.kernel.log import Record
    from parlour.runtime.deciding import sealing

    made = sealing.build_view

    def view(
        record: Record, envelope: Envelope, data: Raw, user_ids: Mapping[str, str], *, erased: bool = False
    ) -> EventView:
        return replace(made(record, envelope, data, user_ids, erased=erased), audience=record.audience)

    sealing.build_view = view


def dropped_delivery() -> None:
    """An event that a webhook endpoint refused counts as delivered."""
    from parlour.record.app.webhooks.worker import Worker

    def dropping(shipped: Function) -> Function:
        async def attempt(self: Worker, record: object, number: int) -> None:
            await shipped(self, record, number)

        return attempt

    replace(Worker, "_attempt", dropping)
