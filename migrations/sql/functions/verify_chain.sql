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
            WHEN e.hash <> parlour.event_hash(e.prev, e.seq, e.appended_at, e.env)
                THEN 'its hash is not that of its bytes'
            WHEN e.appended_at < last_at THEN 'it is earlier than the event before'
            WHEN said IS NULL OR said ->> 'room_uid' IS DISTINCT FROM of_room::text THEN 'its envelope is of another log'
            WHEN said ->> 'type' IS DISTINCT FROM e.type OR said ->> 'aggregate' IS DISTINCT FROM e.aggregate
                OR (said ->> 'version')::bigint NOT IN (0, e.version) THEN 'its columns say other than its envelope'
            WHEN e.version <> version THEN 'its version is not the next of its part'
            WHEN e.audience <> parlour.audience_of(e.type, said -> 'data') THEN 'its audience is not that of its type'
            WHEN e.shard <> head.shard OR e.pos <= last_pos THEN 'its position is not behind that of the event before'
        END;
        IF problem IS NOT NULL THEN
            broken_seq := least(e.seq, events + 1); RETURN NEXT; RETURN;
        END IF;
        events := e.seq; expected := e.hash; last_at := e.appended_at; last_pos := e.pos;
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
        SELECT x.broken, x.problem INTO broken_seq, problem FROM parlour.position_problem(head) x;
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
