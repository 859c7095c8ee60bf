"""Old months: exported, verified, then dropped."""
