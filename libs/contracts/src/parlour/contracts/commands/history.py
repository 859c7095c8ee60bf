"""Commands on the projections of the record, answered by the record service."""

from .caller import Command


class DescribeHistory(Command, frozen=True, tag="record.describe_history"):
    """Operator's question: which projections there are and how far each has come. Answered by `history.History`."""


class RebuildHistory(Command, frozen=True, tag="record.rebuild_history"):
    """Operator's command: build the projections anew beside those that answer; one rebuild at a time. Answered by `history.History`."""
