"""A service process: how it starts and ends, the connections that it opens, and its health server."""
