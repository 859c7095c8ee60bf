-- Retention: what was exported, by whom and when, and which lives of rooms went with it. Rows stay when the events are gone.

CREATE TABLE parlour.archive (
    number      int    GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month       text   NOT NULL,
    before_us   bigint NOT NULL,
    file        text   NOT NULL,
    sha256      bytea  NOT NULL CHECK (octet_length(sha256) = 32),
    size        bigint NOT NULL,
    lives       bigint NOT NULL,
    events      bigint NOT NULL,
    by          text   NOT NULL,
    exported_at bigint NOT NULL,
    dropped_at  bigint,
    forgotten   boolean NOT NULL DEFAULT false,
    problem     text   NOT NULL DEFAULT ''
);
COMMENT ON COLUMN parlour.archive.month IS 'the partition: YYYY_MM, or default';
COMMENT ON COLUMN parlour.archive.before_us IS 'the lives of the month that ended before this (unix microseconds)';
COMMENT ON COLUMN parlour.archive.dropped_at IS 'unix microseconds; null: the events are still in the database';
COMMENT ON COLUMN parlour.archive.forgotten IS 'whether its rows of history are gone too';
COMMENT ON COLUMN parlour.archive.problem IS 'why the file was not good enough to drop anything for';

-- The lives in a file, as their rows of parlour.log were.
CREATE TABLE parlour.archived (
    archive  int      NOT NULL REFERENCES parlour.archive,
    room_uid uuid     NOT NULL,
    app      bigint   NOT NULL,
    room     text     NOT NULL,
    p        smallint NOT NULL,
    born     bigint   NOT NULL,
    seq      bigint   NOT NULL,
    hash     bytea    NOT NULL,
    at       bigint   NOT NULL,
    PRIMARY KEY (archive, room_uid)
);
CREATE INDEX archived_life ON parlour.archived (room_uid);
CREATE INDEX archived_room ON parlour.archived (app, room);

-- Who exported a log, noted before its first event is handed out. `by` is the exporter's name as given: staff, not a person on the record.
CREATE TABLE parlour.export_taken (
    room_uid uuid   NOT NULL,
    at       bigint NOT NULL,
    by       text   NOT NULL
);
CREATE INDEX export_taken_room ON parlour.export_taken (room_uid, at);
CREATE INDEX export_taken_at ON parlour.export_taken (at);
