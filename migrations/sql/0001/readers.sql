-- Deadlines of a service that have passed, hidden from other askers until `now_us + lease_us`.
CREATE FUNCTION parlour.due(of_service text, now_us bigint, at_most int, lease_us bigint)
RETURNS TABLE (key text, due_at bigint, body bytea)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH late AS MATERIALIZED (
        SELECT d.service, d.key FROM parlour.deadline d
         WHERE d.service = of_service AND d.due_at <= now_us AND d.leased_until <= now_us
         ORDER BY d.due_at LIMIT at_most FOR UPDATE SKIP LOCKED
    ), leased AS (
        UPDATE parlour.deadline d SET leased_until = now_us + lease_us FROM late
         WHERE d.service = late.service AND d.key = late.key RETURNING d.key, d.due_at, d.body
    )
    SELECT leased.key, leased.due_at, leased.body FROM leased ORDER BY leased.due_at, leased.key
$$;

-- Moves a reader's cursor forward, never back.
CREATE FUNCTION parlour.advance(of_reader text, of_p smallint, to_pos bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO parlour.cursor AS c (reader, p, pos) VALUES (of_reader, of_p, to_pos)
        ON CONFLICT (reader, p) DO UPDATE SET pos = excluded.pos WHERE c.pos < excluded.pos
$$;

-- Forgets answers of commands older than `before_us`, at most so many; gives how many it forgot.
CREATE FUNCTION parlour.purge_commands(before_us bigint, at_most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS MATERIALIZED (
        SELECT c.app, c.command_id FROM parlour.command c WHERE c.at < before_us LIMIT at_most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM parlour.command c USING old WHERE c.app = old.app AND c.command_id = old.command_id RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
