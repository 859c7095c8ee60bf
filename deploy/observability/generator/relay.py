"""Relays and hosts: how full they are, what they drop, and what the machines have left."""

from grafana_foundation_sdk.builders.dashboard import Dashboard
from panels import RATE, Query, assemble, graph, rate

_OWN = 'job="parlour"'


def build() -> Dashboard:
    """Returns the dashboard."""
    return assemble(
        "parlour-relay",
        "Parlour: relays and hosts",
        "How full relays are, what they drop, and what the machines have left.",
        {
            "Load": [
                graph(
                    "Load",
                    "percentunit",
                    "The fuller of CPU and transports.",
                    Query("parlour_relay_load_ratio", "{{instance}}"),
                    most=1,
                ),
                graph(
                    "Transports",
                    "none",
                    "And how many a node may have.",
                    Query("parlour_relay_transports", "{{instance}}"),
                    Query("parlour_relay_transports_limit", "{{instance}} limit"),
                ),
                graph(
                    "CPU of packet threads",
                    "percentunit",
                    "Of one core.",
                    rate("parlour_relay_packet_cpu_seconds_total", "", "instance"),
                ),
            ],
            "Datagrams": [
                graph("Received", "pps", "By node.", rate("parlour_relay_datagrams_total", "", "instance")),
                graph(
                    "Dropped",
                    "pps",
                    "By the kernel since the buffer was full; of no transport, not authentic or malformed by the relay.",
                    Query(f"sum(rate(parlour_relay_kernel_drops_total[{RATE}]))", "kernel"),
                    Query(f"sum(rate(parlour_relay_dropped_unknown_total[{RATE}]))", "no transport"),
                    Query(f"sum(rate(parlour_relay_dropped_unauthenticated_total[{RATE}]))", "not authentic"),
                    Query(f"sum(rate(parlour_relay_dropped_malformed_total[{RATE}]))", "malformed"),
                ),
                graph(
                    "Beyond the limits of a transport",
                    "none",
                    "Sums over the transports that are up.",
                    Query("sum(parlour_relay_live_rx_policed)", "packets"),
                    Query("sum(parlour_relay_live_repairs_policed)", "repairs"),
                    Query("sum(parlour_relay_live_keyframes_policed)", "keyframe requests"),
                ),
                graph(
                    "Repairs",
                    "none",
                    "NACKs and retransmissions: sums over the transports that are up.",
                    Query("sum(parlour_relay_live_nack_rx)", "NACKs from players"),
                    Query("sum(parlour_relay_live_rtx_tx)", "sent again"),
                    Query("sum(parlour_relay_live_nack_tx)", "NACKs to publishers"),
                ),
                graph(
                    "Panics",
                    "none",
                    "Of packet threads.",
                    Query("sum by (instance) (parlour_relay_panics_total)", "{{instance}}"),
                ),
                graph(
                    "Lost events of the core",
                    "cps",
                    "The node did not read them in time.",
                    rate("parlour_relay_events_dropped_total", "", "instance"),
                ),
            ],
            "Processes": [
                graph("CPU", "percentunit", "Of one core.", rate("process_cpu_seconds_total", _OWN, "instance")),
                graph(
                    "Memory", "bytes", "Resident.", Query(f"process_resident_memory_bytes{{{_OWN}}}", "{{instance}}")
                ),
                graph(
                    "File descriptors",
                    "percentunit",
                    "Share of what a process may have.",
                    Query(f"process_open_fds{{{_OWN}}} / process_max_fds{{{_OWN}}}", "{{instance}}"),
                    most=1,
                ),
            ],
            "Hosts (node exporter)": [
                graph(
                    "CPU",
                    "percentunit",
                    "Share that is not idle.",
                    Query(
                        f'1 - avg by (instance) (rate(node_cpu_seconds_total{{mode="idle"}}[{RATE}]))', "{{instance}}"
                    ),
                    most=1,
                ),
                graph(
                    "Memory available",
                    "percentunit",
                    "Share.",
                    Query("node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "{{instance}}"),
                    most=1,
                ),
                graph(
                    "Disk available",
                    "percentunit",
                    "Share, by mount point.",
                    Query(
                        'node_filesystem_avail_bytes{fstype!~"ramfs|squashfs|overlay"} / node_filesystem_size_bytes',
                        "{{instance}} {{mountpoint}}",
                    ),
                    most=1,
                ),
                graph(
                    "Network",
                    "Bps",
                    "Sent.",
                    Query(
                        f'sum by (instance) (rate(node_network_transmit_bytes_total{{device!="lo"}}[{RATE}]))',
                        "{{instance}}",
                    ),
                ),
                graph(
                    "UDP receive errors",
                    "cps",
                    "Datagrams lost since a buffer was full.",
                    rate("node_netstat_Udp_RcvbufErrors", "", "instance"),
                ),
                graph("Load", "none", "Runnable tasks, of one minute.", Query("node_load1", "{{instance}}")),
            ],
        },
    )
