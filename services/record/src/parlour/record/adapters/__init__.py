"""What the record needs of Postgres beyond the event log, of a folder for archives, and of HTTP for webhooks."""
