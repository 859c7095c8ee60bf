"""Who may ask for what, and how often: apps, bearer tokens, limits of requests and of refused tokens."""
