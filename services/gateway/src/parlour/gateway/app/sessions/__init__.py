"""Sessions of clients: login, their requests, heartbeats towards the room service, and their end when a token expires."""
