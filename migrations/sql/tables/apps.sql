-- Apps and their secrets.

-- Which apps there are, and the bytes of their secrets. What is true of an app (its name, which secrets are valid until when) stands in its
-- own log; a row here without that log counts for nothing.
CREATE TABLE parlour.app (
    app        bigint PRIMARY KEY CHECK (app BETWEEN 1 AND 4294967295),
    name       text   NOT NULL,
    created_at bigint NOT NULL
);
COMMENT ON COLUMN parlour.app.created_at IS 'unix microseconds';

-- `sealed` is nonce || AES-256-GCM of the 32 characters, under a key derived from the master key, bound to app and secret_id.
CREATE TABLE parlour.app_secret (
    secret_id uuid   PRIMARY KEY,
    app       bigint NOT NULL REFERENCES parlour.app,
    sealed    bytea  NOT NULL
);
CREATE INDEX app_secret_app ON parlour.app_secret (app);
