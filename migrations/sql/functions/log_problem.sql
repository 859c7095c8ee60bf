-- The row of parlour.log against the events that it heads.
CREATE OR REPLACE FUNCTION parlour.log_problem(head parlour.log, last_at bigint, versions jsonb, OUT broken bigint, OUT problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first  parlour.event%ROWTYPE;
    said   jsonb;
    closed bigint;
BEGIN
    SELECT * INTO first FROM parlour.event e WHERE e.room_uid = head.uid AND e.seq = 1;
    IF NOT FOUND THEN
        broken := 1; problem := 'the log has no event; every log begins with one'; RETURN;
    END IF;
    said := parlour.envelope(first.env) -> 'data';
    IF first.type = 'room.opened.v1' AND (said ->> 'app' <> head.app::text OR said ->> 'room' <> head.room) THEN
        broken := 1;
        problem := format('the log is of room %s of app %s, its first event is of room %s of app %s',
            quote_literal(head.room), head.app, quote_literal(said ->> 'room'), said ->> 'app');
    ELSIF first.type = 'app.created.v1' AND (said ->> 'app' <> head.app::text OR head.room <> '') THEN
        broken := 1; problem := format('the log is of app %s, its first event is of app %s', head.app, said ->> 'app');
    ELSIF head.shard <> parlour.partition(head.app, head.room) THEN
        broken := 1; problem := 'the log stands in another shard than its room''s';
    ELSIF first.pos <> head.first_pos THEN
        broken := 1; problem := 'the log says that it began at another position than its first event''s';
    ELSIF last_at <> head.last_event_at THEN
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
