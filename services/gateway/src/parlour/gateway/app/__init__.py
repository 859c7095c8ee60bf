"""The gateway's application: sessions, requests of clients, delivery of events, access, WHIP resources, moderation and history."""
