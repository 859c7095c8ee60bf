-- Drops a generation that does not answer.
CREATE OR REPLACE FUNCTION history.drop(of_number int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('history.begin'));
    DELETE FROM history.generation g WHERE g.number = of_number AND NOT g.active;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP SCHEMA %I CASCADE', 'history_' || of_number);
    RETURN true;
END
$$;
