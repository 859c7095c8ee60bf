"""What the record decides without I/O: what to publish again, which heads to announce, how history and webhooks follow from events."""
