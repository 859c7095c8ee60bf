"""The relay's own SDP layer: any browser's offer in, an ICE-lite answer out; pure functions over frozen structs."""
