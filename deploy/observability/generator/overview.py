"""The operator's overview: is everything well, and if not, which part is not."""

from grafana_foundation_sdk.builders.dashboard import Dashboard
from panels import RATE, Query, assemble, graph, number, quantiles, rate


def build() -> Dashboard:
    """Returns the dashboard."""
    return assemble(
        "parlour-overview",
        "Parlour: overview",
        "Is everything well, and if not, which part is not.",
        {
            "Now": [
                number(
                    "Alerts",
                    "none",
                    "Alerts that fire now.",
                    'count(ALERTS{alertname=~"Parlour.+",alertstate="firing"}) or vector(0)',
                    red_from=1,
                ),
                number(
                    "Replicas down",
                    "none",
                    "Replicas that Prometheus cannot reach.",
                    'count(up{job="parlour"} == 0) or vector(0)',
                    red_from=1,
                ),
                number("Clients", "none", "WebSocket clients connected.", "sum(parlour_connections)"),
                number(
                    "Rooms",
                    "none",
                    "Rooms whose events clients get, counted at each gateway.",
                    "sum(parlour_rooms_followed)",
                ),
                number("Tracks", "none", "Audio and video tracks that relays receive.", "sum(parlour_relay_tracks)"),
                number(
                    "Failed requests",
                    "percentunit",
                    "Share of what clients asked for that failed, of five minutes.",
                    'sum(rate(parlour_frames_total{outcome="failed"}[5m])) / sum(rate(parlour_frames_total[5m]))',
                    red_from=0.05,
                ),
            ],
            "Clients' requests": [
                graph(
                    "Frames",
                    "reqps",
                    "What clients asked for, by what came of it.",
                    rate("parlour_frames_total", "", "outcome"),
                    stacked=True,
                ),
                graph(
                    "Login time",
                    "s",
                    "From the frame to its answer; a point is a trace.",
                    *quantiles("parlour_frame_seconds", 'frame=~"login|resume"'),
                ),
                graph(
                    "HTTP",
                    "reqps",
                    "Requests by status.",
                    rate("parlour_http_requests_total", "", "status"),
                    stacked=True,
                ),
            ],
            "Services": [
                graph(
                    "Requests",
                    "reqps",
                    "Requests over NATS.",
                    rate("parlour_requests_total", "", "service"),
                    stacked=True,
                ),
                graph(
                    "Failing requests",
                    "percentunit",
                    "Share of requests that failed by an error of the service or the database.",
                    Query(
                        f'sum by (service) (rate(parlour_requests_total{{outcome="fault"}}[{RATE}]))'
                        f" / sum by (service) (rate(parlour_requests_total[{RATE}]))",
                        "{{service}}",
                    ),
                    most=1,
                ),
                graph(
                    "Request time, 95 %",
                    "s",
                    "From arrival to reply.",
                    *quantiles("parlour_request_seconds", "", "service"),
                ),
                graph(
                    "Requests in flight",
                    "none",
                    "Requests being handled.",
                    Query("sum by (service) (parlour_requests_in_flight)", "{{service}}"),
                ),
                graph(
                    "Errors of ours",
                    "cps",
                    "Faults by place; each is in the log too.",
                    rate("parlour_faults_total", "", "service, where"),
                ),
                graph(
                    "Dropped messages",
                    "cps",
                    "Dropped since a queue was full.",
                    rate("parlour_shed_total", "", "service, queue"),
                ),
            ],
            "What services need": [
                graph(
                    "NATS",
                    "none",
                    "1 while each replica of a service is connected.",
                    Query("min by (service) (parlour_bus_connected)", "{{service}}"),
                    most=1,
                ),
                graph(
                    "Failures of Postgres",
                    "cps",
                    "Work that it did not do.",
                    rate("parlour_database_failures_total", "", "service"),
                ),
                graph(
                    "Replicas",
                    "none",
                    "By version.",
                    Query("count by (service, version) (parlour_build_info)", "{{service}} {{version}}"),
                    stacked=True,
                ),
            ],
        },
    )
