"""Requests of clients over a WebSocket: login, resume and commands to rooms, in order for each connection; and heartbeats."""
