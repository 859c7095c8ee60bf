-- The hash of an event, which chains it to the one before: `prev` is that one's hash, 32 zero bytes for the first of a log.
CREATE OR REPLACE FUNCTION parlour.event_hash(prev bytea, seq bigint, appended_at bigint, env bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256('parlour.ev.1'::bytea || prev || int8send(seq) || int8send(appended_at) || sha256(env))
$$;
