"""Commands and questions: apps, secrets, tokens."""
