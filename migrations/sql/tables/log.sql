-- The event log. Only the functions of `functions/` write these tables; who may call them is in `grants.sql`.

CREATE SCHEMA IF NOT EXISTS parlour;

-- The last position given in each shard. The row lock is what makes position order the order of commits.
CREATE TABLE parlour.shard (
    p   smallint PRIMARY KEY CHECK (p BETWEEN 0 AND 255),
    pos bigint   NOT NULL DEFAULT 0
) WITH (fillfactor = 25, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
INSERT INTO parlour.shard (p) SELECT generate_series(0, 255);

-- One life of a room, or an app's own log (room ''). `born` is the shard position of its first event: it orders the lives of a name.
CREATE TABLE parlour.log (
    uid      uuid     PRIMARY KEY,
    app      bigint   NOT NULL,
    room     text     NOT NULL,
    p        smallint NOT NULL REFERENCES parlour.shard,
    born     bigint   NOT NULL,
    seq      bigint   NOT NULL,
    hash     bytea    NOT NULL CHECK (octet_length(hash) = 32),
    at       bigint   NOT NULL,
    open     boolean  NOT NULL,
    versions jsonb    NOT NULL
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX log_lives ON parlour.log (app, room, born);
COMMENT ON COLUMN parlour.log.at IS 'unix microseconds of the last event';

-- The events. room_uid is a UUIDv7, so a range of it is a range of time and a month can be detached whole.
CREATE TABLE parlour.event (
    room_uid  uuid     NOT NULL,
    seq       bigint   NOT NULL,
    p         smallint NOT NULL,
    pos       bigint   NOT NULL,
    at        bigint   NOT NULL,
    aggregate text     NOT NULL,
    version   bigint   NOT NULL,
    type      text     NOT NULL,
    audience  smallint NOT NULL,
    env       bytea    NOT NULL,
    prev      bytea    NOT NULL,
    hash      bytea    NOT NULL,
    PRIMARY KEY (room_uid, seq)
) PARTITION BY RANGE (room_uid);
CREATE INDEX event_shard ON parlour.event (p, pos);
COMMENT ON COLUMN parlour.event.at IS 'unix microseconds';
COMMENT ON COLUMN parlour.event.env IS 'the bytes that are hashed: compact JSON, personal texts sealed';
COMMENT ON COLUMN parlour.event.hash IS
    'sha256(''parlour.ev.1'' || prev || int8send(seq) || int8send(at) || sha256(env)); parlour.verify(room_uid) checks a chain';
CREATE TABLE parlour.event_default PARTITION OF parlour.event DEFAULT;

-- What a command answered, so that the same command again answers the same. Kept 24 hours.
-- `places` is 24 bytes for each event that it appended: uuid_send(room_uid) || int8send(seq).
CREATE TABLE parlour.command (
    app        bigint NOT NULL,
    command_id uuid   NOT NULL,
    principal  text   NOT NULL,
    digest     bytea  NOT NULL,
    answer     bytea  NOT NULL,
    places     bytea  NOT NULL,
    at         bigint NOT NULL,
    PRIMARY KEY (app, command_id)
);
CREATE INDEX command_age ON parlour.command USING brin (at);

-- Rows that make something unique.
CREATE TABLE parlour.claim (
    kind   text   NOT NULL,
    app    bigint NOT NULL,
    key    text   NOT NULL,
    slot   text   NOT NULL,
    holder text   NOT NULL,
    PRIMARY KEY (kind, app, key, slot)
);

-- What a service wants to be reminded of. `leased_until` (unix microseconds) hides a row from others while one handles it.
CREATE TABLE parlour.deadline (
    service      text   NOT NULL,
    key          text   NOT NULL,
    due_at       bigint NOT NULL,
    body         bytea  NOT NULL,
    leased_until bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (service, key)
);
CREATE INDEX deadline_due ON parlour.deadline (service, due_at);

-- How far a reader has come in each shard.
CREATE TABLE parlour.cursor (
    reader text     NOT NULL,
    p      smallint NOT NULL,
    pos    bigint   NOT NULL,
    PRIMARY KEY (reader, p)
) WITH (fillfactor = 50);

-- Which aggregates a role may append to.
CREATE TABLE parlour.role_aggregate (
    role      name NOT NULL,
    aggregate text NOT NULL,
    PRIMARY KEY (role, aggregate)
);

-- Events that somebody put behind a log's head. The head says what the log is: nobody reads them, and the next append finds their place taken.
CREATE TABLE parlour.stray_event (
    LIKE parlour.event,
    found_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE parlour.stray_event IS 'rows that stood behind a log''s head and were never part of it, kept as evidence';

-- Events that a reader of the record went past because it could not read them: somebody changed them in the database, or they are of a
-- type that this version does not know. parlour.verify says which of the two.
CREATE TABLE parlour.damaged (
    room_uid uuid   NOT NULL,
    seq      bigint NOT NULL,
    reader   text   NOT NULL,
    type     text   NOT NULL,
    problem  text   NOT NULL,
    at       bigint NOT NULL,
    PRIMARY KEY (room_uid, seq, reader)
);
COMMENT ON COLUMN parlour.damaged.reader IS 'who went past: history, or webhook/<endpoint>';
COMMENT ON COLUMN parlour.damaged.at IS 'unix microseconds: when it was first gone past';
