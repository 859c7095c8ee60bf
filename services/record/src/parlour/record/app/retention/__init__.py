"""Retention of old months: exported to an archive, verified, and only then dropped."""
