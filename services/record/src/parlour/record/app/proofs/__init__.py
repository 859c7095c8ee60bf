"""The Merkle tree of room heads: signed checkpoints, the keys that sign them, proofs, and exports of stored events."""
