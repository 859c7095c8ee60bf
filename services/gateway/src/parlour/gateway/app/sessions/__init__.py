"""Sessions of clients, the table of those that this gateway knows, and their end when a token expires."""
