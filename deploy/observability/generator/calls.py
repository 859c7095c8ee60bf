"""Calls and their quality: what clients do, and what of it arrives."""

from grafana_foundation_sdk.builders.dashboard import Dashboard
from panels import RATE, Query, assemble, graph, quantiles, rate


def build() -> Dashboard:
    """Returns the dashboard."""
    return assemble(
        "parlour-calls",
        "Parlour: calls and quality",
        "What clients do, and what of it arrives.",
        {
            "Clients": [
                graph(
                    "Connections",
                    "none",
                    "WebSocket clients of each gateway, and how many it may have.",
                    Query("parlour_connections", "{{instance}}"),
                    Query("parlour_connections_limit", "{{instance}} limit"),
                ),
                graph(
                    "Requests",
                    "reqps",
                    "What clients ask for.",
                    rate("parlour_frames_total", "", "frame"),
                    stacked=True,
                ),
                graph(
                    "Refused requests",
                    "reqps",
                    "By the rules of the room, or the client's fault.",
                    rate("parlour_frames_total", 'outcome="refused"', "frame"),
                ),
                graph(
                    "Failed requests",
                    "reqps",
                    "By an error of ours.",
                    rate("parlour_frames_total", 'outcome="failed"', "frame"),
                ),
                graph(
                    "Time of requests, 95 %",
                    "s",
                    "From the frame to its answer; a point is a trace.",
                    *quantiles("parlour_frame_seconds", "", "frame"),
                ),
                graph(
                    "Refused tokens",
                    "cps",
                    "By code, and those that came too soon after refused ones.",
                    rate("parlour_tokens_refused_total", "", "code"),
                    rate("parlour_tokens_throttled_total", "", "outcome"),
                ),
            ],
            "Media": [
                graph(
                    "Tracks and players",
                    "none",
                    "Tracks that relays receive, and tracks forwarded to a player.",
                    Query("sum(parlour_relay_tracks)", "tracks"),
                    Query("sum(parlour_relay_sinks)", "forwarded"),
                    Query("sum(parlour_relay_transports)", "transports"),
                ),
                graph(
                    "Bits",
                    "bps",
                    "To relays (publisher) and from them (player).",
                    Query(f"8 * sum by (side, kind) (rate(parlour_media_bytes_total[{RATE}]))", "{{side}} {{kind}}"),
                ),
                graph(
                    "Packets",
                    "pps",
                    "The same in packets.",
                    Query(f"sum by (side, kind) (rate(parlour_media_packets_total[{RATE}]))", "{{side}} {{kind}}"),
                ),
            ],
            "Quality": [
                graph(
                    "Players that lose packets",
                    "percentunit",
                    "Share of ten-second samples with more than 1 and 5 % of the packets lost.",
                    *(
                        Query(
                            f'1 - sum(rate(parlour_media_loss_ratio_bucket{{side="player",le="{share}"}}[{RATE}]))'
                            f' / sum(rate(parlour_media_loss_ratio_count{{side="player"}}[{RATE}]))',
                            f"over {share}",
                        )
                        for share in ("0.01", "0.05")
                    ),
                    most=1,
                ),
                graph(
                    "Publishers that lose packets",
                    "percentunit",
                    "The same on the way to the relay.",
                    *(
                        Query(
                            f'1 - sum(rate(parlour_media_loss_ratio_bucket{{side="publisher",le="{share}"}}[{RATE}]))'
                            f' / sum(rate(parlour_media_loss_ratio_count{{side="publisher"}}[{RATE}]))',
                            f"over {share}",
                        )
                        for share in ("0.01", "0.05")
                    ),
                    most=1,
                ),
                graph(
                    "Round trip to players",
                    "s",
                    "As their reports say.",
                    *quantiles("parlour_media_round_trip_seconds", 'side="player"'),
                ),
                graph(
                    "Jitter, 95 %",
                    "s",
                    "Interarrival jitter (RFC 3550).",
                    *quantiles("parlour_media_jitter_seconds", "", "side"),
                ),
                graph("Packets asked for again", "pps", "NACKs.", rate("parlour_media_nacks_total", "", "side")),
                graph(
                    "Keyframe requests",
                    "cps",
                    "PLI and FIR.",
                    rate("parlour_media_keyframe_requests_total", "", "side"),
                ),
            ],
        },
    )
