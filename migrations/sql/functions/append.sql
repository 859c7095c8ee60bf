-- Appends units to logs: checks each, assigns sequence numbers and shard positions, chains the hashes and writes everything in one
-- transaction. Gives one result for each unit, and one position for each event of the committed units, in the order of the units.
--
-- Rules:
-- 1. Every lock is taken before the first write: shard rows by number, then the locks of claims and deadlines by number. Two calls can't
--    deadlock.
-- 2. A unit is checked wholly before it changes anything but claims, and its claims are put back if one is refused.
-- 3. Later units of a call see the earlier ones.
-- 4. Statements find single rows by primary keys, by plans that are made once (planning anew costs more than most of them): the planner
--    settings that keep such plans from scans are the session's, see parlour.runtime.postgres.pool.
-- 5. A race for one command id between calls that share no shard ends in a unique violation of the whole call: the caller calls again.
CREATE OR REPLACE FUNCTION parlour.append(
    logs parlour.append_log[], units parlour.append_unit[], changes parlour.append_change[], events parlour.append_event[],
    claims parlour.append_claim[], deadlines parlour.append_deadline[],
    OUT results parlour.append_result[], OUT positions parlour.append_position[]
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    log_count  constant int := cardinality(logs);
    unit_count constant int := cardinality(units);
    started_at bigint;  -- unix microseconds
    found_row  record;

    -- the state as the units so far leave it: shards' last positions by number + 1, logs by their number
    shard_pos bigint[] := array_fill(NULL::bigint, ARRAY[256]);
    heads     parlour.log[];
    is_new    boolean[] := array_fill(false, ARRAY[log_count]);
    is_moved  boolean[] := array_fill(false, ARRAY[log_count]);

    -- rows that are written in the end
    new_events    parlour.event[] := '{}';
    new_commands  parlour.command[] := '{}';
    new_deadlines parlour.append_deadline[] := '{}';

    -- the current unit, and the numbers of what belongs to it
    unit           parlour.append_unit;
    places         bytea;
    first_change   int;
    last_change    int := 0;
    first_claim    int;
    last_claim     int := 0;
    first_deadline int;
    last_deadline  int := 0;
    event_number   int;
    next_event     int := 1;

    -- its current change, event and claim
    change   parlour.append_change;
    earlier  parlour.append_change;
    event    parlour.append_event;
    claim    parlour.append_claim;
    undo     parlour.append_claim[];
    head     parlour.log;
    twin     int;
    version  bigint;
    event_at bigint;
    prev     bytea;
    is_there boolean;
    is_open  boolean;
    is_mine  boolean;
    taken    int;
    holder   text;
    reason   text;
BEGIN
    positions := '{}';
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'parlour.append needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF NOT pg_has_role(session_user, current_user, 'MEMBER') THEN
        FOR found_row IN
            SELECT DISTINCT c.aggregate FROM unnest(changes) AS c
             WHERE (c.aggregate <> 'head' OR c.event_count > 0)
               AND NOT EXISTS (SELECT FROM parlour.role_aggregate r WHERE r.role = session_user AND r.aggregate = c.aggregate)
        LOOP
            RAISE EXCEPTION 'role % may not append to %', session_user, found_row.aggregate USING ERRCODE = 'insufficient_privilege';
        END LOOP;
    END IF;

    -- locks
    FOR found_row IN
        SELECT s.shard, s.pos FROM parlour.shard s WHERE s.shard = ANY (ARRAY(SELECT l.shard FROM unnest(logs) AS l))
         ORDER BY s.shard FOR NO KEY UPDATE
    LOOP
        shard_pos[found_row.shard + 1] := found_row.pos;
    END LOOP;
    FOR found_row IN
        SELECT k.lock, bool_or(k.is_exclusive) AS is_exclusive FROM (
            SELECT parlour.key_lock(c.kind, c.app, c.key) AS lock, c.operation <> 'require' AS is_exclusive
              FROM unnest(claims) AS c
            UNION ALL
            SELECT parlour.key_lock('deadline/' || d.service, 0, d.key), true FROM unnest(deadlines) AS d
        ) k GROUP BY k.lock ORDER BY k.lock
    LOOP
        IF found_row.is_exclusive THEN
            PERFORM pg_advisory_xact_lock(found_row.lock);
        ELSE
            PERFORM pg_advisory_xact_lock_shared(found_row.lock);
        END IF;
    END LOOP;
    started_at := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

    -- what was committed under these locks: the logs, and the answers of commands that were done before
    SELECT array_agg(g ORDER BY l.number) INTO heads
      FROM unnest(logs) WITH ORDINALITY AS l(uid, app, room, shard, number)
      LEFT JOIN parlour.log g ON g.uid = l.uid AND g.shard = l.shard AND g.app = l.app AND g.room = l.room;
    results := array_fill(NULL::parlour.append_result, ARRAY[unit_count]);
    FOR found_row IN
        SELECT n.number, d.principal, d.digest, d.answer, d.places
          FROM generate_series(1, unit_count) AS n(number)
          JOIN parlour.command d ON d.app = (units[n.number]).app AND d.command_id = (units[n.number]).command_id
    LOOP
        unit := units[found_row.number];
        IF unit.principal = found_row.principal AND unit.digest = found_row.digest THEN
            results[found_row.number] := ROW('duplicate', NULL, NULL, NULL, NULL, found_row.answer, found_row.places);
        ELSE
            results[found_row.number] := ROW('refused', NULL, NULL, 'command_id_reused', NULL, NULL, NULL);
        END IF;
    END LOOP;

    <<each_unit>>
    FOR unit_number IN 1 .. unit_count LOOP
        unit := units[unit_number];
        first_change := last_change + 1; last_change := last_change + unit.change_count;
        first_claim := last_claim + 1; last_claim := last_claim + unit.claim_count;
        first_deadline := last_deadline + 1; last_deadline := last_deadline + unit.deadline_count;
        event_number := next_event; next_event := next_event + unit.event_count;

        -- the unit of this call that has done the same command, if one has
        twin := unit.twin;
        WHILE twin > 0 AND (results[twin]).outcome <> 'committed' LOOP twin := (units[twin]).twin; END LOOP;
        IF twin > 0 AND (results[unit_number]).outcome IS NULL THEN
            IF unit.principal = (units[twin]).principal AND unit.digest = (units[twin]).digest THEN
                results[unit_number] := ROW('duplicate', NULL, NULL, NULL, NULL, (units[twin]).answer, (results[twin]).places);
            ELSE
                results[unit_number] := ROW('refused', NULL, NULL, 'command_id_reused', NULL, NULL, NULL);
            END IF;
            CONTINUE;
        END IF;
        CONTINUE WHEN (results[unit_number]).outcome IS NOT NULL;

        -- the changes: each against the log's head and what the changes before it in this unit would make of it
        FOR change_number IN first_change .. last_change LOOP
            change := changes[change_number];
            head := heads[change.log_number];
            is_there := head.uid IS NOT NULL;
            is_open := coalesce(head.open, false);
            version := CASE WHEN change.aggregate = 'head' THEN head.seq ELSE (head.versions ->> change.aggregate)::bigint END;
            version := coalesce(version, 0);
            FOR earlier_number IN first_change .. change_number - 1 LOOP
                earlier := changes[earlier_number];
                CONTINUE WHEN earlier.log_number <> change.log_number;
                IF earlier.creates THEN is_there := true; is_open := true; END IF;
                IF earlier.closes THEN is_open := false; END IF;
                IF earlier.aggregate = change.aggregate THEN version := version + earlier.event_count; END IF;
            END LOOP;
            IF is_there = change.creates OR (is_there AND NOT is_open) OR change.expected_version <> version THEN
                results[unit_number] := ROW('conflict', change_number - first_change + 1, version, NULL, NULL, NULL, NULL);
                CONTINUE each_unit;
            END IF;
        END LOOP;

        undo := '{}';
        FOR claim_number IN first_claim .. last_claim LOOP
            claim := claims[claim_number];
            holder := NULL; reason := NULL;
            CASE claim.operation
            WHEN 'require' THEN
                SELECT m.holder INTO holder FROM parlour.claim m
                 WHERE m.kind = claim.kind AND m.app = claim.app AND m.key = claim.key AND m.slot = claim.slot;
                IF holder IS DISTINCT FROM claim.holder THEN reason := 'claim_missing'; END IF;
            WHEN 'take' THEN
                SELECT min(m.holder) FILTER (WHERE m.holder <> claim.holder), coalesce(bool_or(m.slot = claim.slot), false), count(*)
                  INTO holder, is_mine, taken FROM parlour.claim m
                 WHERE m.kind = claim.kind AND m.app = claim.app AND m.key = claim.key;
                IF holder IS NOT NULL THEN
                    reason := 'claim_held';
                ELSIF NOT is_mine AND taken >= claim.at_most THEN
                    reason := 'claim_limit'; holder := claim.holder;
                ELSIF NOT is_mine THEN
                    INSERT INTO parlour.claim (kind, app, key, slot, holder)
                        VALUES (claim.kind, claim.app, claim.key, claim.slot, claim.holder);
                    undo := undo || claim;
                END IF;
            WHEN 'release' THEN
                DELETE FROM parlour.claim m
                 WHERE m.kind = claim.kind AND m.app = claim.app AND m.key = claim.key AND m.slot = claim.slot AND m.holder = claim.holder;
                IF FOUND THEN undo := undo || claim; END IF;
            ELSE
                RAISE EXCEPTION 'claim operation % is unknown', claim.operation USING ERRCODE = 'invalid_parameter_value';
            END CASE;
            CONTINUE WHEN reason IS NULL;

            results[unit_number] := ROW(
                'refused', claim_number - first_claim + 1, NULL, reason, coalesce(holder, ''), NULL, NULL);
            FOR i IN REVERSE cardinality(undo) .. 1 LOOP
                claim := undo[i];
                IF claim.operation = 'take' THEN
                    DELETE FROM parlour.claim m
                     WHERE m.kind = claim.kind AND m.app = claim.app AND m.key = claim.key AND m.slot = claim.slot;
                ELSE
                    INSERT INTO parlour.claim (kind, app, key, slot, holder)
                        VALUES (claim.kind, claim.app, claim.key, claim.slot, claim.holder);
                END IF;
            END LOOP;
            CONTINUE each_unit;
        END LOOP;

        -- nothing can refuse the unit any more
        places := '';
        FOR change_number IN first_change .. last_change LOOP
            IF unit.change_count > 1 THEN  -- else they are those that were checked
                change := changes[change_number];
                head := heads[change.log_number];
            END IF;
            IF change.creates THEN
                SELECT l.uid, l.app, l.room, l.shard, shard_pos[l.shard + 1] + 1, 0, decode(repeat('00', 32), 'hex'), 0, true, '{}'
                  INTO head FROM (SELECT (logs[change.log_number]).*) l;
                IF change.event_count = 0 OR head.shard <> parlour.partition(head.app, head.room) THEN
                    RAISE EXCEPTION 'log % can''t begin: no event, or not of shard %', head.uid, head.shard
                        USING ERRCODE = 'invalid_parameter_value';
                END IF;
                is_new[change.log_number] := true;
            END IF;
            CONTINUE WHEN change.aggregate = 'head' AND change.event_count = 0;
            version := coalesce((head.versions ->> change.aggregate)::bigint, 0);
            event_at := greatest(started_at, head.last_event_at);
            FOR i IN 1 .. change.event_count LOOP
                event := events[event_number];
                event_number := event_number + 1;
                shard_pos[head.shard + 1] := shard_pos[head.shard + 1] + 1;
                head.seq := head.seq + 1;
                version := version + 1;
                prev := head.hash;
                head.hash := parlour.event_hash(prev, head.seq, event_at, event.env);
                new_events := new_events || ROW(
                    head.uid, head.seq, head.shard, shard_pos[head.shard + 1], event_at, change.aggregate, version, event.type,
                    event.audience, event.env, prev, head.hash)::parlour.event;
                positions := positions || ROW(
                    head.seq, event_at, shard_pos[head.shard + 1], version, prev, head.hash)::parlour.append_position;
                places := places || uuid_send(head.uid) || int8send(head.seq);
            END LOOP;
            head.last_event_at := event_at;
            head.versions := head.versions || jsonb_build_object(change.aggregate, version);
            head.open := head.open AND NOT change.closes;
            heads[change.log_number] := head;
            is_moved[change.log_number] := true;
        END LOOP;
        IF unit.deadline_count > 0 THEN new_deadlines := new_deadlines || deadlines[first_deadline:last_deadline]; END IF;
        new_commands := new_commands || ROW(
            unit.app, unit.command_id, unit.principal, unit.digest, unit.answer, places, started_at)::parlour.command;
        results[unit_number] := ROW('committed', NULL, NULL, NULL, NULL, NULL, places);
    END LOOP;

    -- the writes, each sort in one statement
    IF true = ANY (is_moved) THEN
        INSERT INTO parlour.event SELECT e.* FROM unnest(new_events) AS e;
        INSERT INTO parlour.log SELECT (heads[n.number]).* FROM generate_series(1, log_count) AS n(number) WHERE is_new[n.number];
        UPDATE parlour.log g SET seq = h.seq, hash = h.hash, last_event_at = h.last_event_at, open = h.open, versions = h.versions
          FROM unnest(heads) WITH ORDINALITY AS h(uid, app, room, shard, first_pos, seq, hash, last_event_at, open, versions, number)
         WHERE g.uid = h.uid AND is_moved[h.number] AND NOT is_new[h.number];
        UPDATE parlour.shard s SET pos = shard_pos[s.shard + 1]
         WHERE s.shard = ANY (ARRAY(SELECT l.shard FROM unnest(logs) AS l)) AND s.pos < shard_pos[s.shard + 1];
    END IF;
    IF cardinality(new_deadlines) > 0 THEN
        WITH last AS (
            SELECT DISTINCT ON (d.service, d.key) d.service, d.key, d.due_at, d.body
              FROM unnest(new_deadlines) WITH ORDINALITY AS d(service, key, due_at, body, number)
             ORDER BY d.service, d.key, d.number DESC
        ), cleared AS (
            DELETE FROM parlour.deadline x USING last WHERE x.service = last.service AND x.key = last.key AND last.due_at IS NULL
        )
        INSERT INTO parlour.deadline (service, key, due_at, body)
            SELECT last.service, last.key, last.due_at, last.body FROM last WHERE last.due_at IS NOT NULL
            ON CONFLICT (service, key) DO UPDATE SET due_at = excluded.due_at, body = excluded.body, leased_until = 0;
    END IF;
    -- in the order of the key: two calls that race for two ids then wait in one direction only
    INSERT INTO parlour.command SELECT d.* FROM unnest(new_commands) AS d ORDER BY d.app, d.command_id;
END
$$;
