-- What an envelope says of itself; null where it is not an envelope at all.
CREATE OR REPLACE FUNCTION parlour.envelope(env bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN convert_from(env, 'UTF8')::jsonb;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;
