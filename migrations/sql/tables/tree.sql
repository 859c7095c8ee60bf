-- The tree of room heads (RFC 6962): its leaves, the hashes kept above them, and the signed checkpoints. Rows are added, never changed.

-- A room stood at `seq` with this chain hash when a checkpoint was made. `hash` is the leaf's hash in the tree.
CREATE TABLE parlour.tree_leaf (
    leaf_index bigint PRIMARY KEY CHECK (leaf_index >= 0),
    room_uid   uuid   NOT NULL,
    seq        bigint NOT NULL,
    head       bytea  NOT NULL CHECK (octet_length(head) = 32),
    hash       bytea  NOT NULL CHECK (octet_length(hash) = 32)
);
-- Not unique: a log that was rewritten shows as two leaves of one place.
CREATE INDEX tree_leaf_room ON parlour.tree_leaf (room_uid, seq);

-- The hash of the full subtree of 256^level leaves that begins at leaf node_index * 256^level.
CREATE TABLE parlour.tree_node (
    level      smallint NOT NULL CHECK (level > 0),
    node_index bigint   NOT NULL,
    hash       bytea    NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, node_index)
);

CREATE TABLE parlour.checkpoint (
    size      bigint PRIMARY KEY CHECK (size > 0),
    root      bytea  NOT NULL CHECK (octet_length(root) = 32),
    signed_at bigint NOT NULL,
    note      text   NOT NULL
);
COMMENT ON COLUMN parlour.checkpoint.signed_at IS 'unix microseconds';
COMMENT ON COLUMN parlour.checkpoint.note IS 'C2SP signed note (tlog-checkpoint)';

-- Keys that sign, each sealed under a key derived from the master key. A retired one stays: it proves old checkpoints.
CREATE TABLE parlour.checkpoint_key (
    public     bytea  PRIMARY KEY CHECK (octet_length(public) = 32),
    name       text   NOT NULL,
    sealed     bytea  NOT NULL,
    made_at    bigint NOT NULL,
    retired_at bigint NOT NULL DEFAULT 0
);
COMMENT ON COLUMN parlour.checkpoint_key.made_at IS 'unix microseconds';
COMMENT ON COLUMN parlour.checkpoint_key.retired_at IS 'unix microseconds; 0: it signs';
