-- The tree of room heads, computed anew by whoever has psql alone (RFC 6962). Signatures can't be checked here: compare the root with a
-- checkpoint that somebody kept elsewhere.

CREATE FUNCTION parlour.leaf_hash(of_room uuid, of_seq bigint, of_head bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT sha256('\x00'::bytea || 'parlour.head.1'::bytea || uuid_send(of_room) || int8send(of_seq) || of_head)
$$;

-- The root over a power of two of neighbours.
CREATE FUNCTION parlour.merkle_fold(hashes bytea[]) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wide int := cardinality(hashes);
BEGIN
    WHILE wide > 1 LOOP
        wide := wide / 2;
        FOR i IN 1 .. wide LOOP
            hashes[i] := sha256('\x01'::bytea || hashes[2 * i - 1] || hashes[2 * i]);
        END LOOP;
    END LOOP;
    RETURN hashes[1];
END
$$;

-- The root over the first leaves, from the hashes that are kept. Null where one is missing.
CREATE FUNCTION parlour.tree_root(of_size bigint) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    start  bigint := 0;
    height int;
    level  int;
    first  bigint;
    wide   int;
    found  bytea[];
    parts  bytea[] := '{}';
    root   bytea;
BEGIN
    FOR h IN REVERSE 62 .. 0 LOOP
        CONTINUE WHEN of_size & (1::bigint << h) = 0;
        level := h / 8; wide := 1 << (h % 8); first := start >> (8 * level);
        IF level = 0 THEN
            SELECT array_agg(t.hash ORDER BY t.n) INTO found FROM parlour.tree_leaf t WHERE t.n >= first AND t.n < first + wide;
        ELSE
            SELECT array_agg(t.hash ORDER BY t.n) INTO found FROM parlour.tree_node t
             WHERE t.level = tree_root.level AND t.n >= first AND t.n < first + wide;
        END IF;
        IF coalesce(cardinality(found), 0) <> wide THEN
            RETURN NULL;
        END IF;
        parts := parts || parlour.merkle_fold(found);
        start := start + (1::bigint << h);
    END LOOP;
    FOR i IN REVERSE cardinality(parts) .. 1 LOOP
        root := CASE WHEN root IS NULL THEN parts[i] ELSE sha256('\x01'::bytea || parts[i] || root) END;
    END LOOP;
    RETURN root;
END
$$;

-- What is wrong with the leaves of one log and with what stands above them; null: nothing. `broken` is the seq of a leaf.
CREATE FUNCTION parlour.leaf_problem(of_room uuid, OUT broken bigint, OUT problem text)
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

-- The whole tree: every leaf, every kept hash, and the roots of the last checkpoints. One row; `broken_leaf` where one is to blame.
CREATE FUNCTION parlour.verify_tree(last int DEFAULT 100)
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
