"""The record and its readers: what is committed, whether it is sound, and how far readers are behind."""

from grafana_foundation_sdk.builders.dashboard import Dashboard
from panels import Query, assemble, graph, number, quantiles, rate


def build() -> Dashboard:
    """Returns the dashboard."""
    return assemble(
        "parlour-record",
        "Parlour: record and readers",
        "What is committed, whether it is sound, and how far readers are behind.",
        {
            "Soundness": [
                number(
                    "Tree damaged",
                    "none",
                    "1: the tree is not what was signed.",
                    "max(parlour_tree_damaged)",
                    red_from=1,
                ),
                number(
                    "Heads refused",
                    "none",
                    "Heads that were not signed, since the start.",
                    "max(parlour_heads_refused)",
                    red_from=1,
                ),
                number(
                    "Damaged events",
                    "none",
                    "Events that could not be read, of a day.",
                    "sum(increase(parlour_damaged_events_total[1d])) or vector(0)",
                    red_from=1,
                ),
                number("Heads signed", "none", "Heads of rooms in the last checkpoint.", "max(parlour_tree_leaves)"),
            ],
            "Commits": [
                graph(
                    "Units", "cps", "By what came of them.", rate("parlour_commits_total", "", "outcome"), stacked=True
                ),
                graph(
                    "Time of an append call",
                    "s",
                    "One statement in Postgres with many units.",
                    *quantiles("parlour_commit_seconds", ""),
                ),
                graph(
                    "Units in a call, 95 %",
                    "none",
                    "Group commit.",
                    *quantiles("parlour_commit_batch_units", "", "service"),
                ),
                graph(
                    "Units that wait",
                    "none",
                    "For the next append call.",
                    Query("sum by (service) (parlour_commits_waiting)", "{{service}}"),
                ),
                graph(
                    "Failures of Postgres",
                    "cps",
                    "Work that it did not do.",
                    rate("parlour_database_failures_total", "", "service"),
                ),
                graph(
                    "Deadlines", "cps", "By what came of them.", rate("parlour_deadlines_total", "", "service, outcome")
                ),
            ],
            "From the log to readers": [
                graph(
                    "Events published",
                    "cps",
                    "Republished: NATS had not carried them in time.",
                    rate("parlour_tailed_events_total", "", "outcome"),
                    stacked=True,
                ),
                graph(
                    "Events that NATS did not take",
                    "cps",
                    "The record repairs them.",
                    rate("parlour_publish_failures_total", "", "service"),
                ),
                graph(
                    "Reactors' lag",
                    "none",
                    "Events that are not handled yet.",
                    Query("max by (service, reactor) (parlour_reactor_lag_events)", "{{service}} {{reactor}}"),
                ),
                graph(
                    "Reactions", "cps", "By what came of them.", rate("parlour_reactions_total", "", "reactor, outcome")
                ),
                graph(
                    "History's lag",
                    "none",
                    "Events that its projections lack.",
                    Query("max(parlour_projection_lag_events)", "events"),
                ),
                graph(
                    "Events into history",
                    "cps",
                    "Folded into the projections.",
                    rate("parlour_projected_events_total", "", "instance"),
                ),
            ],
            "Readers": [
                graph(
                    "Clients that lag",
                    "none",
                    "Rooms of clients that catch up.",
                    Query("sum by (instance) (parlour_clients_lagging)", "{{instance}}"),
                ),
                graph(
                    "Longest lag",
                    "s",
                    "Of the client that has lagged longest.",
                    Query("max by (instance) (parlour_lag_seconds)", "{{instance}}"),
                ),
                graph(
                    "Webhooks",
                    "cps",
                    "Attempts by what came of them.",
                    rate("parlour_webhook_attempts_total", "", "outcome"),
                    stacked=True,
                ),
                graph(
                    "Requests over HTTP",
                    "reqps",
                    "By route.",
                    rate("parlour_http_requests_total", 'route=~"/v1/.+"', "route"),
                ),
                graph(
                    "Requests to record",
                    "reqps",
                    "Over NATS.",
                    rate("parlour_requests_total", 'service="record"', "endpoint"),
                ),
                graph(
                    "Quality samples",
                    "cps",
                    "By what became of them.",
                    rate("parlour_quality_samples_total", "", "outcome"),
                ),
            ],
        },
    )
