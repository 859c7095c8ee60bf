-- Forgets answers of commands older than `before_us`, at most so many; gives how many it forgot.
CREATE OR REPLACE FUNCTION parlour.purge_commands(before_us bigint, at_most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS MATERIALIZED (
        SELECT c.app, c.command_id FROM parlour.command c WHERE c.completed_at < before_us LIMIT at_most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM parlour.command c USING old WHERE c.app = old.app AND c.command_id = old.command_id RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
