-- Quality samples: what relays measured of each medium in ten seconds. No events: they are not in the log, are not made again with the
-- projections, and are kept for a bounded time. Partitions are months of `at`, so that what is old goes with its partition.

CREATE SEQUENCE history.quality_n;
CREATE TABLE history.quality (
    room_uid  uuid    NOT NULL,
    at        bigint  NOT NULL,
    n         bigint  NOT NULL DEFAULT nextval('history.quality_n'),
    took_ms   int     NOT NULL,
    stream_id text    NOT NULL,
    session_id text   NOT NULL,
    publishes boolean NOT NULL,
    kind      text    NOT NULL,
    node      text    NOT NULL,
    packets   bigint  NOT NULL,
    bytes     bigint  NOT NULL,
    expected  bigint,
    lost      bigint,
    jitter_us bigint,
    rtt_us    bigint,
    nacks     bigint  NOT NULL,
    plis      bigint  NOT NULL,
    keyframes bigint  NOT NULL,
    PRIMARY KEY (room_uid, at, n)
) PARTITION BY RANGE (at);
COMMENT ON COLUMN history.quality.at IS 'unix microseconds: the beginning of the ten seconds, by the clock of the node';

-- Makes the partitions from the month before this one to `ahead` months later.
CREATE FUNCTION history.make_quality_partitions(ahead int) RETURNS void
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

-- Drops the months that ended before `before` (unix microseconds); gives their partitions' names.
CREATE FUNCTION history.drop_quality(before bigint) RETURNS SETOF text
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

SELECT history.make_quality_partitions(4);

GRANT SELECT, INSERT ON history.quality TO parlour_record;
GRANT USAGE ON SEQUENCE history.quality_n TO parlour_record;
REVOKE ALL ON FUNCTION history.make_quality_partitions(int), history.drop_quality(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION history.make_quality_partitions(int), history.drop_quality(bigint) TO parlour_record;
