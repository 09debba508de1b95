"""Writes what happened to executions into the database, and keeps that in order.

`ingest` turns events into rows and publishes the ends, `reconciliation` finds executions that are
stuck, `retention` removes old ones, `gauges` measures the queues, `feedback` writes sentences for
learners, and `callbacks` calls back the platforms that asked for it. It knows nothing of Docker,
and serves no HTTP but its operations port.
"""
