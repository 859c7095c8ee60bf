"""The WebSocket and HTTP interfaces: they parse requests, call the application and encode its answers."""
