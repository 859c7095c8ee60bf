"""Adapters of the application's ports to the bus, and the discovery of services."""
