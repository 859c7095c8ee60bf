-- Claims that follow from a room's events: its name while it is open, the seats of those in it, the streams that they publish.
-- `seats` has session -> {actor, seq}, `streams` stream -> {session, actor, seq}, each for what has not ended.
CREATE OR REPLACE FUNCTION parlour.claim_problem(head parlour.log, seats jsonb, streams jsonb, OUT broken bigint, OUT problem text)
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
      FROM parlour.claim c WHERE c.kind = 'live_stream' AND c.app = head.app AND c.holder LIKE '%/' || head.uid::text
       AND NOT streams ? c.key LIMIT 1;
END
$$;
