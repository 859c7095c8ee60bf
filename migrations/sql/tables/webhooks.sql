-- Webhooks: endpoints, their secrets, and how far each is delivered. Events are never copied here: what is sent is read from the log.

CREATE TABLE parlour.webhook (
    id           uuid    PRIMARY KEY,
    app          bigint  NOT NULL,
    url          text    NOT NULL,
    rooms        text[]  NOT NULL,
    types        text[]  NOT NULL,
    audit        boolean NOT NULL,
    format       text    NOT NULL,
    enabled      boolean NOT NULL,
    reason       text    NOT NULL,
    created_s    bigint  NOT NULL,
    owner        text    NOT NULL DEFAULT '',
    leased_until bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX webhook_app ON parlour.webhook (app);
COMMENT ON COLUMN parlour.webhook.reason IS 'why it is disabled';
COMMENT ON COLUMN parlour.webhook.leased_until IS 'unix microseconds: until then only the process `owner` delivers to it';

-- `sealed` is nonce || AES-256-GCM under a key derived from the master key, bound to the endpoint. The newest signs for ever.
CREATE TABLE parlour.webhook_secret (
    endpoint uuid   NOT NULL REFERENCES parlour.webhook ON DELETE CASCADE,
    number   int    NOT NULL,
    sealed   bytea  NOT NULL,
    until_s  bigint,
    PRIMARY KEY (endpoint, number)
);

CREATE TABLE parlour.webhook_cursor (
    endpoint uuid     NOT NULL REFERENCES parlour.webhook ON DELETE CASCADE,
    p        smallint NOT NULL,
    pos      bigint   NOT NULL,
    PRIMARY KEY (endpoint, p)
) WITH (fillfactor = 50);

-- A room that lags (to_seq null), or a range that is sent again. Events after after_seq are to be delivered.
CREATE TABLE parlour.webhook_lane (
    endpoint  uuid             NOT NULL REFERENCES parlour.webhook ON DELETE CASCADE,
    id        uuid             NOT NULL,
    room_uid  uuid             NOT NULL,
    p         smallint         NOT NULL,
    after_seq bigint           NOT NULL,
    to_seq    bigint,
    attempts  int              NOT NULL DEFAULT 0,
    since_s   double precision,
    due_s     double precision NOT NULL DEFAULT 0,
    error     text             NOT NULL DEFAULT '',
    PRIMARY KEY (endpoint, id)
);

-- Events that were tried for days and then given up.
CREATE TABLE parlour.webhook_dead (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint  uuid   NOT NULL REFERENCES parlour.webhook ON DELETE CASCADE,
    room_uid  uuid   NOT NULL,
    first_seq bigint NOT NULL,
    last_seq  bigint NOT NULL,
    at        bigint NOT NULL,
    error     text   NOT NULL
);
CREATE INDEX webhook_dead_of ON parlour.webhook_dead (endpoint, number);

-- One row for each attempt, kept for a while.
CREATE TABLE parlour.webhook_delivery (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint   uuid   NOT NULL REFERENCES parlour.webhook ON DELETE CASCADE,
    webhook_id text   NOT NULL,
    type       text   NOT NULL,
    at         bigint NOT NULL,
    attempt    int    NOT NULL,
    status     int    NOT NULL,
    took_ms    int    NOT NULL,
    error      text   NOT NULL
);
CREATE INDEX webhook_delivery_of ON parlour.webhook_delivery (endpoint, number);
CREATE INDEX webhook_delivery_age ON parlour.webhook_delivery USING brin (at);
