"""WebSocket and HTTP."""
