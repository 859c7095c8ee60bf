"""What every service process needs around its decisions: life cycle, settings, logs, metrics, NATS and Postgres.

It knows no rooms, users or streams: those live in the services.
"""
