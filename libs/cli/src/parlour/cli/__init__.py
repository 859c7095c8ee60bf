"""The `parlour` command: runs the whole suite on one machine and asks it questions.

It decides nothing about rooms; it starts processes and speaks to them over NATS.
"""
