-- The advisory lock that guards a claim or a deadline: one of 1024, in a class that keeps them apart from other programs' locks.
CREATE OR REPLACE FUNCTION parlour.key_lock(kind text, app bigint, key text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (20334::bigint << 32) | (hashtextextended(kind || '/' || app || '/' || key, 0) & 1023)
$$;
