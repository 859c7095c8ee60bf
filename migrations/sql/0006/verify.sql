-- Checks a room's whole chain: numbers without a gap, each hash, the columns against the hashed envelope, the head, and every head of
-- the room that a checkpoint has taken up: a history that was written anew from some event on still differs from those.
-- One row: `ok`, or the first broken seq with what is wrong there.
CREATE OR REPLACE FUNCTION parlour.verify(of_room uuid)
RETURNS TABLE (room_uid uuid, ok boolean, events bigint, broken_seq bigint, problem text, head_hash text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    expected bytea  := decode(repeat('00', 32), 'hex');
    last_at  bigint := 0;
    head     parlour.log%ROWTYPE;
    e        parlour.event%ROWTYPE;
    said     jsonb;
    leaf     record;
BEGIN
    room_uid := of_room; ok := false; events := 0;
    SELECT * INTO head FROM parlour.log g WHERE g.uid = of_room;
    IF NOT FOUND THEN
        problem := 'there is no such log'; RETURN NEXT; RETURN;
    END IF;
    -- what is appended while we look is left for the next look
    FOR e IN SELECT * FROM parlour.event x WHERE x.room_uid = of_room AND x.seq <= head.seq ORDER BY x.seq LOOP
        said := parlour.envelope(e.env);
        problem := CASE
            WHEN e.seq <> events + 1 THEN 'an event is missing before seq ' || e.seq
            WHEN e.prev <> expected THEN 'it does not cite the hash of the event before'
            WHEN e.hash <> sha256('parlour.ev.1'::bytea || e.prev || int8send(e.seq) || int8send(e.at) || sha256(e.env))
                THEN 'its hash is not that of its bytes'
            WHEN e.at < last_at THEN 'it is earlier than the event before'
            WHEN said IS NULL OR said ->> 'room_uid' IS DISTINCT FROM of_room::text THEN 'its envelope is of another log'
            WHEN said ->> 'type' IS DISTINCT FROM e.type OR said ->> 'aggregate' IS DISTINCT FROM e.aggregate
                OR (said ->> 'version')::bigint NOT IN (0, e.version) THEN 'its columns say other than its envelope'
        END;
        IF problem IS NOT NULL THEN
            broken_seq := events + 1; RETURN NEXT; RETURN;
        END IF;
        events := e.seq; expected := e.hash; last_at := e.at;
    END LOOP;
    IF events <> head.seq THEN
        broken_seq := events + 1; problem := 'the last events are missing: the head is at ' || head.seq; RETURN NEXT; RETURN;
    END IF;
    IF expected <> head.hash THEN
        broken_seq := events; problem := 'the head has another hash than the last event'; RETURN NEXT; RETURN;
    END IF;
    SELECT t.seq, e2.hash INTO leaf FROM parlour.tree_leaf t LEFT JOIN parlour.event e2 ON e2.room_uid = t.room_uid AND e2.seq = t.seq
     WHERE t.room_uid = of_room AND e2.hash IS DISTINCT FROM t.head ORDER BY t.seq LIMIT 1;
    IF FOUND THEN
        broken_seq := leaf.seq;
        problem := CASE WHEN leaf.hash IS NULL THEN 'a checkpoint knows this event, the log ends before it'
            ELSE 'a checkpoint has another hash: this event or one before it was changed, and the chain written anew' END;
        RETURN NEXT; RETURN;
    END IF;
    ok := true; head_hash := encode(expected, 'hex');
    RETURN NEXT;
END
$$;
