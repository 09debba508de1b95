"""The APIs as their containers run them: gunicorn with the project's settings."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from support.sandboxes.runners import python_environment
from support.wait_until import eventually

ROOT = Path(__file__).parents[3]
STOP_SECONDS = 180
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Replica:
    """One running replica."""

    port: int
    process: subprocess.Popen[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def status(self, path: str) -> int:
        """What it answers to GET."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("GET", path, headers=dict(self.headers))
            return connection.getresponse().status
        finally:
            connection.close()

    def megabytes(self) -> float:
        """The memory that it and its workers hold for themselves."""
        whole = psutil.Process(self.process.pid)
        everybody = (whole, *whole.children(recursive=True))
        return sum(each.memory_full_info().uss for each in everybody) / 2**20

    def connections(self) -> int:
        """How many clients are connected to its workers."""
        workers = psutil.Process(self.process.pid).children(recursive=True)
        return sum(
            each.status == psutil.CONN_ESTABLISHED and each.laddr.port == self.port
            for worker in workers
            for each in worker.net_connections("tcp")
        )


@contextmanager
def running_replica(
    app: str = "execution_api.wsgi:app",
    headers: Mapping[str, str] = NO_HEADERS,
    gunicorn_conf: str = "deploy/service/gunicorn.conf.py",
    **settings: str,
) -> Iterator[Replica]:
    """A replica that answers calls with `headers`; it has stopped when the block is left."""
    port = _free_port()
    with TemporaryDirectory() as metrics:
        environment = {
            **python_environment(),
            "PORT": str(port),
            "PROMETHEUS_MULTIPROC_DIR": metrics,
            **settings,
        }
        command = [sys.executable, "-m", "gunicorn", "-c", gunicorn_conf]
        address = ["--bind", f"127.0.0.1:{port}", app]
        process = subprocess.Popen([*command, *address], cwd=ROOT, env=environment)
        replica = Replica(port, process, headers)
        try:
            eventually(lambda: process.poll() is not None or _answers(replica))
            yield replica
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _answers(replica: Replica) -> bool:
    try:
        return replica.status("/ready") == 200
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
