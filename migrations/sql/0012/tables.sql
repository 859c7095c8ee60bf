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

-- Holds that stand, as the apps' own logs say. `actor` and `room` are null where the event that placed one can't be read.
CREATE VIEW parlour.hold AS
    SELECT s.app, s.actor, s.room FROM (
        SELECT DISTINCT ON (g.app, d.data ->> 'actor', d.data ->> 'room')
               g.app, e.type, d.data ->> 'actor' AS actor, d.data ->> 'room' AS room
          FROM parlour.log g JOIN parlour.event e ON e.room_uid = g.uid
         CROSS JOIN LATERAL (SELECT parlour.envelope(e.env) -> 'data' AS data) d
         WHERE g.room = '' AND e.type IN ('app.hold_placed.v1', 'app.hold_released.v1')
         ORDER BY g.app, d.data ->> 'actor', d.data ->> 'room', e.seq DESC) s
     WHERE s.type = 'app.hold_placed.v1';

GRANT SELECT ON parlour.archive, parlour.archived TO parlour_record;
