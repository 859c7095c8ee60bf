-- Drops the calls of a file from the log. False: that was done before. Whoever calls it has verified the file; everything else is checked
-- here. Appends wait only while the partitions change places, and it gives up (lock_not_available) rather than keep them waiting for long.
CREATE OR REPLACE FUNCTION parlour.drop_archived(of_number int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    a       parlour.archive%ROWTYPE;
    child   text;
    heir    text;
    bound   text;
    within  text;
    against text;
    holds   bigint := parlour.holds_placed();
    seen    bigint[];
    staying boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parlour.make_partitions'));
    SELECT * INTO a FROM parlour.archive x WHERE x.number = of_number FOR UPDATE;
    IF NOT FOUND OR a.problem <> '' THEN
        RAISE EXCEPTION 'there is no such archive, or it was refused' USING ERRCODE = 'invalid_parameter_value';
    ELSIF a.dropped_at IS NOT NULL THEN
        RETURN false;
    END IF;
    SELECT string_agg(concat_ws(' ', b.kind, nullif(b.app, 0), b.what), ', ') INTO against
      FROM parlour.retention_blockers(a.month, a.before_us) b;
    IF against IS NOT NULL THEN
        RAISE EXCEPTION '%', against USING ERRCODE = 'object_in_use';
    END IF;
    child := 'event_' || a.month; heir := child || '_heir';
    SELECT pg_get_expr(c.relpartbound, c.oid), pg_get_partition_constraintdef(c.oid) INTO bound, within
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'parlour.event'::regclass AND c.relname = child;

    -- most of what stays is copied while others write
    EXECUTE format('SELECT array_agg(coalesce((SELECT max(e.pos) FROM parlour.%I e WHERE e.shard = s.shard), 0) ORDER BY s.shard) '
        'FROM parlour.shard s', child) INTO seen;
    EXECUTE format('CREATE TABLE parlour.%I (LIKE parlour.%I INCLUDING ALL)', heir, child);
    EXECUTE format('INSERT INTO parlour.%I SELECT e.* FROM parlour.%I e '
        'WHERE NOT EXISTS (SELECT FROM parlour.archived d WHERE d.archive = $1 AND d.room_uid = e.room_uid)', heir, child) USING of_number;
    EXECUTE format('ALTER TABLE parlour.%I ADD CONSTRAINT of_month CHECK (%s)', heir, within);

    LOCK TABLE ONLY parlour.event IN ACCESS EXCLUSIVE MODE;
    IF holds <> parlour.holds_placed() THEN
        RAISE EXCEPTION 'a hold was placed meanwhile' USING ERRCODE = 'object_in_use';
    END IF;
    IF EXISTS (SELECT FROM parlour.archived d LEFT JOIN parlour.log g ON g.uid = d.room_uid
                WHERE d.archive = of_number AND (g.uid IS NULL OR g.open OR g.seq <> d.seq OR g.hash <> d.hash)) THEN
        RAISE EXCEPTION 'a log is not as it was when it was exported' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('INSERT INTO parlour.%I SELECT e.* FROM unnest($2) WITH ORDINALITY AS s(pos, number) '
        'JOIN parlour.%I e ON e.shard = s.number - 1 AND e.pos > s.pos '
        'WHERE NOT EXISTS (SELECT FROM parlour.archived d WHERE d.archive = $1 AND d.room_uid = e.room_uid) ON CONFLICT DO NOTHING',
        heir, child) USING of_number, seen;
    EXECUTE format('SELECT EXISTS (SELECT FROM parlour.%I)', heir) INTO staying;
    EXECUTE format('ALTER TABLE parlour.event DETACH PARTITION parlour.%I', child);
    EXECUTE format('DROP TABLE parlour.%I', child);
    IF staying OR a.month = 'default' THEN
        EXECUTE format('ALTER TABLE parlour.%I RENAME TO %I', heir, child);
        EXECUTE format('ALTER TABLE parlour.event ATTACH PARTITION parlour.%I %s', child, bound);
        EXECUTE format('ALTER TABLE parlour.%I DROP CONSTRAINT of_month', child);
    ELSE
        EXECUTE format('DROP TABLE parlour.%I', heir);
    END IF;
    DELETE FROM parlour.log g USING parlour.archived d WHERE d.archive = of_number AND d.room_uid = g.uid;
    UPDATE parlour.archive x SET dropped_at = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint WHERE x.number = of_number;
    RETURN true;
END
$$;
