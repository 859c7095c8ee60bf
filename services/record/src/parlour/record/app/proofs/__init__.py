"""The Merkle tree of room heads: signed checkpoints, proofs, the keys, and exports of stored events."""
