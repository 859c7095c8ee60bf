-- The event log. Only the functions of `functions/` write these tables; who may call them is in `grants.sql`.
-- Times are unix microseconds, unless their column is a timestamptz.

CREATE SCHEMA IF NOT EXISTS parlour;

-- The last position given in each shard. The row lock is what makes position order the order of commits.
CREATE TABLE parlour.shard (
    shard smallint PRIMARY KEY CHECK (shard BETWEEN 0 AND 255),
    pos   bigint   NOT NULL DEFAULT 0
) WITH (fillfactor = 25, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
INSERT INTO parlour.shard (shard) SELECT generate_series(0, 255);

-- One call of a room, or an app's own log (room '').
CREATE TABLE parlour.log (
    uid           uuid     PRIMARY KEY,
    app           bigint   NOT NULL,
    room          text     NOT NULL,
    shard         smallint NOT NULL REFERENCES parlour.shard,
    first_pos     bigint   NOT NULL,
    seq           bigint   NOT NULL,
    hash          bytea    NOT NULL CHECK (octet_length(hash) = 32),
    last_event_at bigint   NOT NULL,
    open          boolean  NOT NULL,
    versions      jsonb    NOT NULL
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX log_calls ON parlour.log (app, room, first_pos);
COMMENT ON COLUMN parlour.log.first_pos IS 'the shard position of its first event, which orders the calls of a room';
COMMENT ON COLUMN parlour.log.seq IS 'of the last event';
COMMENT ON COLUMN parlour.log.hash IS 'of the last event';
COMMENT ON COLUMN parlour.log.last_event_at IS 'unix microseconds';
COMMENT ON COLUMN parlour.log.versions IS 'how many events each aggregate has';

-- The events. room_uid is a UUIDv7, so a range of it is a range of time and a month can be detached whole.
CREATE TABLE parlour.event (
    room_uid    uuid     NOT NULL,
    seq         bigint   NOT NULL,
    shard       smallint NOT NULL,
    pos         bigint   NOT NULL,
    appended_at bigint   NOT NULL,
    aggregate   text     NOT NULL,
    version     bigint   NOT NULL,
    type        text     NOT NULL,
    audience    smallint NOT NULL CHECK (audience BETWEEN 0 AND 2),
    env         bytea    NOT NULL,
    prev        bytea    NOT NULL,
    hash        bytea    NOT NULL,
    PRIMARY KEY (room_uid, seq)
) PARTITION BY RANGE (room_uid);
CREATE INDEX event_shard ON parlour.event (shard, pos);
COMMENT ON COLUMN parlour.event.appended_at IS 'unix microseconds';
COMMENT ON COLUMN parlour.event.audience IS '0: members of the room, 1: the people whom it names, 2: auditors';
COMMENT ON COLUMN parlour.event.env IS 'the bytes that are hashed: compact JSON, personal texts sealed';
COMMENT ON COLUMN parlour.event.prev IS 'the hash of the event before';
COMMENT ON COLUMN parlour.event.hash IS 'parlour.event_hash(prev, seq, appended_at, env); parlour.verify(room_uid) checks a chain';
CREATE TABLE parlour.event_default PARTITION OF parlour.event DEFAULT;

-- What a command answered, so that the same command again answers the same. Kept 24 hours.
CREATE TABLE parlour.command (
    app          bigint NOT NULL,
    command_id   uuid   NOT NULL,
    principal    text   NOT NULL,
    digest       bytea  NOT NULL,
    answer       bytea  NOT NULL,
    places       bytea  NOT NULL,
    completed_at bigint NOT NULL,
    PRIMARY KEY (app, command_id)
);
CREATE INDEX command_age ON parlour.command USING brin (completed_at);
COMMENT ON COLUMN parlour.command.places IS '24 bytes for each event that it appended: uuid_send(room_uid) || int8send(seq)';
COMMENT ON COLUMN parlour.command.completed_at IS 'unix microseconds';

-- Rows that make something unique: a room's open call (open_room), a user's session (client_session), a published stream (live_stream).
CREATE TABLE parlour.claim (
    kind   text   NOT NULL,
    app    bigint NOT NULL,
    key    text   NOT NULL,
    slot   text   NOT NULL,
    holder text   NOT NULL,
    PRIMARY KEY (kind, app, key, slot)
);

-- What a service wants to be reminded of.
CREATE TABLE parlour.deadline (
    service      text   NOT NULL,
    key          text   NOT NULL,
    due_at       bigint NOT NULL,
    body         bytea  NOT NULL,
    leased_until bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (service, key)
);
CREATE INDEX deadline_due ON parlour.deadline (service, due_at);
COMMENT ON COLUMN parlour.deadline.due_at IS 'unix microseconds';
COMMENT ON COLUMN parlour.deadline.leased_until IS 'unix microseconds: until then one process handles it, and the others do not see it';

-- How far a reader has come in each shard.
CREATE TABLE parlour.cursor (
    reader text     NOT NULL,
    shard  smallint NOT NULL,
    pos    bigint   NOT NULL,
    PRIMARY KEY (reader, shard)
) WITH (fillfactor = 50);

-- Which aggregates a role may append to.
CREATE TABLE parlour.role_aggregate (
    role      name NOT NULL,
    aggregate text NOT NULL,
    PRIMARY KEY (role, aggregate)
);

-- Events that somebody wrote behind a log's head. The head says what the log is: no reader is given them, and the next append finds its
-- place taken and moves them here.
CREATE TABLE parlour.stray_event (
    LIKE parlour.event,
    found_at bigint NOT NULL
);
COMMENT ON TABLE parlour.stray_event IS 'rows that stood behind a log''s head and were never part of it, kept as evidence';
COMMENT ON COLUMN parlour.stray_event.found_at IS 'unix microseconds';

-- Events that a reader of the record skipped because it could not read them: somebody changed them in the database, or they are of a
-- type that this version does not know. parlour.verify says which of the two.
CREATE TABLE parlour.damaged (
    room_uid uuid   NOT NULL,
    seq      bigint NOT NULL,
    reader   text   NOT NULL,
    type     text   NOT NULL,
    problem  text   NOT NULL,
    found_at bigint NOT NULL,
    PRIMARY KEY (room_uid, seq, reader)
);
COMMENT ON COLUMN parlour.damaged.reader IS 'who skipped it: history, or webhook/<endpoint>';
COMMENT ON COLUMN parlour.damaged.found_at IS 'unix microseconds: when it was first skipped';
