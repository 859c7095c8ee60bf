-- History: what the log says of calls, folded into tables that answer quickly. All of it can be dropped and built again from the events.
-- The tables of one such building are a generation, in a schema of their own (history_1, history_2 ...): queries are answered by the
-- active one while the next is being built. Each table has the partitions of parlour.event, so that a call's rows are where its month is.

CREATE SCHEMA history;

-- `version` is that of the code whose rows these are.
CREATE TABLE history.generation (
    number   int     PRIMARY KEY,
    version  int     NOT NULL,
    active   boolean NOT NULL DEFAULT false,
    begun_at bigint  NOT NULL
);
CREATE UNIQUE INDEX generation_active ON history.generation (active) WHERE active;
COMMENT ON COLUMN history.generation.begun_at IS 'unix microseconds';

-- Quality samples: what relays measured of each medium in ten seconds. No events: they are not in the log, are not made again with the
-- projections, and are kept for a bounded time. Partitions are months of `started_at`, so that what is old goes with its partition.

CREATE SEQUENCE history.quality_sample;
CREATE TABLE history.quality (
    room_uid   uuid    NOT NULL,
    started_at bigint  NOT NULL,
    sample     bigint  NOT NULL DEFAULT nextval('history.quality_sample'),
    took_ms    int     NOT NULL,
    stream_id  text    NOT NULL,
    session_id text    NOT NULL,
    publishes  boolean NOT NULL,
    kind       text    NOT NULL CHECK (kind IN ('audio', 'video')),
    node       text    NOT NULL,
    packets    bigint  NOT NULL,
    bytes      bigint  NOT NULL,
    expected   bigint,
    lost       bigint,
    jitter_us  bigint,
    rtt_us     bigint,
    nacks      bigint  NOT NULL,
    plis       bigint  NOT NULL,
    keyframes  bigint  NOT NULL,
    PRIMARY KEY (room_uid, started_at, sample)
) PARTITION BY RANGE (started_at);
COMMENT ON COLUMN history.quality.started_at IS 'unix microseconds: the beginning of the ten seconds, by the clock of the node';
