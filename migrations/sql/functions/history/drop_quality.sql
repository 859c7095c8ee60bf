-- Drops the months that ended before `before` (unix microseconds); gives their partitions' names.
CREATE OR REPLACE FUNCTION history.drop_quality(before bigint) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    child name;
    above timestamp;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('history.quality'));
    FOR child IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'history.quality'::regclass
    LOOP
        above := to_date(substr(child, 9), 'YYYY_MM') + interval '1 month';
        CONTINUE WHEN (extract(epoch FROM above) * 1000000)::bigint > before;
        EXECUTE format('DROP TABLE history.%I', child);
        RETURN NEXT child;
    END LOOP;
END
$$;
