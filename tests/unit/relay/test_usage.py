"""What one owner, person or app may take of a node, counted as transports come, connect and go."""

from typing import Any, cast

import msgspec
import pytest
from test_negotiation import FIXTURES

from parlour.contracts.codes import Code
from parlour.contracts.relay import Negotiate
from parlour.kernel.rejection import Rejection
from parlour.relay.app.fact_publisher import FactPublisher
from parlour.relay.app.limits import RelayLimits
from parlour.relay.app.relay import Relay
from parlour.relay.domain.sdp.model import Fingerprint
from parlour.relay.domain.session import CONNECTED, SessionTable, Transport

OFFER = (FIXTURES / "chromium-publish.sdp").read_bytes().decode()
SMALL = RelayLimits(
    max_transports=12,
    max_transports_per_session=2,
    max_transports_per_user=5,
    max_transports_per_app=8,
    max_half_open_per_user=3,
    max_half_open=10,
)


class Node:
    """A relay whose transports begin in the table alone, and connect when a test says so."""

    def __init__(self, limits: RelayLimits = SMALL) -> None:
        self.table = SessionTable()
        self._numbers = iter(range(1, 10_000))
        stub = cast(Any, self)
        self.relay = Relay(
            self.table, stub, stub, stub, cast(FactPublisher, None), stub, Fingerprint("sha-256", "AB"), limits
        )

    def start(self, transport: Transport) -> None:
        self.table.put_transport(transport)

    def carry_out(self, plan: object) -> None:
        """Nothing is published here."""

    def local_candidates(self) -> list[tuple[str, int]]:
        return []

    def number(self) -> int:
        return next(self._numbers)

    description_id = number

    def transport_id(self) -> str:
        return f"t{next(self._numbers)}"

    def ufrag(self) -> str:
        return "ufrag"

    pwd = ufrag

    def offer(self, owner: str, user: str, app: int = 1) -> str:
        return self.relay.negotiate(Negotiate(app, owner, OFFER, user=user)).transport_id

    def connect(self, transport_id: str) -> None:
        transport = self.table.transports[transport_id]
        self.table.put_transport(msgspec.structs.replace(transport, state=CONNECTED))

    def refusal(self, owner: str, user: str, app: int = 1) -> str:
        with pytest.raises(Rejection) as refused:
            self.offer(owner, user, app)
        assert refused.value.problem.code in (Code.RATE_LIMITED, Code.RELAY_UNAVAILABLE)
        return refused.value.problem.message


def test_resources_of_one_user_share_a_limit_though_each_is_an_owner() -> None:
    node = Node()
    for number in range(SMALL.max_transports_per_user):
        node.connect(node.offer(f"session-{number}/r", "ann"))
    assert node.refusal("session-9/r", "ann") == "too many transports of one user"
    assert node.offer("session-10/r", "bob")


def test_offers_that_never_connect_are_few_a_user() -> None:
    node = Node()
    offered = [node.offer(f"s/{number}", "ann") for number in range(SMALL.max_half_open_per_user)]
    assert node.refusal("s/9", "ann") == "too many unconnected transports of one user"
    node.connect(offered[0])
    assert node.offer("s/10", "ann")


def test_what_ends_makes_room() -> None:
    node = Node()
    offered = [node.offer(f"s/{number}", "ann") for number in range(SMALL.max_half_open_per_user)]
    node.table.drop_transport(offered[0])
    assert node.offer("s/9", "ann")


def test_a_connection_an_app_and_the_node_have_limits_of_their_own() -> None:
    node = Node()
    for _ in range(SMALL.max_transports_per_session):
        node.connect(node.offer("session", "ann"))
    assert node.refusal("session", "ann") == "too many transports of one session"
    for number in range(SMALL.max_transports_per_app - SMALL.max_transports_per_session):
        node.connect(node.offer(f"other-{number}", f"user-{number}"))
    assert node.refusal("more", "carl") == "too many transports of one app on this node"
    for number in range(SMALL.max_transports - SMALL.max_transports_per_app):
        node.connect(node.offer(f"second-{number}", f"user-{number}", app=2))
    assert node.refusal("third", "dora", app=3) == "this relay node is full"


def test_the_same_user_id_in_another_app_is_another_person() -> None:
    node = Node()
    for number in range(SMALL.max_transports_per_user):
        node.connect(node.offer(f"s/{number}", "ann"))
    assert node.offer("s/9", "ann", app=2)
