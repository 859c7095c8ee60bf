"""What a service does without being asked: reactors, deadlines, leases and erasures."""
