"""Settings of the record service, from the environment."""

from typing import Annotated

from msgspec import Meta

from parlour.runtime.settings import RuntimeSettings, Setting


class RecordSettings(RuntimeSettings, frozen=True, kw_only=True):
    """The variables `PARLOUR_RECORD_…`, parsed once at the start."""

    SERVICE = "record"

    poll_ms: Annotated[int, Setting("How often the log is polled for new events.", unit="ms"), Meta(ge=20, le=5000)] = (
        200
    )
    grace_ms: Annotated[
        int,
        Setting("How long an event may take from the log to NATS before it is published again.", unit="ms"),
        Meta(ge=50, le=30_000),
    ] = 300
    beacon_ms: Annotated[
        int, Setting("How often the heads of changed rooms are announced.", unit="ms"), Meta(ge=100, le=60_000)
    ] = 1000
    questions_per_s: Annotated[
        int,
        Setting(
            "Questions of one subscriber outside over NATS; those of an app together may ask four times as often.",
            unit="1/s",
        ),
        Meta(ge=1, le=10_000),
    ] = 50
    questions_at_once: Annotated[
        int,
        Setting(
            "Questions of one subscriber outside over NATS that are answered at the same time; of an app, four times as many.",
        ),
        Meta(ge=1, le=1000),
    ] = 4
    answers_kept_h: Annotated[
        float, Setting("How long a repeated command id gets its first answer.", unit="h"), Meta(ge=1, le=24 * 30)
    ] = 24.0
    history_poll_ms: Annotated[
        int, Setting("How often history is brought up to date.", unit="ms"), Meta(ge=20, le=60_000)
    ] = 500
    months_ahead: Annotated[int, Setting("Monthly partitions made in advance."), Meta(ge=1, le=24)] = 3
    keep_months: Annotated[
        int,
        Setting("Months kept in the database; older ones are exported, verified and dropped. 0: all."),
        Meta(le=1200),
    ] = 0
    archive: Annotated[str, Setting("Folder that old months are exported to; the same for all replicas.")] = ""
    retention_s: Annotated[
        float, Setting("How often months that are over are exported and dropped.", unit="s"), Meta(ge=0.1, le=86_400)
    ] = 3600.0
    quality_kept_days: Annotated[
        int, Setting("How long quality samples are kept; whole months are dropped.", unit="days"), Meta(ge=1, le=3660)
    ] = 90
    checkpoint_s: Annotated[
        float, Setting("How often the heads of rooms that changed are signed.", unit="s"), Meta(ge=0.1, le=3600)
    ] = 60.0
    origin: Annotated[
        str,
        Setting(
            "Name of the record in its checkpoints, as a URL without scheme: your domain and a path. Empty: a random name that "
            "the installation keeps, parlour.local/<random>/record."
        ),
    ] = ""
    state: Annotated[
        str,
        Setting(
            "Folder, outside the database and kept over restarts, where this replica stores the tree that was signed last."
        ),
    ] = "state/record"
    webhook_networks: Annotated[
        tuple[str, ...],
        Setting("Own networks that webhooks may reach, also over plain http; comma separated, as 10.2.0.0/16."),
    ] = ()
    webhook_timeout_s: Annotated[
        float, Setting("How long an endpoint may take to answer.", unit="s"), Meta(ge=0.1, le=60)
    ] = 15.0
    webhook_first_retry_s: Annotated[
        float, Setting("Pause before the first retry; each further one is five times as long.", unit="s"), Meta(ge=0.01)
    ] = 5.0
    webhook_longest_retry_s: Annotated[float, Setting("Longest pause between retries.", unit="s"), Meta(ge=0.01)] = (
        12 * 3600.0
    )
    webhook_give_up_h: Annotated[
        float,
        Setting("How long an event is retried before it is a dead letter.", unit="h"),
        Meta(ge=0.0001, le=24 * 30),
    ] = 72.0
    webhook_lease_s: Annotated[
        float,
        Setting("How long the endpoints of a process that died wait for another.", unit="s"),
        Meta(ge=1.5, le=300),
    ] = 10.0
    webhook_log_kept_h: Annotated[
        float, Setting("How long attempts stay in the delivery log.", unit="h"), Meta(ge=0.1, le=24 * 366)
    ] = 24 * 14.0
