-- From now on queries are answered by this generation.
CREATE OR REPLACE FUNCTION history.activate(of_number int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('history.begin'));
    UPDATE history.generation g SET active = false WHERE g.active AND g.number <> of_number;
    UPDATE history.generation g SET active = true WHERE g.number = of_number;
END
$$;
