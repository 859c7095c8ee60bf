-- Retention: what was exported, by whom and when, and which calls went with it. Rows stay when the events are gone.

CREATE TABLE parlour.archive (
    number      int    GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month       text   NOT NULL CHECK (month ~ '^([0-9]{4}_[0-9]{2}|default)$'),
    before_us   bigint NOT NULL,
    file        text   NOT NULL,
    sha256      bytea  NOT NULL CHECK (octet_length(sha256) = 32),
    size        bigint NOT NULL,
    calls       bigint NOT NULL,
    events      bigint NOT NULL,
    exported_by text   NOT NULL,
    exported_at bigint NOT NULL,
    dropped_at  bigint,
    forgotten   boolean NOT NULL DEFAULT false,
    problem     text   NOT NULL DEFAULT ''
);
COMMENT ON COLUMN parlour.archive.month IS 'the partition: YYYY_MM, or default';
COMMENT ON COLUMN parlour.archive.before_us IS 'the calls of the month that ended before this (unix microseconds)';
COMMENT ON COLUMN parlour.archive.exported_at IS 'unix microseconds';
COMMENT ON COLUMN parlour.archive.dropped_at IS 'unix microseconds; null: the events are still in the database';
COMMENT ON COLUMN parlour.archive.forgotten IS 'whether its rows of history are gone too';
COMMENT ON COLUMN parlour.archive.problem IS 'why the file was not good enough to drop anything for';

-- The calls in a file, as their rows of parlour.log were.
CREATE TABLE parlour.archived (
    archive       int      NOT NULL REFERENCES parlour.archive,
    room_uid      uuid     NOT NULL,
    app           bigint   NOT NULL,
    room          text     NOT NULL,
    shard         smallint NOT NULL,
    first_pos     bigint   NOT NULL,
    seq           bigint   NOT NULL,
    hash          bytea    NOT NULL,
    last_event_at bigint   NOT NULL,
    PRIMARY KEY (archive, room_uid)
);
CREATE INDEX archived_call ON parlour.archived (room_uid);
CREATE INDEX archived_room ON parlour.archived (app, room);

-- Who exported a log, noted before its first event is handed out. `exported_by` is the exporter's name as given: staff, not a person on the
-- record.
CREATE TABLE parlour.export_taken (
    room_uid    uuid   NOT NULL,
    exported_at bigint NOT NULL,
    exported_by text   NOT NULL
);
CREATE INDEX export_taken_room ON parlour.export_taken (room_uid, exported_at);
CREATE INDEX export_taken_age ON parlour.export_taken (exported_at);
COMMENT ON COLUMN parlour.export_taken.exported_at IS 'unix microseconds';
