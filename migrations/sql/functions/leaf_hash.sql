CREATE OR REPLACE FUNCTION parlour.leaf_hash(of_room uuid, of_seq bigint, of_head bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT sha256('\x00'::bytea || 'parlour.head.1'::bytea || uuid_send(of_room) || int8send(of_seq) || of_head)
$$;
