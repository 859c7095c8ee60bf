-- What parlour.append takes and gives back.

-- A log that a call writes to. A call names each of its logs once; changes point to them by number, from 1.
CREATE TYPE parlour.append_log AS (uid uuid, app bigint, room text, shard smallint);

-- `env` are the final bytes, which are hashed.
CREATE TYPE parlour.append_event AS (type text, audience smallint, env bytea);

-- Events of one aggregate of one log. `expected_version` is the aggregate's version before them, null: not checked. `creates` begins the
-- log, `closes` ends it. The aggregate `head` without events is a condition on the log's last seq.
CREATE TYPE parlour.append_change AS (
    log_number int, aggregate text, expected_version bigint, creates boolean, closes boolean, event_count int
);

-- `operation` is take, release or require; `at_most` is how many slots of the key may be taken.
CREATE TYPE parlour.append_claim AS (operation text, kind text, app bigint, key text, holder text, slot text, at_most int);

-- `due_at` in unix microseconds; null clears the deadline.
CREATE TYPE parlour.append_deadline AS (service text, key text, due_at bigint, body bytea);

-- One command's outcome: all of it is committed or nothing. `twin` is the number (from 1) of the last unit before it in the same call that
-- has the same command id, or 0.
CREATE TYPE parlour.append_unit AS (
    app bigint, command_id uuid, principal text, digest bytea, answer bytea,
    change_count int, event_count int, claim_count int, deadline_count int, twin int
);

-- What became of a unit. `outcome` is committed, duplicate (`answer` and `places` are those of the first time), conflict (`failed` is the
-- number of the change, `version` the aggregate's version) or refused (`reason`; `failed` is the number of the claim, `holder` who has it).
CREATE TYPE parlour.append_result AS (
    outcome text, failed int, version bigint, reason text, holder text, answer bytea, places bytea
);

-- What the database gave to an appended event.
CREATE TYPE parlour.append_position AS (seq bigint, appended_at bigint, pos bigint, version bigint, prev bytea, hash bytea);
