"""The capacity page: costs per unit from the results, and sums made of them.

`python bench/capacity.py > docs/explanation/capacity.md`; the text is in `capacity.txt` beside this file.
"""

import json
import sys
from math import ceil
from pathlib import Path

from page import RESULTS, Result

BUSY = 0.5
"""The share of a core that a plan may fill: the rest is for bursts, and for what died elsewhere."""
PACKETS_PER_S = 150
"""Of one stream with sound and picture: 50 of sound, some 100 of a picture of 0.9 Mbit/s in packets of 1,100 bytes."""
ROOM, PUBLISHERS = 10, 2
"""Users of a room, and how many of them publish; everybody plays everybody else."""
MESSAGES_PER_S = 0.1
STAY_S = 1800
COMMANDS_PER_STAY = 2 + PUBLISHERS
"""Login and logout, and a play of each stream; those of publishers are few beside them."""
EVENTS_TO_MEMBERS_PER_STAY = 2
"""The joining and the leaving; who plays what is for auditors only."""
USERS = (1_000, 10_000, 100_000, 1_000_000)
SECONDS_PER_CORE = 1_000_000
"""Microseconds in a core's second."""

TEMPLATE = Path(__file__).with_name("capacity.txt")
"""The page, with a name in braces for each figure."""


def example(users: int, packet_us: float, delivery_us: float, commands_per_s: int) -> str:
    """A row of the table for so many users at the same time."""
    rooms = users / ROOM
    packets = rooms * PUBLISHERS * (ROOM - 1) * PACKETS_PER_S
    nodes = ceil(packets * packet_us / SECONDS_PER_CORE / BUSY)
    events = users * (MESSAGES_PER_S + EVENTS_TO_MEMBERS_PER_STAY / STAY_S)
    deliveries = events * ROOM
    gateway = deliveries * delivery_us / SECONDS_PER_CORE / BUSY
    commands = users * (MESSAGES_PER_S + COMMANDS_PER_STAY / STAY_S)
    databases = ceil(commands / (commands_per_s * BUSY))
    return f"| {users:,} | {packets:,.0f} | {nodes:,} | {deliveries:,.0f} | {gateway:,.2f} | {commands:,.0f} | {databases} |"


def page() -> str:
    """The whole page."""
    results: dict[str, Result] = {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}
    fanout, command = results["fanout"], results["command"]
    packet_us = results["relay"]["loads"]["b"]["parlour"]["ns"] / 1000
    delivery_us = max(rate["parlour"]["cpu_us_per_delivery"] for rate in fanout["fan_out"]["by_rate"].values())
    commands_per_s = command["256_in_flight"]["per_s"]
    return TEMPLATE.read_text().format(
        packet_us=packet_us, delivery_us=delivery_us, commands_per_s=commands_per_s,
        idle_kb=fanout["storm"]["kb_each_above_bare"], storm_s=fanout["storm"]["all_live_s"],
        command_ms=command["one_in_flight"]["command_ms"]["p50"],
        commit_ms=command["one_in_flight"]["postgres_commit_ms"]["p50"],
        slow_per_s=command["256_in_flight_flush_of_4_ms"]["per_s"], packets_per_core=SECONDS_PER_CORE / packet_us,
        room=ROOM, publishers=PUBLISHERS, packets=PACKETS_PER_S, message_s=1 / MESSAGES_PER_S, stay_min=STAY_S / 60,
        rows="\n".join(example(users, packet_us, delivery_us, commands_per_s) for users in USERS),
    )  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(page())
