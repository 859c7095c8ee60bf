"""Publishes the events that their committer did not publish, and announces the heads of rooms."""
