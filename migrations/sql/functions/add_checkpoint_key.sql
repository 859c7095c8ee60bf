-- A new key signs from now on; the ones before it sign beside it until `overlap_us` from now.
CREATE OR REPLACE FUNCTION parlour.add_checkpoint_key(
    of_public bytea, of_name text, of_sealed bytea, now_us bigint, overlap_us bigint
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parlour.checkpoint_key'));
    UPDATE parlour.checkpoint_key k SET retired_at = now_us + overlap_us WHERE k.retired_at = 0;
    INSERT INTO parlour.checkpoint_key (public, name, sealed, made_at) VALUES (of_public, of_name, of_sealed, now_us);
END
$$;
