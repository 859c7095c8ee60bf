-- Adds leaves, the hashes above them and the checkpoint over all, and moves the reader's cursors, if the tree still has `from_size` leaves.
-- False: somebody else was first, and nothing was done. So there is one checkpoint for each size, and one history of sizes.
CREATE OR REPLACE FUNCTION parlour.grow_tree(
    from_size bigint, l_room uuid[], l_seq bigint[], l_head bytea[], l_hash bytea[],
    n_level smallint[], n_index bigint[], n_hash bytea[], of_root bytea, at_us bigint, of_note text,
    of_reader text, c_p smallint[], c_pos bigint[]
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parlour.grow_tree'));
    IF from_size <> coalesce((SELECT max(c.size) FROM parlour.checkpoint c), 0) THEN
        RETURN false;
    END IF;
    IF cardinality(l_room) > 0 THEN
        INSERT INTO parlour.tree_leaf (n, room_uid, seq, head, hash)
            SELECT from_size + l.i - 1, l.room, l.seq, l.head, l.hash
              FROM unnest(l_room, l_seq, l_head, l_hash) WITH ORDINALITY AS l(room, seq, head, hash, i);
        INSERT INTO parlour.tree_node (level, n, hash) SELECT * FROM unnest(n_level, n_index, n_hash);
        INSERT INTO parlour.checkpoint (size, root, at, note)
            VALUES (from_size + cardinality(l_room), of_root, at_us, of_note);
    END IF;
    INSERT INTO parlour.cursor AS c (reader, p, pos) SELECT of_reader, m.p, m.pos FROM unnest(c_p, c_pos) AS m(p, pos)
        ON CONFLICT (reader, p) DO UPDATE SET pos = excluded.pos WHERE c.pos < excluded.pos;
    RETURN true;
END
$$;
