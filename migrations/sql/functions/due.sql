-- Deadlines of a service that have passed, hidden from other askers until `now_us + lease_us`.
CREATE OR REPLACE FUNCTION parlour.due(of_service text, now_us bigint, at_most int, lease_us bigint)
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
