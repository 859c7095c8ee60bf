-- What is missing is named as what was changed is: a leaf, a log's events, a whole log, and a key that an erasure of the future excuses.

-- What is wrong with the leaves of one log and with what stands above them; null: nothing. `broken` is the seq of a leaf, or the log's
-- last one where the tree lacks a leaf of which nobody can say whose it was.
CREATE OR REPLACE FUNCTION parlour.leaf_problem(of_room uuid, OUT broken bigint, OUT problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    leaf   record;
    last   parlour.checkpoint%ROWTYPE;
    level  int := 0;
    inside bigint;
    folded bytea;
    above  bytea;
BEGIN
    SELECT t.n, t.seq, t.head, e.hash AS now_hash INTO leaf
      FROM parlour.tree_leaf t LEFT JOIN parlour.event e ON e.room_uid = t.room_uid AND e.seq = t.seq
     WHERE t.room_uid = of_room AND e.hash IS DISTINCT FROM t.head ORDER BY t.seq LIMIT 1;
    IF FOUND THEN
        broken := leaf.seq;
        problem := CASE WHEN leaf.now_hash IS NULL THEN 'a checkpoint knows this event, the log ends before it'
            ELSE 'a checkpoint has another hash: this event or one before it was changed, and the chain written anew' END;
        RETURN;
    END IF;
    SELECT t.seq, t.n INTO leaf FROM parlour.tree_leaf t
     WHERE t.room_uid = of_room AND t.hash <> parlour.leaf_hash(t.room_uid, t.seq, t.head) ORDER BY t.seq LIMIT 1;
    IF FOUND THEN
        broken := leaf.seq; problem := 'leaf ' || leaf.n || ' of the tree has another hash than its entry'; RETURN;
    END IF;
    SELECT * INTO last FROM parlour.checkpoint c ORDER BY c.size DESC LIMIT 1;
    -- A leaf that is missing may have been this log's only if the log goes on behind its last one: whole trees are counted for those alone.
    IF EXISTS (SELECT FROM parlour.log g WHERE g.uid = of_room
                  AND g.seq > (SELECT coalesce(max(t.seq), 0) FROM parlour.tree_leaf t WHERE t.room_uid = of_room))
        AND (SELECT count(*) FROM parlour.tree_leaf t WHERE t.n >= 0 AND t.n < last.size) < last.size THEN
        SELECT min(i.n) INTO inside FROM generate_series(0, last.size - 1) AS i(n)
         WHERE NOT EXISTS (SELECT FROM parlour.tree_leaf t WHERE t.n = i.n);
        SELECT g.seq INTO broken FROM parlour.log g WHERE g.uid = of_room;
        problem := 'leaf ' || inside || ' of the tree is missing: it may have been of this log'; RETURN;
    END IF;
    SELECT t.n, t.seq INTO leaf FROM parlour.tree_leaf t WHERE t.room_uid = of_room ORDER BY t.seq DESC, t.n DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    broken := leaf.seq;
    IF last.size IS NULL OR leaf.n >= last.size THEN
        problem := 'leaf ' || leaf.n || ' of the tree is in no checkpoint'; RETURN;
    END IF;
    -- up from the leaf, through each tile that is full
    inside := leaf.n >> 8;
    WHILE (inside + 1) << (8 * (level + 1)) <= last.size LOOP
        IF level = 0 THEN
            SELECT parlour.merkle_fold(array_agg(parlour.leaf_hash(t.room_uid, t.seq, t.head) ORDER BY t.n)) INTO folded
              FROM parlour.tree_leaf t WHERE t.n >> 8 = inside AND t.n >= inside << 8 AND t.n < (inside + 1) << 8;
        ELSE
            SELECT parlour.merkle_fold(array_agg(t.hash ORDER BY t.n)) INTO folded
              FROM parlour.tree_node t WHERE t.level = leaf_problem.level AND t.n >= inside << 8 AND t.n < (inside + 1) << 8;
        END IF;
        level := level + 1;
        SELECT t.hash INTO above FROM parlour.tree_node t WHERE t.level = leaf_problem.level AND t.n = inside;
        IF above IS DISTINCT FROM folded THEN
            problem := 'the tree above leaf ' || leaf.n || ' is not that of its leaves'; RETURN;
        END IF;
        inside := inside >> 8;
    END LOOP;
    IF parlour.tree_root(last.size) IS DISTINCT FROM last.root OR split_part(last.note, E'\n', 2) <> last.size::text
        OR split_part(last.note, E'\n', 3) <> encode(last.root, 'base64') THEN
        problem := 'the tree does not lead to the root of the last checkpoint'; RETURN;
    END IF;
    broken := NULL;
END
$$;

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
    ELSIF head.p <> parlour.partition(head.app, head.room) THEN
        broken := 1; problem := 'the log stands in another shard than its room''s';
    ELSIF first.pos <> head.born THEN
        broken := 1; problem := 'the log says that it began at another position than its first event''s';
    ELSIF last_at <> head.at THEN
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

-- People who are in the room's events and whose key is gone, though nothing on record erased them. `actors` has each one's first seq.
-- A minute is left between the two halves of an erasure, by the database's clock: one that is noted for later excuses nothing.
CREATE OR REPLACE FUNCTION parlour.person_problem(head parlour.log, actors jsonb, OUT broken bigint, OUT problem text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH gone AS MATERIALIZED (
        SELECT a.key AS actor, a.value::bigint AS seq FROM jsonb_each_text(actors) a
         WHERE NOT EXISTS (SELECT FROM parlour.person p WHERE p.actor = a.key::uuid)
           AND NOT EXISTS (SELECT FROM parlour.erasure r WHERE r.actor = a.key::uuid
                              AND r.at BETWEEN now() - interval '1 minute' AND now() + interval '1 minute')
    ), erased AS MATERIALIZED (
        SELECT parlour.envelope(e.env) -> 'data' ->> 'actor' AS actor FROM parlour.log g JOIN parlour.event e ON e.room_uid = g.uid
         WHERE EXISTS (SELECT FROM gone) AND g.app = head.app AND g.room = '' AND e.type = 'app.user_erased.v1'
    )
    SELECT g.seq, format('the key of person %s is gone, and no app.user_erased event says so', g.actor) FROM gone g
     WHERE NOT EXISTS (SELECT FROM erased r WHERE r.actor = g.actor) ORDER BY g.seq LIMIT 1
$$;

-- The whole tree: every leaf with a log that is there or in an archive, every kept hash, and the roots of the last checkpoints. One row;
-- `broken_leaf` where one is to blame.
CREATE OR REPLACE FUNCTION parlour.verify_tree(last int DEFAULT 100)
RETURNS TABLE (ok boolean, size bigint, broken_leaf bigint, problem text, root text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c     record;
    found record;
BEGIN
    ok := false;
    SELECT coalesce(max(x.size), 0) INTO size FROM parlour.checkpoint x;
    SELECT i.n INTO broken_leaf FROM parlour.tree_leaf t RIGHT JOIN generate_series(0, size - 1) AS i(n) ON t.n = i.n
     WHERE t.hash IS DISTINCT FROM parlour.leaf_hash(t.room_uid, t.seq, t.head) OR t.n IS NULL ORDER BY i.n LIMIT 1;
    IF FOUND THEN
        problem := 'the leaf is missing, or has another hash than its entry'; RETURN NEXT; RETURN;
    END IF;
    SELECT t.n INTO broken_leaf FROM parlour.tree_leaf t
     WHERE NOT EXISTS (SELECT FROM parlour.log g WHERE g.uid = t.room_uid)
       AND NOT EXISTS (SELECT FROM parlour.archived d JOIN parlour.archive a ON a.number = d.archive
                        WHERE d.room_uid = t.room_uid AND a.dropped_at IS NOT NULL) ORDER BY t.n LIMIT 1;
    IF FOUND THEN
        problem := 'a log was signed that is neither in the database nor in an archive'; RETURN NEXT; RETURN;
    END IF;
    SELECT t.n INTO broken_leaf FROM parlour.tree_leaf t WHERE t.n >= verify_tree.size OR t.n < 0 ORDER BY t.n LIMIT 1;
    IF FOUND THEN
        problem := 'no checkpoint covers the leaf'; RETURN NEXT; RETURN;
    END IF;
    SELECT x.above, x.tile INTO found FROM (
        SELECT 1 AS above, t.n >> 8 AS tile, array_agg(t.hash ORDER BY t.n) AS below FROM parlour.tree_leaf t GROUP BY 2
        UNION ALL
        SELECT t.level + 1, t.n >> 8, array_agg(t.hash ORDER BY t.n) FROM parlour.tree_node t GROUP BY 1, 2) x
      LEFT JOIN parlour.tree_node k ON k.level = x.above AND k.n = x.tile
     WHERE cardinality(x.below) = 256 AND k.hash IS DISTINCT FROM parlour.merkle_fold(x.below) ORDER BY 1, 2 LIMIT 1;
    IF FOUND THEN
        broken_leaf := found.tile << (8 * found.above);
        problem := 'the kept hash ' || found.above || '/' || found.tile || ' is not that of what is below it'; RETURN NEXT; RETURN;
    END IF;
    FOR c IN SELECT x.size, x.root, x.note FROM parlour.checkpoint x ORDER BY x.size DESC LIMIT last LOOP
        IF parlour.tree_root(c.size) IS DISTINCT FROM c.root OR split_part(c.note, E'\n', 2) <> c.size::text
            OR split_part(c.note, E'\n', 3) <> encode(c.root, 'base64') THEN
            problem := 'the checkpoint of ' || c.size || ' leaves has another root than they have'; RETURN NEXT; RETURN;
        END IF;
        root := coalesce(root, encode(c.root, 'base64'));
    END LOOP;
    ok := true;
    RETURN NEXT;
END
$$;
