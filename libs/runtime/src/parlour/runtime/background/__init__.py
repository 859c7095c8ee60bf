"""The work that a service does without a request: reactors, deadlines, leases and erasures."""
