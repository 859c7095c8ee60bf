"""Folds events into the rows of history: pure, total, and the same whether events come one by one or a million at once."""

VERSION = 1
"""Version of what the rows mean: after a change `record` builds a new generation by itself."""
