-- Makes the partitions from the month before this one to `ahead` months later.
CREATE OR REPLACE FUNCTION history.make_quality_partitions(ahead int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    month timestamp;
    child text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('history.quality'));
    FOR i IN -1 .. ahead LOOP
        month := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i);
        child := 'quality_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass('history.' || child) IS NOT NULL;
        EXECUTE format('CREATE TABLE history.%I PARTITION OF history.quality FOR VALUES FROM (%s) TO (%s)', child,
            (extract(epoch FROM month) * 1000000)::bigint, (extract(epoch FROM month + interval '1 month') * 1000000)::bigint);
    END LOOP;
END
$$;
