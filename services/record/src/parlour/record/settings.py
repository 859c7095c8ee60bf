"""The record service's settings."""

from typing import Annotated

from parlour.runtime.life.settings import RuntimeSettings, Setting


class RecordSettings(RuntimeSettings, frozen=True, kw_only=True):
    """Variables `PARLOUR_RECORD_…`."""

    SERVICE = "record"

    poll_ms: Annotated[int, Setting("How often the log is looked at for news.", unit="ms", least=20, most=5000)] = 200
    grace_ms: Annotated[
        int,
        Setting(
            "How long an event may take from the log to NATS before it is published again.",
            unit="ms",
            least=50,
            most=30_000,
        ),
    ] = 300
    beacon_ms: Annotated[
        int, Setting("How often the heads of changed rooms are told.", unit="ms", least=100, most=60_000)
    ] = 1000
    questions_per_s: Annotated[
        int,
        Setting(
            "Questions of one reader outside over NATS; those of an app together ask four times as often.",
            unit="1/s",
            least=1,
            most=10_000,
        ),
    ] = 50
    questions_at_once: Annotated[
        int,
        Setting(
            "Questions of one reader outside over NATS that are at work; of an app, four times as many.",
            least=1,
            most=1000,
        ),
    ] = 4
    answers_kept_h: Annotated[
        float, Setting("How long a command id answers as it did before.", unit="h", least=1, most=24 * 30)
    ] = 24.0
    history_poll_ms: Annotated[
        int, Setting("How often history is brought up to date.", unit="ms", least=20, most=60_000)
    ] = 500
    months_ahead: Annotated[int, Setting("Monthly partitions made in advance.", least=1, most=24)] = 3
    keep_months: Annotated[
        int,
        Setting("Months that stay in the database; older ones are exported, verified and dropped. 0: all.", most=1200),
    ] = 0
    archive: Annotated[str, Setting("Folder that old months are exported to; the same for all replicas.")] = ""
    retention_s: Annotated[
        float, Setting("How often it is looked for months that are over.", unit="s", least=0.1, most=86_400)
    ] = 3600.0
    quality_kept_days: Annotated[
        int, Setting("How long quality samples are kept; they go by whole months.", unit="days", least=1, most=3660)
    ] = 90
    checkpoint_s: Annotated[
        float, Setting("How often the heads of rooms that changed are signed.", unit="s", least=0.1, most=3600)
    ] = 60.0
    origin: Annotated[
        str,
        Setting(
            "Name of the record in its checkpoints, as a URL without scheme: your domain and a path. Empty: a name that this "
            "installation draws once and keeps, parlour.local/<random>/record."
        ),
    ] = ""
    state: Annotated[
        str,
        Setting(
            "Folder, outside the database and kept over restarts, where this replica remembers the tree that was signed last."
        ),
    ] = "state/record"
    webhook_networks: Annotated[
        tuple[str, ...],
        Setting("Own networks that webhooks may reach, also over plain http; comma separated, as 10.2.0.0/16."),
    ] = ()
    webhook_timeout_s: Annotated[
        float, Setting("How long an endpoint may take to answer.", unit="s", least=0.1, most=60)
    ] = 15.0
    webhook_first_retry_s: Annotated[
        float, Setting("Pause before the first retry; each further one is five times as long.", unit="s", least=0.01)
    ] = 5.0
    webhook_longest_retry_s: Annotated[float, Setting("Longest pause between retries.", unit="s", least=0.01)] = (
        12 * 3600.0
    )
    webhook_give_up_h: Annotated[
        float, Setting("How long an event is retried before it is a dead letter.", unit="h", least=0.0001, most=24 * 30)
    ] = 72.0
    webhook_lease_s: Annotated[
        float, Setting("How long a process that died keeps its endpoints.", unit="s", least=1.5, most=300)
    ] = 10.0
    webhook_log_kept_h: Annotated[
        float, Setting("How long attempts stay in the delivery log.", unit="h", least=0.1, most=24 * 366)
    ] = 24 * 14.0
