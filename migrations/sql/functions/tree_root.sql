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
            SELECT array_agg(t.hash ORDER BY t.leaf_index) INTO hashes FROM parlour.tree_leaf t
             WHERE t.leaf_index >= first AND t.leaf_index < first + wide;
        ELSE
            SELECT array_agg(t.hash ORDER BY t.node_index) INTO hashes FROM parlour.tree_node t
             WHERE t.level = height AND t.node_index >= first AND t.node_index < first + wide;
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
