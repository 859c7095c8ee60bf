-- The root over a power of two of neighbours.
CREATE OR REPLACE FUNCTION parlour.merkle_fold(hashes bytea[]) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wide int := cardinality(hashes);
BEGIN
    WHILE wide > 1 LOOP
        wide := wide / 2;
        FOR i IN 1 .. wide LOOP
            hashes[i] := sha256('\x01'::bytea || hashes[2 * i - 1] || hashes[2 * i]);
        END LOOP;
    END LOOP;
    RETURN hashes[1];
END
$$;
