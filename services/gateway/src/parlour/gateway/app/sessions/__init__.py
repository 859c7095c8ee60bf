"""Sessions of clients: what the gateway knows of each, where it is found, and its end when a token expires."""
