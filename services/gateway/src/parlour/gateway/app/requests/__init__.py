"""What clients ask over a WebSocket: login, resume, requests about rooms, heartbeats, in order for each connection."""
