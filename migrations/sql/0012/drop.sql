-- Exported, then dropped. Events are never deleted one by one: a month's partition is taken away whole. What must stay (apps' own logs,
-- rooms that are open or were until lately) is copied into its successor, byte for byte, in the same transaction.

-- Notes a file that is written: all lives of the month that were over before the moment are in it. Gives its number.
CREATE FUNCTION parlour.note_archive(
    of_month text, of_before_us bigint, of_file text, of_sha256 bytea, of_size bigint, of_events bigint, of_by text, at_us bigint
) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made int;
BEGIN
    INSERT INTO parlour.archive (month, before_us, file, sha256, size, lives, events, by, exported_at)
        VALUES (of_month, of_before_us, of_file, of_sha256, of_size, 0, of_events, of_by, at_us) RETURNING number INTO made;
    INSERT INTO parlour.archived (archive, room_uid, app, room, p, born, seq, hash, at)
        SELECT made, g.uid, g.app, g.room, g.p, g.born, g.seq, g.hash, g.at
          FROM parlour.ended_lives(of_month, of_before_us, '00000000-0000-0000-0000-000000000000', 9223372036854775807) g;
    UPDATE parlour.archive a SET lives = (SELECT count(*) FROM parlour.archived d WHERE d.archive = made) WHERE a.number = made;
    RETURN made;
END
$$;

-- A file that is not good enough: nothing is dropped for it, ever.
CREATE FUNCTION parlour.refuse_archive(of_number int, of_problem text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE parlour.archive a SET problem = of_problem WHERE a.number = of_number AND a.dropped_at IS NULL
$$;

-- How many holds were ever placed: more than before means that one must be looked at.
CREATE FUNCTION parlour.holds_placed() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FROM parlour.log g JOIN parlour.event e ON e.room_uid = g.uid WHERE g.room = '' AND e.type = 'app.hold_placed.v1'
$$;

-- Drops the lives of a file from the log. False: that was done before. Whoever calls it has verified the file; everything else is checked
-- here. Appends wait only while the partitions change places, and it gives up (lock_not_available) rather than keep them waiting for long.
CREATE FUNCTION parlour.drop_archived(of_number int) RETURNS boolean
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
    SELECT string_agg(concat_ws(' ', b.kind, nullif(b.app, 0), b.what), ', ') INTO against FROM parlour.retention_blockers(a.month, a.before_us) b;
    IF against IS NOT NULL THEN
        RAISE EXCEPTION '%', against USING ERRCODE = 'object_in_use';
    END IF;
    child := 'event_' || a.month; heir := child || '_heir';
    SELECT pg_get_expr(c.relpartbound, c.oid), pg_get_partition_constraintdef(c.oid) INTO bound, within
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'parlour.event'::regclass AND c.relname = child;

    -- most of what stays is copied while others write
    EXECUTE format('SELECT array_agg(coalesce((SELECT max(e.pos) FROM parlour.%I e WHERE e.p = s.p), 0) ORDER BY s.p) FROM parlour.shard s', child)
        INTO seen;
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
    EXECUTE format('INSERT INTO parlour.%I SELECT e.* FROM unnest($2) WITH ORDINALITY AS s(pos, n) JOIN parlour.%I e ON e.p = s.n - 1 AND e.pos > s.pos '
        'WHERE NOT EXISTS (SELECT FROM parlour.archived d WHERE d.archive = $1 AND d.room_uid = e.room_uid) ON CONFLICT DO NOTHING', heir, child)
        USING of_number, seen;
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

-- Takes the lives of a dropped file out of every generation of history, where their rows would say more than the record can show.
CREATE FUNCTION parlour.forget_archived(of_number int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'room_uid'
         WHERE n.nspname ~ '^history_[0-9]+$' AND c.relkind IN ('p', 'r') AND NOT c.relispartition
    LOOP
        EXECUTE format('DELETE FROM %s h USING parlour.archived d WHERE d.archive = $1 AND d.room_uid = h.room_uid', place.name) USING of_number;
    END LOOP;
    UPDATE parlour.archive a SET forgotten = true WHERE a.number = of_number AND a.dropped_at IS NOT NULL;
END
$$;

-- Of a life that was archived its file; otherwise as before.
ALTER FUNCTION parlour.verify(uuid) RENAME TO verify_chain;
CREATE FUNCTION parlour.verify(of_room uuid)
RETURNS TABLE (room_uid uuid, ok boolean, events bigint, broken_seq bigint, problem text, head_hash text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM parlour.log g WHERE g.uid = of_room) THEN
        SELECT of_room, NULL, 0, NULL, format('archived in %s (sha256 %s): verify that file', a.file, encode(a.sha256, 'hex')), encode(d.hash, 'hex')
          INTO room_uid, ok, events, broken_seq, problem, head_hash
          FROM parlour.archived d JOIN parlour.archive a ON a.number = d.archive
         WHERE d.room_uid = of_room AND a.dropped_at IS NOT NULL;
        IF FOUND THEN
            RETURN NEXT; RETURN;
        END IF;
    END IF;
    RETURN QUERY SELECT * FROM parlour.verify_chain(of_room);
END
$$;
