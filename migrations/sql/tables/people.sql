-- People's keys, and who was erased.

-- `lookup` is an HMAC of the user id; `wrapped_key` is the person's key under the master key and `sealed_user_id` the user id under the
-- person's key, each nonce || ciphertext. Deleting a row erases the person from the whole record.
CREATE TABLE parlour.person (
    actor          uuid   PRIMARY KEY,
    app            bigint NOT NULL,
    lookup         bytea  NOT NULL,
    wrapped_key    bytea  NOT NULL,
    sealed_user_id bytea  NOT NULL,
    UNIQUE (app, lookup)
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
-- Vacuum removes the bytes of a deleted key from the table's file about a minute after an erasure. By the usual thresholds (50 dead rows
-- and a fifth of the table) they would stay for years where few people are erased. Only erasures make dead rows here.

-- Who was erased lately: every process that keeps keys looks here once a second, in case the event did not reach it.
CREATE TABLE parlour.erasure (
    actor     uuid        PRIMARY KEY,
    erased_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX erasure_age ON parlour.erasure (erased_at);
