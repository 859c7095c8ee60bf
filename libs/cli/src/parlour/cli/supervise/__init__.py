"""Keeps the suite's processes running on one machine: servers, schema, services.

One supervisor a state folder. Its children die with it, dead ones are started again with growing pauses, and what a
killed supervisor left behind is reaped by the next one.
"""
