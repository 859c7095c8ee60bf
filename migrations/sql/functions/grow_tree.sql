-- Adds leaves, the hashes above them and the checkpoint over all, and moves the reader's cursors, if the tree still has `from_size` leaves.
-- False: somebody else was first, and nothing was done. So there is one checkpoint for each size, and one history of sizes.
CREATE OR REPLACE FUNCTION parlour.grow_tree(
    from_size bigint, leaf_rooms uuid[], leaf_seqs bigint[], leaf_heads bytea[], leaf_hashes bytea[],
    node_levels smallint[], node_indexes bigint[], node_hashes bytea[], checkpoint_root bytea, signed_at_us bigint, checkpoint_note text,
    of_reader text, cursor_shards smallint[], cursor_positions bigint[]
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parlour.grow_tree'));
    IF from_size <> coalesce((SELECT max(c.size) FROM parlour.checkpoint c), 0) THEN
        RETURN false;
    END IF;
    IF cardinality(leaf_rooms) > 0 THEN
        INSERT INTO parlour.tree_leaf (leaf_index, room_uid, seq, head, hash)
            SELECT from_size + l.number - 1, l.room, l.seq, l.head, l.hash
              FROM unnest(leaf_rooms, leaf_seqs, leaf_heads, leaf_hashes) WITH ORDINALITY AS l(room, seq, head, hash, number);
        INSERT INTO parlour.tree_node (level, node_index, hash) SELECT * FROM unnest(node_levels, node_indexes, node_hashes);
        INSERT INTO parlour.checkpoint (size, root, signed_at, note)
            VALUES (from_size + cardinality(leaf_rooms), checkpoint_root, signed_at_us, checkpoint_note);
    END IF;
    INSERT INTO parlour.cursor AS c (reader, shard, pos)
        SELECT of_reader, m.shard, m.pos FROM unnest(cursor_shards, cursor_positions) AS m(shard, pos)
        ON CONFLICT (reader, shard) DO UPDATE SET pos = excluded.pos WHERE c.pos < excluded.pos;
    RETURN true;
END
$$;
