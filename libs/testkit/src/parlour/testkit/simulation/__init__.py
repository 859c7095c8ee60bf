"""A whole suite in one thread on a virtual clock: real services, simulated network, store, relay and clients, faults by seed.

Promises. 1. The same seed gives the same run, message by message (`python -m parlour.testkit.simulation --seed N` shows it). 2. Services
run as they are built in production, from their connections upwards; only NATS, Postgres, leases and the relay's packets are simulated.
3. No sleeping, no sockets, no threads: time passes when nobody has anything to do.
"""
