"""Keys and what is signed with them, as NATS and C2SP spell them."""
