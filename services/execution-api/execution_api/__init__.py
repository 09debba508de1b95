"""Accepts runs, publishes them for the runners, and serves their results.

It owns the database `executions` and its migrations. A run is accepted by one statement (`runs`),
published at once or by the relay (`outbox`, a process of its own), and its end is read, waited for
and cancelled (`executions`) or followed live (`streaming`). What the platform gave up is listed and
requeued (`dead_letters`). It reaches the session API over HTTP, and knows nothing of Docker.
"""
