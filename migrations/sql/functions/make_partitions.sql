-- Makes the monthly partitions from the month of `start` to `ahead` months later; gives the names of the new ones.
-- A month that the default partition already holds rows of stays there.
CREATE OR REPLACE FUNCTION parlour.make_partitions(ahead int, start timestamptz DEFAULT now()) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month  timestamp := date_trunc('month', start AT TIME ZONE 'UTC');
    lowest uuid;
    above  uuid;
    child  text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parlour.make_partitions'));
    FOR i IN 0 .. ahead LOOP
        lowest := parlour.uuid_floor((month + make_interval(months => i)) AT TIME ZONE 'UTC');
        above := parlour.uuid_floor((month + make_interval(months => i + 1)) AT TIME ZONE 'UTC');
        child := 'event_' || to_char(month + make_interval(months => i), 'YYYY_MM');
        CONTINUE WHEN to_regclass('parlour.' || child) IS NOT NULL;
        CONTINUE WHEN EXISTS (SELECT FROM parlour.event_default WHERE room_uid >= lowest AND room_uid < above);
        EXECUTE format('CREATE TABLE parlour.%I PARTITION OF parlour.event FOR VALUES FROM (%L) TO (%L)', child, lowest, above);
        RETURN NEXT child;
    END LOOP;
END
$$;
