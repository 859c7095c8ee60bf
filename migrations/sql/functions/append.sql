-- Appends units. The arrays are columns: logs l_ (each once), units u_, their appends a_, the appends' events e_, claims c_ and
-- deadlines d_, in the order of the units; u_appends, u_claims, u_deadlines and a_events count the children of each parent.
-- u_twin is the index of the last earlier unit of this call with the same command id, or 0.
--
-- Gives for each unit o_code (0 committed, 1 duplicate, 2 conflict, 3 refused) with, as it applies, o_index (append or claim, counted
-- over the call), o_number (the aggregate's version), o_text (the reason), o_holder, o_answer, o_places; for each event its place, null
-- where its unit was not committed.
--
-- Rules:
-- 1. Every lock is taken before the first write: shard rows by p, then buckets of claims and deadlines by number. Two calls can't deadlock.
-- 2. A unit is checked wholly before it changes anything but claims, and its claims are put back if one is refused.
-- 3. Later units of a call see the earlier ones.
-- 4. One unit of one log takes plain statements, many take one statement of each sort: each is the faster there (see bench/log).
-- 5. A race for one command id between calls that share no shard ends in a unique violation of the whole call: the caller calls again.
CREATE OR REPLACE FUNCTION parlour.append(
    l_uid uuid[], l_app bigint[], l_room text[], l_p smallint[],
    u_app bigint[], u_command uuid[], u_principal text[], u_digest bytea[], u_answer bytea[], u_twin int[],
    u_appends int[], u_claims int[], u_deadlines int[],
    a_log int[], a_aggregate text[], a_expected bigint[], a_creates boolean[], a_closes boolean[], a_events int[],
    e_type text[], e_audience smallint[], e_env bytea[],
    c_op text[], c_kind text[], c_app bigint[], c_key text[], c_slot text[], c_holder text[], c_limit int[],
    d_service text[], d_key text[], d_due bigint[], d_body bytea[],
    OUT o_code smallint[], OUT o_index int[], OUT o_number bigint[], OUT o_text text[], OUT o_holder text[],
    OUT o_answer bytea[], OUT o_places bytea[],
    OUT r_seq bigint[], OUT r_at bigint[], OUT r_pos bigint[], OUT r_version bigint[], OUT r_prev bytea[], OUT r_hash bytea[]
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    bucket_class constant int := 20334;  -- keeps our advisory locks apart from anybody else's
    genesis constant bytea := decode(repeat('00', 32), 'hex');
    logs    constant int := cardinality(l_uid);
    units   constant int := cardinality(u_app);
    events  constant int := cardinality(e_type);
    clock   bigint;
    found_row record;
    -- the working state: shard positions by p + 1, logs by their index
    s_pos bigint[]; w_seq bigint[]; w_hash bytea[]; w_at bigint[]; w_open boolean[]; w_versions jsonb[]; w_born bigint[];
    w_touched boolean[]; w_new boolean[];
    -- the place of each event
    x_uid uuid[]; x_p smallint[]; x_aggregate text[];
    d_keep boolean[];
    -- cursors: the children of the unit at hand are first .. last
    a_first int := 1; a_last int := 0; e_first int := 1; c_first int := 1; c_last int := 0; d_first int := 1; d_last int := 0;
    alive boolean; is_open boolean; version bigint; e int; l int; pos bigint; at bigint; seq bigint; hash bytea; places bytea;
    held text; mine boolean; taken int; undo int[]; twin int;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'parlour.append needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF NOT pg_has_role(session_user, current_user, 'MEMBER') AND EXISTS (
        SELECT FROM unnest(a_aggregate, a_events) AS a(name, events) WHERE (a.name <> 'head' OR a.events > 0) AND NOT EXISTS (
            SELECT FROM parlour.role_aggregate r WHERE r.role = session_user AND r.aggregate = a.name)
    ) THEN
        RAISE EXCEPTION 'role % may not append to all of %', session_user, a_aggregate USING ERRCODE = 'insufficient_privilege';
    END IF;

    o_code := array_fill(NULL::smallint, ARRAY[units]);
    o_index := array_fill(NULL::int, ARRAY[units]);
    o_number := array_fill(NULL::bigint, ARRAY[units]);
    o_text := array_fill(NULL::text, ARRAY[units]);
    o_holder := o_text;
    o_answer := array_fill(NULL::bytea, ARRAY[units]);
    o_places := o_answer;
    r_seq := array_fill(NULL::bigint, ARRAY[events]);
    r_at := r_seq; r_pos := r_seq; r_version := r_seq;
    r_prev := array_fill(NULL::bytea, ARRAY[events]);
    r_hash := r_prev;
    x_uid := array_fill(NULL::uuid, ARRAY[events]);
    x_p := array_fill(NULL::smallint, ARRAY[events]);
    x_aggregate := array_fill(NULL::text, ARRAY[events]);
    d_keep := array_fill(false, ARRAY[cardinality(d_key)]);

    -- locks
    s_pos := array_fill(NULL::bigint, ARRAY[256]);
    IF logs = 1 THEN
        SELECT s.pos INTO pos FROM parlour.shard s WHERE s.p = l_p[1] FOR NO KEY UPDATE;
        s_pos[l_p[1] + 1] := pos;
    ELSE
        FOR found_row IN SELECT s.p, s.pos FROM parlour.shard s WHERE s.p = ANY (l_p) ORDER BY s.p FOR NO KEY UPDATE LOOP
            s_pos[found_row.p + 1] := found_row.pos;
        END LOOP;
    END IF;
    IF cardinality(c_op) = 1 AND cardinality(d_key) = 0 AND c_op[1] = 'require' THEN
        PERFORM pg_advisory_xact_lock_shared(bucket_class, (hashtextextended(c_kind[1] || '/' || c_app[1] || '/' || c_key[1], 0) & 1023)::int);
    ELSIF cardinality(c_op) + cardinality(d_key) > 0 THEN
        FOR found_row IN
            SELECT b.bucket, bool_or(b.alone) AS alone FROM (
                SELECT hashtextextended(c.kind || '/' || c.app || '/' || c.key, 0) & 1023 AS bucket, c.op <> 'require' AS alone
                  FROM unnest(c_op, c_kind, c_app, c_key) AS c(op, kind, app, key)
                UNION ALL
                SELECT hashtextextended('deadline/' || d.service || '/' || d.key, 0) & 1023, true FROM unnest(d_service, d_key) AS d(service, key)
            ) b GROUP BY b.bucket ORDER BY b.bucket
        LOOP
            IF found_row.alone THEN
                PERFORM pg_advisory_xact_lock(bucket_class, found_row.bucket::int);
            ELSE
                PERFORM pg_advisory_xact_lock_shared(bucket_class, found_row.bucket::int);
            END IF;
        END LOOP;
    END IF;
    clock := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

    -- the logs as they are now
    IF logs = 1 THEN
        SELECT g.seq, g.hash, g.at, g.open, g.versions, g.born INTO found_row FROM parlour.log g
         WHERE g.uid = l_uid[1] AND g.p = l_p[1] AND g.app = l_app[1] AND g.room = l_room[1];
        w_seq := ARRAY[found_row.seq]; w_hash := ARRAY[found_row.hash]; w_at := ARRAY[found_row.at]; w_open := ARRAY[found_row.open];
        w_versions := ARRAY[found_row.versions]; w_born := ARRAY[found_row.born];
    ELSE
        SELECT array_agg(g.seq ORDER BY i.i), array_agg(g.hash ORDER BY i.i), array_agg(g.at ORDER BY i.i), array_agg(g.open ORDER BY i.i),
               array_agg(g.versions ORDER BY i.i), array_agg(g.born ORDER BY i.i)
          INTO w_seq, w_hash, w_at, w_open, w_versions, w_born
          FROM generate_series(1, logs) AS i(i) LEFT JOIN parlour.log g
            ON g.uid = l_uid[i.i] AND g.p = l_p[i.i] AND g.app = l_app[i.i] AND g.room = l_room[i.i];
    END IF;
    w_touched := array_fill(false, ARRAY[logs]);
    w_new := w_touched;

    -- commands done before
    FOR found_row IN
        SELECT i.i, d.principal = u_principal[i.i] AND d.digest = u_digest[i.i] AS same, d.answer, d.places
          FROM generate_series(1, units) AS i(i) JOIN parlour.command d ON d.app = u_app[i.i] AND d.command_id = u_command[i.i]
    LOOP
        IF found_row.same THEN
            o_code[found_row.i] := 1; o_answer[found_row.i] := found_row.answer; o_places[found_row.i] := found_row.places;
        ELSE
            o_code[found_row.i] := 3; o_text[found_row.i] := 'command_id_reused';
        END IF;
    END LOOP;

    FOR u IN 1 .. units LOOP
        a_first := a_last + 1; a_last := a_last + u_appends[u];
        c_first := c_last + 1; c_last := c_last + u_claims[u];
        d_first := d_last + 1; d_last := d_last + u_deadlines[u];
        e := e_first;
        FOR a IN a_first .. a_last LOOP e_first := e_first + a_events[a]; END LOOP;

        -- the unit of this call that has done the same command, if one has
        twin := u_twin[u];
        WHILE twin > 0 AND o_code[twin] <> 0 LOOP twin := u_twin[twin]; END LOOP;
        IF twin > 0 AND o_code[u] IS NULL THEN
            IF u_principal[u] = u_principal[twin] AND u_digest[u] = u_digest[twin] THEN
                o_code[u] := 1; o_answer[u] := u_answer[twin]; o_places[u] := o_places[twin];
            ELSE
                o_code[u] := 3; o_text[u] := 'command_id_reused';
            END IF;
        END IF;
        CONTINUE WHEN o_code[u] IS NOT NULL;

        -- the appends: each against the working state and what the appends before it in this unit would make of it
        FOR a IN a_first .. a_last LOOP
            l := a_log[a];
            alive := w_seq[l] IS NOT NULL;
            is_open := coalesce(w_open[l], false);
            version := coalesce((w_versions[l] ->> a_aggregate[a])::bigint, 0);
            IF a_aggregate[a] = 'head' THEN version := coalesce(w_seq[l], 0); END IF;
            FOR b IN a_first .. a - 1 LOOP
                CONTINUE WHEN a_log[b] <> l;
                IF a_creates[b] THEN alive := true; is_open := true; END IF;
                IF a_closes[b] THEN is_open := false; END IF;
                IF a_aggregate[b] = a_aggregate[a] THEN version := version + a_events[b]; END IF;
            END LOOP;
            IF alive = a_creates[a] OR (alive AND NOT is_open) OR (a_expected[a] IS NOT NULL AND a_expected[a] <> version) THEN
                o_code[u] := 2; o_index[u] := a; o_number[u] := version;
                EXIT;
            END IF;
        END LOOP;
        CONTINUE WHEN o_code[u] IS NOT NULL;

        undo := '{}';
        FOR c IN c_first .. c_last LOOP
            IF c_op[c] = 'require' THEN
                SELECT m.holder INTO held FROM parlour.claim m
                 WHERE m.kind = c_kind[c] AND m.app = c_app[c] AND m.key = c_key[c] AND m.slot = c_slot[c];
                IF held IS DISTINCT FROM c_holder[c] THEN o_text[u] := 'claim_missing'; END IF;
            ELSIF c_op[c] = 'take' THEN
                SELECT min(m.holder) FILTER (WHERE m.holder <> c_holder[c]), coalesce(bool_or(m.slot = c_slot[c]), false), count(*)
                  INTO held, mine, taken FROM parlour.claim m
                 WHERE m.kind = c_kind[c] AND m.app = c_app[c] AND m.key = c_key[c];
                IF held IS NOT NULL THEN
                    o_text[u] := 'claim_held';
                ELSIF NOT mine AND taken >= c_limit[c] THEN
                    o_text[u] := 'claim_limit'; held := c_holder[c];
                ELSIF NOT mine THEN
                    INSERT INTO parlour.claim VALUES (c_kind[c], c_app[c], c_key[c], c_slot[c], c_holder[c]);
                    undo := undo || c;
                END IF;
            ELSIF c_op[c] = 'release' THEN
                DELETE FROM parlour.claim m
                 WHERE m.kind = c_kind[c] AND m.app = c_app[c] AND m.key = c_key[c] AND m.slot = c_slot[c] AND m.holder = c_holder[c];
                IF FOUND THEN undo := undo || -c; END IF;
            ELSE
                RAISE EXCEPTION 'claim operation % is unknown', c_op[c] USING ERRCODE = 'invalid_parameter_value';
            END IF;
            IF o_text[u] IS NOT NULL THEN
                o_code[u] := 3; o_index[u] := c; o_holder[u] := coalesce(held, '');
                EXIT;
            END IF;
        END LOOP;
        IF o_code[u] IS NOT NULL THEN
            FOR i IN REVERSE cardinality(undo) .. 1 LOOP
                e := abs(undo[i]);
                IF undo[i] > 0 THEN
                    DELETE FROM parlour.claim m
                     WHERE m.kind = c_kind[e] AND m.app = c_app[e] AND m.key = c_key[e] AND m.slot = c_slot[e];
                ELSE
                    INSERT INTO parlour.claim VALUES (c_kind[e], c_app[e], c_key[e], c_slot[e], c_holder[e]);
                END IF;
            END LOOP;
            CONTINUE;
        END IF;

        -- nothing can refuse the unit any more
        places := '';
        FOR a IN a_first .. a_last LOOP
            l := a_log[a];
            IF a_creates[a] THEN
                IF a_events[a] = 0 OR l_p[l] <> parlour.partition(l_app[l], l_room[l]) THEN
                    RAISE EXCEPTION 'log % can''t begin: no event, or not of shard %', l_uid[l], l_p[l]
                        USING ERRCODE = 'invalid_parameter_value';
                END IF;
                w_new[l] := true; w_seq[l] := 0; w_hash[l] := genesis; w_at[l] := 0; w_open[l] := true; w_versions[l] := '{}';
                w_born[l] := s_pos[l_p[l] + 1] + 1;
            END IF;
            CONTINUE WHEN a_aggregate[a] = 'head';
            w_touched[l] := true;
            version := coalesce((w_versions[l] ->> a_aggregate[a])::bigint, 0);
            pos := s_pos[l_p[l] + 1]; seq := w_seq[l]; hash := w_hash[l];
            at := greatest(clock, w_at[l]);
            FOR i IN 1 .. a_events[a] LOOP
                pos := pos + 1; seq := seq + 1; version := version + 1;
                x_uid[e] := l_uid[l]; x_p[e] := l_p[l]; x_aggregate[e] := a_aggregate[a];
                r_seq[e] := seq; r_at[e] := at; r_pos[e] := pos; r_version[e] := version; r_prev[e] := hash;
                hash := sha256('parlour.ev.1'::bytea || hash || int8send(seq) || int8send(at) || sha256(e_env[e]));
                r_hash[e] := hash;
                places := places || uuid_send(l_uid[l]) || int8send(seq);
                e := e + 1;
            END LOOP;
            s_pos[l_p[l] + 1] := pos; w_seq[l] := seq; w_hash[l] := hash; w_at[l] := at;
            w_versions[l] := w_versions[l] || jsonb_build_object(a_aggregate[a], version);
            IF a_closes[a] THEN w_open[l] := false; END IF;
        END LOOP;
        FOR d IN d_first .. d_last LOOP d_keep[d] := true; END LOOP;
        o_code[u] := 0; o_places[u] := places;
    END LOOP;

    -- the writes, each sort in one statement
    IF logs = 1 AND w_touched[1] THEN
        IF events = 1 THEN
            INSERT INTO parlour.event (room_uid, seq, p, pos, at, aggregate, version, type, audience, env, prev, hash)
                VALUES (x_uid[1], r_seq[1], x_p[1], r_pos[1], r_at[1], x_aggregate[1], r_version[1], e_type[1], e_audience[1], e_env[1],
                        r_prev[1], r_hash[1]);
        ELSE
            INSERT INTO parlour.event (room_uid, seq, p, pos, at, aggregate, version, type, audience, env, prev, hash)
                SELECT x_uid[i], r_seq[i], x_p[i], r_pos[i], r_at[i], x_aggregate[i], r_version[i], e_type[i], e_audience[i], e_env[i],
                       r_prev[i], r_hash[i] FROM generate_series(1, events) AS i WHERE r_seq[i] IS NOT NULL;
        END IF;
        IF w_new[1] THEN
            INSERT INTO parlour.log (uid, app, room, p, born, seq, hash, at, open, versions)
                VALUES (l_uid[1], l_app[1], l_room[1], l_p[1], w_born[1], w_seq[1], w_hash[1], w_at[1], w_open[1], w_versions[1]);
        ELSE
            UPDATE parlour.log g SET seq = w_seq[1], hash = w_hash[1], at = w_at[1], open = w_open[1], versions = w_versions[1]
             WHERE g.uid = l_uid[1];
        END IF;
        UPDATE parlour.shard s SET pos = s_pos[l_p[1] + 1] WHERE s.p = l_p[1];
    ELSIF true = ANY (w_touched) THEN
        INSERT INTO parlour.event (room_uid, seq, p, pos, at, aggregate, version, type, audience, env, prev, hash)
            SELECT n.* FROM unnest(x_uid, r_seq, x_p, r_pos, r_at, x_aggregate, r_version, e_type, e_audience, e_env, r_prev, r_hash)
                AS n(room_uid, seq, p, pos, at, aggregate, version, type, audience, env, prev, hash) WHERE n.seq IS NOT NULL;
        IF true = ANY (w_new) THEN
            INSERT INTO parlour.log (uid, app, room, p, born, seq, hash, at, open, versions)
                SELECT l_uid[i], l_app[i], l_room[i], l_p[i], w_born[i], w_seq[i], w_hash[i], w_at[i], w_open[i], w_versions[i]
                  FROM generate_series(1, logs) AS i WHERE w_new[i];
        END IF;
        UPDATE parlour.log g SET seq = n.seq, hash = n.hash, at = n.at, open = n.open, versions = n.versions
          FROM unnest(l_uid, w_seq, w_hash, w_at, w_open, w_versions, w_touched, w_new) AS n(uid, seq, hash, at, open, versions, touched, new)
         WHERE g.uid = n.uid AND n.touched AND NOT n.new;
        UPDATE parlour.shard s SET pos = s_pos[s.p + 1] WHERE s.p = ANY (l_p) AND s.pos < s_pos[s.p + 1];
    END IF;
    IF true = ANY (d_keep) THEN
        WITH last AS (
            SELECT DISTINCT ON (d.service, d.key) d.service, d.key, d.due, d.body
              FROM unnest(d_service, d_key, d_due, d_body, d_keep) WITH ORDINALITY AS d(service, key, due, body, keep, i)
             WHERE d.keep ORDER BY d.service, d.key, d.i DESC
        ), cleared AS (
            DELETE FROM parlour.deadline x USING last WHERE x.service = last.service AND x.key = last.key AND last.due IS NULL
        )
        INSERT INTO parlour.deadline (service, key, due_at, body)
            SELECT last.service, last.key, last.due, last.body FROM last WHERE last.due IS NOT NULL
            ON CONFLICT (service, key) DO UPDATE SET due_at = excluded.due_at, body = excluded.body, leased_until = 0;
    END IF;
    IF units = 1 THEN
        IF o_code[1] = 0 THEN
            INSERT INTO parlour.command (app, command_id, principal, digest, answer, places, at)
                VALUES (u_app[1], u_command[1], u_principal[1], u_digest[1], u_answer[1], o_places[1], clock);
        END IF;
        RETURN;
    END IF;
    -- in the order of the key: two calls that race for two ids then wait in one direction only
    INSERT INTO parlour.command (app, command_id, principal, digest, answer, places, at)
        SELECT n.app, n.command_id, n.principal, n.digest, n.answer, n.places, clock
          FROM unnest(u_app, u_command, u_principal, u_digest, u_answer, o_places, o_code)
               AS n(app, command_id, principal, digest, answer, places, code)
         WHERE n.code = 0 ORDER BY n.app, n.command_id;
END
$$;
