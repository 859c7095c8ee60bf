"""`bench/README.md` from the results: what is promised, what was measured, and where. `python bench/page.py > bench/README.md`."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results"
HEAD = """# What is measured

Every figure was measured on the machine, and at the commit, that its file in `results/` names: two cores that also run the load, the
peers, Postgres (durable commits, `fsync` on) and NATS. Peers and floors run in the same run as Parlour, in turn, so the ratios travel
better than the figures. A goal that is missed stands here too. Written by `make docs`.

    make bench                         # lists the benchmarks
    make bench ARGS=command/run        # runs one; those with --keep write their result only when asked to

Some need more: `relay/run` and `fanout/run` want Go (and Janus, see `relay/janus`), `log/peers` the packages that its head names. Run
them on a machine that does nothing else. `log/naive_reader` shows what the shard positions are for: a reader by serial number that
loses events.

| what | goal | measured | by |
|---|---|---|---|
"""
TAIL = """
## Where a goal is missed

- **Single appends beside UmaDB.** UmaDB is one program that writes a page file of its own. Here a unit is a call to Postgres that takes a
  row lock on the shard, checks the version, the claim and the command id, computes the chain and writes four tables and their indexes:
  that is two to three times a plain insert's work in the server, and the service's own work (deciding, sealing, publishing) comes on top
  on the same two cores. Commands that wait together share a commit, so the distance shrinks with load: at 256 in
  flight one service commits 7,050 a second, nearly what UmaDB does for its eight writers.
- **p99 at 256 in flight.** With 256 waiting all the time and two cores that are full, a command waits 256 / rate by Little's law: 40 ms at
  6,400 a second before anything varies.
- **A delivery's CPU.** Nine tenths of a bare loop's time are the kernel's `send`; what is left of the goal is less than a microsecond.
- **The verifier of exports.** It compares each text with the commitment in the hashed bytes, by the salt beside it, and takes a line
  only as an export writes it; before it did (`fb1d74d`, another processor, lines without salts) it checked 137,166 events a second.
"""
Result = dict[str, Any]


class Row(NamedTuple):
    """A promise and its figure."""

    what: str
    goal: str
    of: str
    figure: Callable[[Result], str]


def worst(result: Result, what: str) -> str:
    """A fan-out's dearest rate, beside the bare loop's."""
    rates = result["fan_out"]["by_rate"].values()
    dearest = max(rates, key=lambda both: both["parlour"][what])
    return f"{dearest['parlour'][what]:.1f} µs, bare {dearest['bare'][what]:.1f} µs"


def tail_256(result: Result) -> str:
    """The middle run's p99."""
    tails = sorted(run["reply_ms"]["p99"] for run in result["256_in_flight"]["runs"])
    return f"{tails[len(tails) // 2]:.0f} ms"


def pages(result: Result) -> str:
    """The slowest kind of page of calls."""
    slowest = max(page["p50"] for page in result["pages"].values() if isinstance(page, dict))
    return f"{slowest:.0f} ms p50 among {result['pages']['calls']:,} calls"


def slowed(result: Result) -> str:
    """What a slow flush costs."""
    quick, slow = (result[name]["per_s"] for name in ("256_in_flight", "256_in_flight_flush_of_4_ms"))
    return f"{1 - slow / quick:.0%} fewer ({slow:,.0f} of {quick:,.0f}/s)"


ROWS = (
    Row("command → committed → reply, one in flight, beside NATS's round trip and one commit", "≤ 3 ×", "command",
        lambda r: f"{r['one_in_flight']['ratio_to_floor']} × ({r['one_in_flight']['command_ms']['p50']} ms)"),
    Row("commands with 256 in flight", "≥ 5,000/s", "command", lambda r: f"{r['256_in_flight']['per_s']:,}/s"),
    Row("the same, p99", "≤ 40 ms", "command", tail_256),
    Row("the same with commits of 4 ms", "at most 30 % fewer", "command", slowed),
    Row("a message sent → its event at another client, one in flight", "≤ 3 ms p50", "delivery",
        lambda r: f"{r['event_ms']['p50']:.1f} ms"),
    Row("`loginRoom` → LOGINED in Chromium", "≤ 60 ms p50", "browser", lambda r: f"{r['milliseconds']['logined']['p50']:.0f} ms"),
    Row("`loginRoom` → the first remote frame in Chromium", "≤ 250 ms p50", "browser",
        lambda r: f"{r['milliseconds']['frame']['p50']:.0f} ms"),
    Row("`make up`: a new state folder; one that is there", "≤ 5 s", "start_up",
        lambda r: f"{r['first_up_s']['p50']:.1f} s; {r['up_again_s']['p50']:.1f} s"),
    Row("the relay's CPU a delivered packet, beside Janus", "≤ 1/3", "relay",
        lambda r: f"{r['loads']['b']['cpu_ratio_to_janus']} ({r['loads']['b']['parlour']['ns'] / 1000:.1f} µs)"),
    Row("fan-out: the gateway's CPU a delivery, 1,000 subscribers", "≤ 10 µs", "fanout",
        lambda r: worst(r, "cpu_us_per_delivery")),
    Row("an idle subscriber's memory above the library's", "≤ 20 kB", "fanout",
        lambda r: f"{r['storm']['kb_each_above_bare']} kB"),
    Row("5,000 connections dropped at once: all live again", "≤ 10 s", "fanout", lambda r: f"{r['storm']['all_live_s']:.1f} s"),
    Row("single-event appends, 8 writers, beside UmaDB", "≥ 1 ×", "log_peers",
        lambda r: f"{r['umadb']['ours_to_it']} × ({r['parlour']['appends_per_s']:,} of {r['umadb']['appends_per_s']:,}/s)"),
    Row("the same beside eventsourcing on the same Postgres", "≥ 1 ×", "log_peers",
        lambda r: f"{r['eventsourcing']['ours_to_it']} × ({r['eventsourcing']['appends_per_s']:,}/s)"),
    Row("appends in batches", "≥ 20,000 units/s", "log_append",
        lambda r: f"{max(case['units_per_s'] for name, case in r['flush as it is'].items() if '256' in name):,} units/s"),
    Row("fold, of the record's own state", "≥ 100,000 events/s", "history", lambda r: f"{r['fold']['events_per_s']:,} events/s"),
    Row("replay: read, open and fold", "≥ 100,000 events/s", "history", lambda r: f"{r['replay']['events_per_s']:,} events/s"),
    Row("the projector", "≥ 30,000 events/s", "history", lambda r: f"{r['projector']['events_per_s']:,} events/s"),
    Row("a page of 50 calls", "≤ 50 ms", "history", pages),
    Row("the verifier of exports", "≥ 100,000 events/s", "audit_verify", lambda r: f"{r['events_per_s']:,} events/s"),
)  # fmt: skip


def lines(results: dict[str, Result]) -> Iterator[str]:
    """The table's rows."""
    for row in ROWS:
        result = results[row.of]
        where = f"[{row.of}](results/{row.of}.json), {result['machine']['commit']}"
        yield f"| {row.what} | {row.goal} | {row.figure(result)} | {where} |"


def page() -> str:
    """The whole page."""
    results = {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}
    return HEAD + "\n".join(lines(results)) + "\n" + TAIL


if __name__ == "__main__":
    sys.stdout.write(page())
