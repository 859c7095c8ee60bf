-- The checks of the tree, as before, for trees of 256 leaves and more: what was meant for a variable named a table that there is not, so that
-- every check of such a tree failed; and a variable `found` stood in the place of plpgsql's own, so that the whole tree was never checked.

-- The root over the first leaves, from the hashes that are kept. Null where one is missing.
CREATE OR REPLACE FUNCTION parlour.tree_root(of_size bigint) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    start  bigint := 0;
    height int;
    first  bigint;
    wide   int;
    hashes bytea[];
    parts  bytea[] := '{}';
    root   bytea;
BEGIN
    FOR h IN REVERSE 62 .. 0 LOOP
        CONTINUE WHEN of_size & (1::bigint << h) = 0;
        height := h / 8; wide := 1 << (h % 8); first := start >> (8 * height);
        IF height = 0 THEN
            SELECT array_agg(t.hash ORDER BY t.n) INTO hashes FROM parlour.tree_leaf t WHERE t.n >= first AND t.n < first + wide;
        ELSE
            SELECT array_agg(t.hash ORDER BY t.n) INTO hashes FROM parlour.tree_node t
             WHERE t.level = height AND t.n >= first AND t.n < first + wide;
        END IF;
        IF coalesce(cardinality(hashes), 0) <> wide THEN
            RETURN NULL;
        END IF;
        parts := parts || parlour.merkle_fold(hashes);
        start := start + (1::bigint << h);
    END LOOP;
    FOR i IN REVERSE cardinality(parts) .. 1 LOOP
        root := CASE WHEN root IS NULL THEN parts[i] ELSE sha256('\x01'::bytea || parts[i] || root) END;
    END LOOP;
    RETURN root;
END
$$;

-- What is wrong with the leaves of one log and with what stands above them; null: nothing. `broken` is the seq of a leaf, or the log's
-- last one where the tree lacks a leaf of which nobody can say whose it was.
CREATE OR REPLACE FUNCTION parlour.leaf_problem(of_room uuid, OUT broken bigint, OUT problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    leaf   record;
    last   parlour.checkpoint%ROWTYPE;
    height int := 0;
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
    WHILE (inside + 1) << (8 * (height + 1)) <= last.size LOOP
        IF height = 0 THEN
            SELECT parlour.merkle_fold(array_agg(parlour.leaf_hash(t.room_uid, t.seq, t.head) ORDER BY t.n)) INTO folded
              FROM parlour.tree_leaf t WHERE t.n >> 8 = inside AND t.n >= inside << 8 AND t.n < (inside + 1) << 8;
        ELSE
            SELECT parlour.merkle_fold(array_agg(t.hash ORDER BY t.n)) INTO folded
              FROM parlour.tree_node t WHERE t.level = height AND t.n >= inside << 8 AND t.n < (inside + 1) << 8;
        END IF;
        height := height + 1;
        SELECT t.hash INTO above FROM parlour.tree_node t WHERE t.level = height AND t.n = inside;
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

-- The whole tree: every leaf with a log that is there or in an archive, every kept hash, and the roots of the last checkpoints. One row;
-- `broken_leaf` where one is to blame.
CREATE OR REPLACE FUNCTION parlour.verify_tree(last int DEFAULT 100)
RETURNS TABLE (ok boolean, size bigint, broken_leaf bigint, problem text, root text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c     record;
    wrong record;
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
    SELECT x.above, x.tile INTO wrong FROM (
        SELECT 1 AS above, t.n >> 8 AS tile, array_agg(t.hash ORDER BY t.n) AS below FROM parlour.tree_leaf t GROUP BY 2
        UNION ALL
        SELECT t.level + 1, t.n >> 8, array_agg(t.hash ORDER BY t.n) FROM parlour.tree_node t GROUP BY 1, 2) x
      LEFT JOIN parlour.tree_node k ON k.level = x.above AND k.n = x.tile
     WHERE cardinality(x.below) = 256 AND k.hash IS DISTINCT FROM parlour.merkle_fold(x.below) ORDER BY 1, 2 LIMIT 1;
    IF FOUND THEN
        broken_leaf := wrong.tile << (8 * wrong.above);
        problem := 'the kept hash ' || wrong.above || '/' || wrong.tile || ' is not that of what is below it'; RETURN NEXT; RETURN;
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
