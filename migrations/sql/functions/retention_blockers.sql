-- What stands against dropping the calls of a month that ended before a moment:
-- hold (`what` is a room), person (`what` is an actor), unreadable_hold, unsigned (a call whose last head is in no checkpoint),
-- reader and webhook (somebody who has not read all of them yet).
CREATE OR REPLACE FUNCTION parlour.retention_blockers(of_month text, before_us bigint) RETURNS TABLE (kind text, app bigint, what text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    child  text := 'event_' || of_month;
    held   record;
    blocks boolean;
    uids   uuid[];
BEGIN
    SELECT coalesce(array_agg(g.uid), '{}') INTO uids
      FROM parlour.ended_calls(of_month, before_us, '00000000-0000-0000-0000-000000000000', 9223372036854775807) g;
    IF cardinality(uids) = 0 THEN
        RETURN;
    END IF;
    FOR held IN SELECT h.app, h.actor, h.room FROM parlour.hold h ORDER BY h.app, h.room, h.actor LOOP
        app := held.app;
        IF coalesce(held.room, '') <> '' THEN
            kind := 'hold'; what := held.room;
            SELECT EXISTS (SELECT FROM parlour.log g WHERE g.app = held.app AND g.room = held.room AND g.uid = ANY (uids)) INTO blocks;
        ELSIF coalesce(held.actor, '') <> '' THEN
            kind := 'person'; what := held.actor;
            EXECUTE format('SELECT EXISTS (SELECT FROM parlour.%I e JOIN parlour.log g ON g.uid = e.room_uid '
                'WHERE g.app = $1 AND g.uid = ANY ($2) AND position(convert_to($3, ''UTF8'') IN e.env) > 0)', child)
                INTO blocks USING held.app, uids, held.actor;
        ELSE
            kind := 'unreadable_hold'; what := ''; blocks := true;
        END IF;
        IF blocks THEN RETURN NEXT; END IF;
    END LOOP;
    RETURN QUERY SELECT 'unsigned'::text, g.app, g.uid::text FROM parlour.log g
        WHERE g.uid = ANY (uids)
          AND NOT EXISTS (SELECT FROM parlour.tree_leaf t WHERE t.room_uid = g.uid AND t.seq = g.seq AND t.head = g.hash)
        ORDER BY g.uid LIMIT 1;
    RETURN QUERY EXECUTE format($sql$
        WITH ends AS MATERIALIZED (
            SELECT s.shard, m.pos FROM parlour.shard s
             CROSS JOIN LATERAL (
                SELECT e.pos FROM parlour.%I e WHERE e.shard = s.shard AND e.appended_at < $1 ORDER BY e.pos DESC LIMIT 1) m
        )
        SELECT DISTINCT 'reader'::text, 0::bigint, r.reader FROM (SELECT DISTINCT c.reader FROM parlour.cursor c) r CROSS JOIN ends
          LEFT JOIN parlour.cursor c ON c.reader = r.reader AND c.shard = ends.shard WHERE coalesce(c.pos, 0) < ends.pos
        UNION ALL
        SELECT DISTINCT 'webhook'::text, w.app, w.id::text FROM parlour.webhook w CROSS JOIN ends
          LEFT JOIN parlour.webhook_cursor c ON c.endpoint = w.id AND c.shard = ends.shard WHERE w.enabled AND coalesce(c.pos, 0) < ends.pos
        UNION
        SELECT 'webhook'::text, w.app, w.id::text FROM parlour.webhook w JOIN parlour.webhook_backlog a ON a.endpoint = w.id
         WHERE w.enabled AND a.room_uid = ANY ($2)
    $sql$, child) USING before_us, uids;
END
$$;
