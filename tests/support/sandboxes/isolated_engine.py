"""An engine in namespaces of its own: what it does to networks and mounts ends with it."""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeVar

import docker
import psutil
import requests
from docker.errors import DockerException

from support.wait_until import eventually

Value = TypeVar("Value")

# The address that engines give themselves on their default bridge.
ADDRESS = "172.17.0.1"
TLS_PORT = 2376
START_SECONDS = 180
STOP_SECONDS = 30
CALL_SECONDS = 120
_CLONE_NEWNET = 0x40000000
# A new network namespace has its loopback down. SIOCSIFFLAGS: IFF_UP and IFF_RUNNING.
_PREPARE_AND_EXEC = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x41))
os.execvp(sys.argv[1], sys.argv[1:])
"""


class IsolatedEngine:
    """dockerd, with containerd below it, in a folder named after a compose project.

    Beside its socket it listens on TLS_PORT of ADDRESS, an address that exists only in there, for
    who shows a certificate of the authority in `certificates` (ca.pem, cert.pem, key.pem).
    """

    def __init__(self, name: str, certificates: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"{name}.", dir="/var/tmp"))
        self.host = f"unix://{self._folder / 'docker.sock'}"
        (self._folder / "daemon.json").write_text("{}", encoding="utf-8")
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command(certificates),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._inside: ThreadPoolExecutor | None = None

    def wait_until_up(self) -> None:
        """Wait until it answers."""
        eventually(self._answers, START_SECONDS)
        network = f"/proc/{psutil.Process(self._process.pid).children()[0].pid}/ns/net"
        # A thread may live in another network than its process.
        self._inside = ThreadPoolExecutor(1, initializer=_enter_network, initargs=(network,))

    def inside(self, call: Callable[[], Value]) -> Value:
        """What `call` gives when its connections are made in the engine's network."""
        assert self._inside is not None
        return self._inside.submit(call).result(CALL_SECONDS)

    def client(self) -> Any:
        """A client; the caller closes it."""
        return docker.DockerClient(base_url=self.host, timeout=120)

    def load(self, images: Iterable[str]) -> None:
        """Copy images over from the engine of this machine; what they share is copied once."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
            assert saved.stdout is not None
            self.docker("load", "-q", stdin=saved.stdout)

    def docker(self, *arguments: str, stdin: IO[bytes] | int = subprocess.DEVNULL) -> str:
        """Run a docker command on it; gives its output."""
        command = ["docker", "-H", self.host, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CALL_SECONDS, stdin=stdin
        )
        assert done.returncode == 0, f"docker {arguments}: {done.stderr}"
        return done.stdout

    def save_log(self, path: Path) -> None:
        """Keep what it said."""
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(self._folder / "log", path)

    def close(self) -> None:
        """End it and everything that runs on it, and remove what it kept."""
        if self._inside is not None:
            self._inside.shutdown()
            self._remove_containers()
        with suppress(psutil.NoSuchProcess, IndexError):
            # The engine is the first process of its namespace: nothing in there outlives it.
            dockerd = psutil.Process(self._process.pid).children()[0]
            dockerd.terminate()
            with suppress(psutil.TimeoutExpired):
                dockerd.wait(STOP_SECONDS)
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder)

    def _remove_containers(self) -> None:
        """Killed with the engine, they would leave their control groups behind."""
        client = self.client()
        with suppress(DockerException, requests.RequestException):
            for container in client.containers.list(all=True):
                with suppress(DockerException):
                    container.remove(force=True)
        client.close()

    def _command(self, certificates: Path) -> list[str]:
        folder = self._folder
        return [
            *("unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"),
            *(sys.executable, "-c", _PREPARE_AND_EXEC),
            *("dockerd", "-H", self.host, "-H", f"tcp://0.0.0.0:{TLS_PORT}", "--tlsverify"),
            *("--tlscacert", str(certificates / "ca.pem")),
            *("--tlscert", str(certificates / "cert.pem")),
            *("--tlskey", str(certificates / "key.pem")),
            *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
            *("--pidfile", str(folder / "docker.pid")),
            *("--config-file", str(folder / "daemon.json"), "--bip", f"{ADDRESS}/16"),
        ]

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
        with suppress(DockerException, requests.RequestException, OSError):
            client = self.client()
            try:
                return bool(client.ping())
            finally:
                client.close()
        return False


def _enter_network(path: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(descriptor, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(descriptor)
