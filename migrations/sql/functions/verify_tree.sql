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
    SELECT i.number INTO broken_leaf
      FROM parlour.tree_leaf t RIGHT JOIN generate_series(0, size - 1) AS i(number) ON t.leaf_index = i.number
     WHERE t.hash IS DISTINCT FROM parlour.leaf_hash(t.room_uid, t.seq, t.head) OR t.leaf_index IS NULL ORDER BY i.number LIMIT 1;
    IF FOUND THEN
        problem := 'the leaf is missing, or has another hash than its entry'; RETURN NEXT; RETURN;
    END IF;
    SELECT t.leaf_index INTO broken_leaf FROM parlour.tree_leaf t
     WHERE NOT EXISTS (SELECT FROM parlour.log g WHERE g.uid = t.room_uid)
       AND NOT EXISTS (SELECT FROM parlour.archived d JOIN parlour.archive a ON a.number = d.archive
                        WHERE d.room_uid = t.room_uid AND a.dropped_at IS NOT NULL) ORDER BY t.leaf_index LIMIT 1;
    IF FOUND THEN
        problem := 'a log was signed that is neither in the database nor in an archive'; RETURN NEXT; RETURN;
    END IF;
    SELECT t.leaf_index INTO broken_leaf FROM parlour.tree_leaf t
     WHERE t.leaf_index >= verify_tree.size OR t.leaf_index < 0 ORDER BY t.leaf_index LIMIT 1;
    IF FOUND THEN
        problem := 'no checkpoint covers the leaf'; RETURN NEXT; RETURN;
    END IF;
    SELECT x.above, x.tile INTO wrong FROM (
        SELECT 1 AS above, t.leaf_index >> 8 AS tile, array_agg(t.hash ORDER BY t.leaf_index) AS below FROM parlour.tree_leaf t GROUP BY 2
        UNION ALL
        SELECT t.level + 1, t.node_index >> 8, array_agg(t.hash ORDER BY t.node_index) FROM parlour.tree_node t GROUP BY 1, 2) x
      LEFT JOIN parlour.tree_node k ON k.level = x.above AND k.node_index = x.tile
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
