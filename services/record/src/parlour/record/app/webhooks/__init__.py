"""Delivery of events to the apps' own servers: the workers, one per endpoint, and what operators ask for."""
