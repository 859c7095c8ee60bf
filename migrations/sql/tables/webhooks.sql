-- Webhooks: endpoints, their secrets, and how far each is delivered. Events are never copied here: what is sent is read from the log.

CREATE TABLE parlour.webhook (
    id           uuid    PRIMARY KEY,
    app          bigint  NOT NULL,
    url          text    NOT NULL,
    rooms        text[]  NOT NULL,
    types        text[]  NOT NULL,
    audit        boolean NOT NULL,
    format       text    NOT NULL CHECK (format IN ('cloudevents', 'callbacks')),
    enabled      boolean NOT NULL,
    reason       text    NOT NULL,
    created_at   bigint  NOT NULL,
    owner        text    NOT NULL DEFAULT '',
    leased_until bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX webhook_app ON parlour.webhook (app);
COMMENT ON COLUMN parlour.webhook.created_at IS 'unix microseconds';
COMMENT ON COLUMN parlour.webhook.reason IS 'why it is disabled';
COMMENT ON COLUMN parlour.webhook.leased_until IS 'unix microseconds: until then only the process `owner` delivers to it';

-- `sealed` is nonce || AES-256-GCM under a key derived from the master key, bound to the endpoint. The newest has no `valid_until` (unix
-- microseconds); the one before it signs beside it until then.
CREATE TABLE parlour.webhook_secret (
    endpoint    uuid   NOT NULL REFERENCES parlour.webhook ON DELETE CASCADE,
    number      int    NOT NULL,
    sealed      bytea  NOT NULL,
    valid_until bigint,
    PRIMARY KEY (endpoint, number)
);

CREATE TABLE parlour.webhook_cursor (
    endpoint uuid     NOT NULL REFERENCES parlour.webhook ON DELETE CASCADE,
    shard    smallint NOT NULL,
    pos      bigint   NOT NULL,
    PRIMARY KEY (endpoint, shard)
) WITH (fillfactor = 50);

-- A room that lags (to_seq null), or a range that is sent again. Events after after_seq are to be delivered.
CREATE TABLE parlour.webhook_backlog (
    endpoint      uuid     NOT NULL REFERENCES parlour.webhook ON DELETE CASCADE,
    id            uuid     NOT NULL,
    room_uid      uuid     NOT NULL,
    shard         smallint NOT NULL,
    after_seq     bigint   NOT NULL,
    to_seq        bigint,
    attempts      int      NOT NULL DEFAULT 0,
    failing_since bigint,
    due_at        bigint   NOT NULL DEFAULT 0,
    error         text     NOT NULL DEFAULT '',
    PRIMARY KEY (endpoint, id)
);
COMMENT ON COLUMN parlour.webhook_backlog.failing_since IS 'unix microseconds: the first of the attempts that failed';
COMMENT ON COLUMN parlour.webhook_backlog.due_at IS 'unix microseconds: no attempt is made before';

-- Events that were tried for days and then given up.
CREATE TABLE parlour.webhook_dead (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint    uuid   NOT NULL REFERENCES parlour.webhook ON DELETE CASCADE,
    room_uid    uuid   NOT NULL,
    first_seq   bigint NOT NULL,
    last_seq    bigint NOT NULL,
    given_up_at bigint NOT NULL,
    error       text   NOT NULL
);
COMMENT ON COLUMN parlour.webhook_dead.given_up_at IS 'unix microseconds';
CREATE INDEX webhook_dead_endpoint ON parlour.webhook_dead (endpoint, number);

-- One row for each attempt, kept for a while.
CREATE TABLE parlour.webhook_delivery (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint     uuid   NOT NULL REFERENCES parlour.webhook ON DELETE CASCADE,
    webhook_id   text   NOT NULL,
    type         text   NOT NULL,
    attempted_at bigint NOT NULL,
    attempt      int    NOT NULL,
    status       int    NOT NULL,
    took_ms      int    NOT NULL,
    error        text   NOT NULL
);
COMMENT ON COLUMN parlour.webhook_delivery.attempted_at IS 'unix microseconds';
COMMENT ON COLUMN parlour.webhook_delivery.took_ms IS 'milliseconds';
CREATE INDEX webhook_delivery_endpoint ON parlour.webhook_delivery (endpoint, number);
CREATE INDEX webhook_delivery_age ON parlour.webhook_delivery USING brin (attempted_at);
