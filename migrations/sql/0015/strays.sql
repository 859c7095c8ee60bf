-- Events that somebody put behind a log's head. The head says what the log is: nobody reads them, and the next append finds their place taken.
CREATE TABLE parlour.stray_event (
    LIKE parlour.event,
    found_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE parlour.stray_event IS 'rows that stood behind a log''s head and were never part of it, kept as evidence';

-- Moves a log's strays out of the way; gives how many there were. The shard's row is locked, so that no append is under way meanwhile.
CREATE FUNCTION parlour.set_strays_aside(of_room uuid) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH place AS MATERIALIZED (
        SELECT s.p FROM parlour.shard s JOIN parlour.log g ON g.p = s.p WHERE g.uid = of_room FOR NO KEY UPDATE OF s
    ), head AS MATERIALIZED (
        SELECT g.seq FROM parlour.log g, place WHERE g.uid = of_room FOR UPDATE OF g
    ), gone AS (
        DELETE FROM parlour.event e USING head WHERE e.room_uid = of_room AND e.seq > head.seq RETURNING e.*
    ), kept AS (
        INSERT INTO parlour.stray_event SELECT gone.*, now() FROM gone RETURNING 1
    )
    SELECT count(*) FROM kept
$$;
REVOKE ALL ON FUNCTION parlour.set_strays_aside FROM PUBLIC;
GRANT EXECUTE ON FUNCTION parlour.set_strays_aside TO parlour_auth, parlour_room, parlour_registry, parlour_im;
