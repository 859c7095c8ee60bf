"""What the record needs of Postgres beyond the event log."""
