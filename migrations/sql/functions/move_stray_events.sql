-- Moves rows behind a log's head to parlour.stray_event; gives how many. The shard's row is locked, so that no append runs meanwhile.
CREATE OR REPLACE FUNCTION parlour.move_stray_events(of_room uuid) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH place AS MATERIALIZED (
        SELECT s.shard FROM parlour.shard s JOIN parlour.log g ON g.shard = s.shard WHERE g.uid = of_room FOR NO KEY UPDATE OF s
    ), head AS MATERIALIZED (
        SELECT g.seq FROM parlour.log g, place WHERE g.uid = of_room FOR UPDATE OF g
    ), gone AS (
        DELETE FROM parlour.event e USING head WHERE e.room_uid = of_room AND e.seq > head.seq RETURNING e.*
    ), kept AS (
        INSERT INTO parlour.stray_event SELECT gone.*, (extract(epoch FROM now()) * 1000000)::bigint FROM gone RETURNING 1
    )
    SELECT count(*) FROM kept
$$;
