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
    SELECT t.leaf_index, t.seq, t.head, e.hash AS now_hash INTO leaf
      FROM parlour.tree_leaf t LEFT JOIN parlour.event e ON e.room_uid = t.room_uid AND e.seq = t.seq
     WHERE t.room_uid = of_room AND e.hash IS DISTINCT FROM t.head ORDER BY t.seq LIMIT 1;
    IF FOUND THEN
        broken := leaf.seq;
        problem := CASE WHEN leaf.now_hash IS NULL THEN 'a checkpoint knows this event, the log ends before it'
            ELSE 'a checkpoint has another hash: this event or one before it was changed, and the chain written anew' END;
        RETURN;
    END IF;
    SELECT t.seq, t.leaf_index INTO leaf FROM parlour.tree_leaf t
     WHERE t.room_uid = of_room AND t.hash <> parlour.leaf_hash(t.room_uid, t.seq, t.head) ORDER BY t.seq LIMIT 1;
    IF FOUND THEN
        broken := leaf.seq; problem := 'leaf ' || leaf.leaf_index || ' of the tree has another hash than its entry'; RETURN;
    END IF;
    SELECT * INTO last FROM parlour.checkpoint c ORDER BY c.size DESC LIMIT 1;
    -- A leaf that is missing may have been this log's only if the log goes on behind its last one: whole trees are counted for those alone.
    IF EXISTS (SELECT FROM parlour.log g WHERE g.uid = of_room
                  AND g.seq > (SELECT coalesce(max(t.seq), 0) FROM parlour.tree_leaf t WHERE t.room_uid = of_room))
        AND (SELECT count(*) FROM parlour.tree_leaf t WHERE t.leaf_index >= 0 AND t.leaf_index < last.size) < last.size THEN
        SELECT min(i.number) INTO inside FROM generate_series(0, last.size - 1) AS i(number)
         WHERE NOT EXISTS (SELECT FROM parlour.tree_leaf t WHERE t.leaf_index = i.number);
        SELECT g.seq INTO broken FROM parlour.log g WHERE g.uid = of_room;
        problem := 'leaf ' || inside || ' of the tree is missing: it may have been of this log'; RETURN;
    END IF;
    SELECT t.leaf_index, t.seq INTO leaf FROM parlour.tree_leaf t WHERE t.room_uid = of_room ORDER BY t.seq DESC, t.leaf_index DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    broken := leaf.seq;
    IF last.size IS NULL OR leaf.leaf_index >= last.size THEN
        problem := 'leaf ' || leaf.leaf_index || ' of the tree is in no checkpoint'; RETURN;
    END IF;
    -- up from the leaf, through each tile that is full
    inside := leaf.leaf_index >> 8;
    WHILE (inside + 1) << (8 * (height + 1)) <= last.size LOOP
        IF height = 0 THEN
            SELECT parlour.merkle_fold(array_agg(parlour.leaf_hash(t.room_uid, t.seq, t.head) ORDER BY t.leaf_index)) INTO folded
              FROM parlour.tree_leaf t
             WHERE t.leaf_index >> 8 = inside AND t.leaf_index >= inside << 8 AND t.leaf_index < (inside + 1) << 8;
        ELSE
            SELECT parlour.merkle_fold(array_agg(t.hash ORDER BY t.node_index)) INTO folded
              FROM parlour.tree_node t WHERE t.level = height AND t.node_index >= inside << 8 AND t.node_index < (inside + 1) << 8;
        END IF;
        height := height + 1;
        SELECT t.hash INTO above FROM parlour.tree_node t WHERE t.level = height AND t.node_index = inside;
        IF above IS DISTINCT FROM folded THEN
            problem := 'the tree above leaf ' || leaf.leaf_index || ' is not that of its leaves'; RETURN;
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
