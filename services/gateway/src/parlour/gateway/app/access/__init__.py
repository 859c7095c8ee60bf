"""Access: apps, bearer tokens, and limits of requests and of refused tokens."""
