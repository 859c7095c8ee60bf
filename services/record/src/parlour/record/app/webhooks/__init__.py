"""Webhooks at work: which endpoints are ours, what each is owed, one attempt after the other, and what an operator asks for."""
