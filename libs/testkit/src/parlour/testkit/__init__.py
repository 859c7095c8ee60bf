"""Tools for tests only: virtual time, a memory log and bus, a simulation of the services, harnesses and planted faults.

No production module imports it.
"""
