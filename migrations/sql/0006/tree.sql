-- The tree of room heads (RFC 6962): its leaves, the hashes kept above them, and the signed checkpoints. Rows are added, never changed.

-- Leaf `n`: a room stood at `seq` with this chain hash when a checkpoint was made. `hash` is the leaf's hash in the tree.
CREATE TABLE parlour.tree_leaf (
    n        bigint PRIMARY KEY CHECK (n >= 0),
    room_uid uuid   NOT NULL,
    seq      bigint NOT NULL,
    head     bytea  NOT NULL CHECK (octet_length(head) = 32),
    hash     bytea  NOT NULL CHECK (octet_length(hash) = 32)
);
-- Not unique: a log that was rewritten shows as two leaves of one place.
CREATE INDEX tree_leaf_room ON parlour.tree_leaf (room_uid, seq);

-- The hash of the full subtree of 256^level leaves that begins at leaf n * 256^level.
CREATE TABLE parlour.tree_node (
    level smallint NOT NULL CHECK (level > 0),
    n     bigint   NOT NULL,
    hash  bytea    NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, n)
);

CREATE TABLE parlour.checkpoint (
    size bigint PRIMARY KEY CHECK (size > 0),
    root bytea  NOT NULL CHECK (octet_length(root) = 32),
    at   bigint NOT NULL,
    note text   NOT NULL
);
COMMENT ON COLUMN parlour.checkpoint.note IS 'C2SP signed note (tlog-checkpoint)';

-- Keys that sign, each sealed under a key derived from the master key. A retired one stays: it proves old checkpoints.
CREATE TABLE parlour.checkpoint_key (
    public     bytea  PRIMARY KEY CHECK (octet_length(public) = 32),
    name       text   NOT NULL,
    sealed     bytea  NOT NULL,
    made_at    bigint NOT NULL,
    retired_at bigint NOT NULL DEFAULT 0
);

-- Adds leaves, the hashes above them and the checkpoint over all, and moves the reader's cursors, if the tree still has `from_size` leaves.
-- False: somebody else was first, and nothing was done. So there is one checkpoint for each size, and one history of sizes.
CREATE FUNCTION parlour.grow_tree(
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

-- A new key signs from now on; the ones before it sign beside it until `overlap_us` from now.
CREATE FUNCTION parlour.add_checkpoint_key(of_public bytea, of_name text, of_sealed bytea, now_us bigint, overlap_us bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('parlour.checkpoint_key'));
    UPDATE parlour.checkpoint_key k SET retired_at = now_us + overlap_us WHERE k.retired_at = 0;
    INSERT INTO parlour.checkpoint_key (public, name, sealed, made_at) VALUES (of_public, of_name, of_sealed, now_us);
END
$$;

REVOKE ALL ON FUNCTION parlour.grow_tree FROM PUBLIC;
REVOKE ALL ON FUNCTION parlour.add_checkpoint_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION parlour.grow_tree TO parlour_record;
GRANT EXECUTE ON FUNCTION parlour.add_checkpoint_key TO parlour_record;
GRANT SELECT ON parlour.tree_leaf, parlour.tree_node, parlour.checkpoint, parlour.checkpoint_key TO parlour_record;
