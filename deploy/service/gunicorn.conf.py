"""Gunicorn's settings for both APIs, out of the environment.

PORT is the port to listen on; WEB_WORKERS counts processes and WEB_THREADS the threads of each:
a caller that waits for a result holds a thread meanwhile.
"""

import os
from pathlib import Path
from typing import Any

from prometheus_client import multiprocess, values

from runlet import lifecycle
from runlet_http.serving import gunicorn_parts

bind = f"0.0.0.0:{os.environ['PORT']}"

worker_class = gunicorn_parts.install()
workers = int(os.environ.get("WEB_WORKERS") or 2)
threads = int(os.environ.get("WEB_THREADS") or 32)
worker_connections = threads + 1000

# For callers that keep their connections, such as the execution API at the session API.
keepalive = 75
# As long as the gateway takes them.
limit_request_line = 8190
# Longer than a process may be frozen: its supervisor notices what hangs inside of it.
timeout = 180
graceful_timeout = 30

# Workers touch a heartbeat file; on a disk it can block under load.
worker_tmp_dir = "/dev/shm"
control_socket_disable = True
accesslog = None
loglevel = "warning"


# Whose files of metrics this process writes. By process id, each worker that ever ended would leave
# its counters behind for ever, and without them the sum would fall; by place, the next goes on.
_owner = "arbiter"
values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
    lambda: _owner
)


def on_starting(server: Any) -> None:
    """Make the folder in which the workers share their metrics, and empty it."""
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()


def pre_fork(server: Any, worker: Any) -> None:
    """Give a new worker the first place that is free."""
    taken = {each.place for each in server.WORKERS.values()}
    worker.place = next(place for place in range(len(taken) + 1) if place not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Let the worker write the metrics of its place."""
    global _owner
    lifecycle.set_thread_switch_interval()
    _owner = f"worker{worker.place}"


def child_exit(server: Any, worker: Any) -> None:
    """Take the gauges of a worker that ended out of the sum."""
    multiprocess.mark_process_dead(f"worker{worker.place}")  # type: ignore[no-untyped-call]
