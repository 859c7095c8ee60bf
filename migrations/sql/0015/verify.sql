-- What a room's events say of the rows beside them. Each function gives the first contradiction, or nulls.

-- The row of parlour.log against the events that it heads.
CREATE FUNCTION parlour.log_problem(head parlour.log, last_at bigint, versions jsonb, OUT broken bigint, OUT problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first  parlour.event%ROWTYPE;
    said   jsonb;
    closed bigint;
BEGIN
    SELECT * INTO first FROM parlour.event e WHERE e.room_uid = head.uid AND e.seq = 1;
    said := parlour.envelope(first.env) -> 'data';
    IF first.type = 'room.opened.v1' AND (said ->> 'app' <> head.app::text OR said ->> 'room' <> head.room) THEN
        broken := 1;
        problem := format('the log is of room %s of app %s, its first event is of room %s of app %s',
            quote_literal(head.room), head.app, quote_literal(said ->> 'room'), said ->> 'app');
    ELSIF first.type = 'app.created.v1' AND (said ->> 'app' <> head.app::text OR head.room <> '') THEN
        broken := 1; problem := format('the log is of app %s, its first event is of app %s', head.app, said ->> 'app');
    ELSIF head.p <> parlour.partition(head.app, head.room) THEN
        broken := 1; problem := 'the log stands in another shard than its room''s';
    ELSIF first.pos <> head.born THEN
        broken := 1; problem := 'the log says that it began at another position than its first event''s';
    ELSIF last_at <> head.at THEN
        broken := head.seq; problem := 'the log says another time than its last event';
    ELSIF versions <> head.versions THEN
        broken := head.seq; problem := 'the log says other versions of its parts than its events';
    END IF;
    IF problem IS NOT NULL OR first.type <> 'room.opened.v1' THEN
        RETURN;
    END IF;
    SELECT max(e.seq) INTO closed FROM parlour.event e WHERE e.room_uid = head.uid AND e.type = 'room.closed.v1';
    IF head.open <> (closed IS NULL) THEN
        broken := coalesce(closed, head.seq);
        problem := CASE WHEN head.open THEN 'the log says that it is open, this event closed it'
            ELSE 'the log says that it is closed, no event closed it' END;
    END IF;
END
$$;

-- Positions: each event's own, in order, none behind the shard's last.
CREATE FUNCTION parlour.place_problem(head parlour.log, OUT broken bigint, OUT problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT e.seq, 'it stands at a position that its shard has not reached' INTO broken, problem
      FROM parlour.event e JOIN parlour.shard s ON s.p = head.p WHERE e.room_uid = head.uid AND e.pos > s.pos ORDER BY e.seq LIMIT 1;
    IF FOUND THEN RETURN; END IF;
    SELECT e.seq, 'an event of another log stands at its position' INTO broken, problem
      FROM parlour.event e WHERE e.room_uid = head.uid
       AND EXISTS (SELECT FROM parlour.event o WHERE o.p = e.p AND o.pos = e.pos AND o.room_uid <> e.room_uid) ORDER BY e.seq LIMIT 1;
END
$$;

-- People who are in the room's events and whose key is gone, though nothing on record erased them. `actors` has each one's first seq.
-- A minute is left between the two halves of an erasure.
CREATE FUNCTION parlour.person_problem(head parlour.log, actors jsonb, OUT broken bigint, OUT problem text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH gone AS MATERIALIZED (
        SELECT a.key AS actor, a.value::bigint AS seq FROM jsonb_each_text(actors) a
         WHERE NOT EXISTS (SELECT FROM parlour.person p WHERE p.actor = a.key::uuid)
           AND NOT EXISTS (SELECT FROM parlour.erasure r WHERE r.actor = a.key::uuid AND r.at > now() - interval '1 minute')
    ), erased AS MATERIALIZED (
        SELECT parlour.envelope(e.env) -> 'data' ->> 'actor' AS actor FROM parlour.log g JOIN parlour.event e ON e.room_uid = g.uid
         WHERE EXISTS (SELECT FROM gone) AND g.app = head.app AND g.room = '' AND e.type = 'app.user_erased.v1'
    )
    SELECT g.seq, format('the key of person %s is gone, and no app.user_erased event says so', g.actor) FROM gone g
     WHERE NOT EXISTS (SELECT FROM erased r WHERE r.actor = g.actor) ORDER BY g.seq LIMIT 1
$$;

-- Claims that follow from a room's events: its name while it is open, the seats of those in it, the streams that they publish.
-- `seats` has session -> {actor, seq}, `streams` stream -> {session, actor, seq}, each for what has not ended.
CREATE FUNCTION parlour.claim_problem(head parlour.log, seats jsonb, streams jsonb, OUT broken bigint, OUT problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holder text;
BEGIN
    SELECT c.holder INTO holder FROM parlour.claim c WHERE c.kind = 'open_room' AND c.app = head.app AND c.key = head.room AND c.slot = '';
    IF head.open AND holder IS DISTINCT FROM head.uid::text THEN
        broken := 1; problem := 'the room is open and does not hold its name'; RETURN;
    ELSIF NOT head.open AND holder = head.uid::text THEN
        broken := head.seq; problem := 'the room is closed and holds its name'; RETURN;
    END IF;
    IF NOT head.open THEN
        RETURN;
    END IF;
    SELECT (s.value ->> 'seq')::bigint, format('session %s is in the room and holds no seat', s.key) INTO broken, problem
      FROM jsonb_each(seats) s
     WHERE NOT EXISTS (SELECT FROM parlour.claim c WHERE c.kind = 'client_session' AND c.app = head.app AND c.key = s.value ->> 'actor'
                          AND c.slot = head.room AND c.holder = s.key) ORDER BY 1 LIMIT 1;
    IF FOUND THEN RETURN; END IF;
    SELECT head.seq, format('session %s holds a seat and is not in the room', c.holder) INTO broken, problem
      FROM parlour.claim c WHERE c.kind = 'client_session' AND c.app = head.app AND c.slot = head.room AND NOT seats ? c.holder LIMIT 1;
    IF FOUND THEN RETURN; END IF;
    SELECT (s.value ->> 'seq')::bigint, format('stream %s is published and its id is not held', quote_literal(s.key)) INTO broken, problem
      FROM jsonb_each(streams) s
     WHERE seats ? (s.value ->> 'session')
       AND NOT EXISTS (SELECT FROM parlour.claim c WHERE c.kind = 'live_stream' AND c.app = head.app AND c.key = s.key
                          AND c.holder = (s.value ->> 'session') || '/' || (s.value ->> 'actor') || '/' || head.uid::text)
     ORDER BY 1 LIMIT 1;
    IF FOUND THEN RETURN; END IF;
    SELECT head.seq, format('stream id %s is held in this room, and nobody publishes it', quote_literal(c.key)) INTO broken, problem
      FROM parlour.claim c WHERE c.kind = 'live_stream' AND c.app = head.app AND c.holder LIKE '%/' || head.uid::text AND NOT streams ? c.key LIMIT 1;
END
$$;

-- Checks all that the database has of a room: the chain and each column against the hashed bytes (numbers, times, types, who may see an
-- event, positions, versions), what stands behind the head, the log's own row, the leaves of the tree with every head that a checkpoint
-- has, people whose keys are gone, and claims. One row: `ok`, or the first broken seq with what is wrong there.
CREATE OR REPLACE FUNCTION parlour.verify_chain(of_room uuid)
RETURNS TABLE (room_uid uuid, ok boolean, events bigint, broken_seq bigint, problem text, head_hash text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    expected bytea  := decode(repeat('00', 32), 'hex');
    last_at  bigint := 0;
    last_pos bigint := 0;
    versions jsonb  := '{}';
    actors   jsonb  := '{}';
    seats    jsonb  := '{}';
    streams  jsonb  := '{}';
    head     parlour.log%ROWTYPE;
    e        parlour.event%ROWTYPE;
    said     jsonb;
    version  bigint;
    actor    text;
    last_one text := '';
    opened   boolean := false;
BEGIN
    room_uid := of_room; ok := false; events := 0;
    SELECT * INTO head FROM parlour.log g WHERE g.uid = of_room;
    IF NOT FOUND THEN
        problem := 'there is no such log'; RETURN NEXT; RETURN;
    END IF;
    -- one snapshot: what is appended while we look is neither in the events nor in the head
    FOR e IN SELECT * FROM parlour.event x WHERE x.room_uid = of_room ORDER BY x.seq LOOP
        said := parlour.envelope(e.env);
        version := coalesce((versions ->> e.aggregate)::bigint, 0) + 1;
        problem := CASE
            WHEN e.seq > head.seq AND events = head.seq THEN 'it stands behind the head, which is at ' || head.seq
            WHEN e.seq <> events + 1 THEN 'an event is missing before seq ' || e.seq
            WHEN e.prev <> expected THEN 'it does not cite the hash of the event before'
            WHEN e.hash <> sha256('parlour.ev.1'::bytea || e.prev || int8send(e.seq) || int8send(e.at) || sha256(e.env))
                THEN 'its hash is not that of its bytes'
            WHEN e.at < last_at THEN 'it is earlier than the event before'
            WHEN said IS NULL OR said ->> 'room_uid' IS DISTINCT FROM of_room::text THEN 'its envelope is of another log'
            WHEN said ->> 'type' IS DISTINCT FROM e.type OR said ->> 'aggregate' IS DISTINCT FROM e.aggregate
                OR (said ->> 'version')::bigint NOT IN (0, e.version) THEN 'its columns say other than its envelope'
            WHEN e.version <> version THEN 'its version is not the next of its part'
            WHEN e.audience <> parlour.audience_of(e.type, said -> 'data') THEN 'its audience is not that of its type'
            WHEN e.p <> head.p OR e.pos <= last_pos THEN 'its position is not behind that of the event before'
        END;
        IF problem IS NOT NULL THEN
            broken_seq := least(e.seq, events + 1); RETURN NEXT; RETURN;
        END IF;
        events := e.seq; expected := e.hash; last_at := e.at; last_pos := e.pos;
        versions := versions || jsonb_build_object(e.aggregate, version);
        actor := said ->> 'actor';
        IF actor <> last_one AND actor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' AND NOT actors ? actor THEN
            actors := actors || jsonb_build_object(actor, e.seq);
        END IF;
        last_one := actor;
        CASE e.type
            WHEN 'room.opened.v1' THEN opened := true;
            WHEN 'room.user_joined.v1' THEN
                seats := seats || jsonb_build_object(said -> 'data' ->> 'sessionID', jsonb_build_object('actor', actor, 'seq', e.seq));
            WHEN 'room.user_left.v1', 'room.user_kicked.v1' THEN
                seats := seats - (said -> 'data' ->> 'sessionID');
            WHEN 'stream.added.v1' THEN
                streams := streams || jsonb_build_object(said -> 'data' ->> 'streamID',
                    jsonb_build_object('session', said -> 'data' ->> 'sessionID', 'actor', said -> 'data' ->> 'actor', 'seq', e.seq));
            WHEN 'stream.removed.v1' THEN
                streams := streams - (said -> 'data' ->> 'streamID');
            ELSE NULL;
        END CASE;
    END LOOP;
    IF events <> head.seq THEN
        broken_seq := events + 1; problem := 'the last events are missing: the head is at ' || head.seq; RETURN NEXT; RETURN;
    END IF;
    IF expected <> head.hash THEN
        broken_seq := events; problem := 'the head has another hash than the last event'; RETURN NEXT; RETURN;
    END IF;
    SELECT x.broken, x.problem INTO broken_seq, problem FROM parlour.leaf_problem(of_room) x;
    IF problem IS NULL THEN
        SELECT x.broken, x.problem INTO broken_seq, problem FROM parlour.log_problem(head, last_at, versions) x;
    END IF;
    IF problem IS NULL THEN
        SELECT x.broken, x.problem INTO broken_seq, problem FROM parlour.place_problem(head) x;
    END IF;
    IF problem IS NULL THEN
        SELECT x.broken, x.problem INTO broken_seq, problem FROM parlour.person_problem(head, actors) x;
    END IF;
    IF problem IS NULL AND opened THEN
        SELECT x.broken, x.problem INTO broken_seq, problem FROM parlour.claim_problem(head, seats, streams) x;
    END IF;
    ok := problem IS NULL; head_hash := encode(expected, 'hex');
    RETURN NEXT;
END
$$;

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'parlour'::regnamespace AND proname IN (
        'audience_of', 'leaf_hash', 'merkle_fold', 'tree_root', 'leaf_problem', 'verify_tree', 'log_problem', 'place_problem',
        'person_problem', 'claim_problem')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION parlour.verify_tree TO parlour_auth, parlour_room, parlour_registry, parlour_im, parlour_record;
