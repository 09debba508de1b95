"""A second Docker engine, for tests that kill it, laid out as distributions do.

systemd holds its socket and runs containerd beside it, so both outlive it. Here this process does
that, in a folder of its own, without networks.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import psutil
from docker.errors import DockerException, NotFound

from support.wait_until import eventually

# Its part for Kubernetes would only take time.
CONTAINERD_SETTINGS = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
START_SECONDS = 180
STOP_SECONDS = 30
# As systemd would: the engine is handed its socket as descriptor 3, and the socket outlives it.
ACTIVATE = 'exec 3<&"$1"; shift; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'


class SecondEngine:
    """dockerd and containerd in a folder that is named after a compose project.

    The engine lives in a network namespace of its own, or in `network`.
    """

    def __init__(self, name: str, network: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"{name}.", dir="/var/tmp"))
        self.socket_path = self._folder / "docker.sock"
        # An engine without a bridge removes docker0, which the machine's own engine needs.
        self._enter = ["nsenter", f"--net={network}"] if network else ["unshare", "--net"]
        # In place of the machine's own, which may say anything.
        (self._folder / "daemon.json").write_text("{}", encoding="utf-8")
        (self._folder / "containerd.toml").write_text(CONTAINERD_SETTINGS, encoding="utf-8")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket_path))
        self._listener.listen(128)
        self._containerd = self._spawn(self._containerd_command())
        (self._folder / "containerd.pid").write_text(str(self._containerd.pid), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the engine, without waiting until it answers."""
        descriptor = self._listener.fileno()
        activate = ["bash", "-c", ACTIVATE, "bash", str(descriptor)]
        self._process = self._spawn([*activate, *self._command()], descriptor)

    def kill(self) -> None:
        """SIGKILL the engine; containerd and the containers go on without it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(STOP_SECONDS)

    def freeze(self) -> None:
        """Stop the engine's process where it stands; it goes on holding what it holds."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the engine's process go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def wait_until_up(self) -> None:
        """Wait until it answers."""
        eventually(self._answers, START_SECONDS)

    def load(self, image: str) -> None:
        """Copy an image over from the engine of this machine."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            host = f"unix://{self.socket_path}"
            subprocess.run(
                ["docker", "-H", host, "load", "-q"],
                stdin=saved.stdout,
                stdout=subprocess.DEVNULL,
                check=True,
                timeout=120,
            )

    def sandboxes(self) -> list[dict[str, Any]]:
        """All its containers.

        An engine that was killed while it removed one may list that for ever, and say at the same
        time that there is no such container.
        """
        client = self._client()
        try:
            listed = client.api.containers(all=True)
            return [sandbox for sandbox in listed if _exists(client, sandbox["Id"])]
        finally:
            client.close()

    def save_log(self, path: Path) -> None:
        """Keep what it said."""
        shutil.copyfile(self._folder / "log", path)

    def close(self) -> None:
        """Stop it and remove what it kept."""
        if self._process is not None and self._process.poll() is None:
            self._remove_containers()
            _end(self._process)
        _end(self._containerd)
        self._end_stragglers()
        self._listener.close()
        for mount in self._mounts():
            subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self._folder)

    def _spawn(self, command: list[str], *descriptors: int) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors,
                start_new_session=True,
            )

    def _containerd_command(self) -> list[str]:
        folder = self._folder / "containerd"
        return [
            *("containerd", "--config", str(self._folder / "containerd.toml")),
            *("--root", str(folder / "root"), "--state", str(folder / "state")),
            *("--address", str(self._folder / "containerd.sock")),
        ]

    def _command(self) -> list[str]:
        folder = self._folder
        return [
            *(*self._enter, "dockerd", "-H", "fd://"),
            # Or it would start one of its own, and after a kill take the dead one for alive.
            *("--containerd", str(folder / "containerd.sock")),
            *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
            *(
                "--pidfile",
                str(folder / "docker.pid"),
                "--config-file",
                str(folder / "daemon.json"),
            ),
            *("--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"),
        ]

    def _client(self, seconds: int = 30) -> Any:
        return docker.DockerClient(base_url=f"unix://{self.socket_path}", timeout=seconds)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
        try:
            # The socket accepts calls before anybody serves it.
            return bool(self._client(seconds=3).ping())
        except (DockerException, OSError):
            return False

    def _remove_containers(self) -> None:
        client = self._client()
        with suppress(DockerException, OSError):
            for container in client.containers.list(all=True):
                with suppress(DockerException):
                    container.remove(force=True)
        client.close()

    def _end_stragglers(self) -> None:
        """A container whose removal failed has left itself and its shim, which names the folder."""
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self._folder) in word for word in process.info["cmdline"] or ()):
                with suppress(psutil.NoSuchProcess):
                    for child in process.children(recursive=True):
                        child.kill()
                    process.kill()

    def _mounts(self) -> list[str]:
        """What is still mounted below the folder, innermost first."""
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
        paths = [line.split()[1] for line in lines]
        return sorted((p for p in paths if p.startswith(f"{self._folder}{os.sep}")), reverse=True)


def _exists(client: Any, container_id: str) -> bool:
    try:
        client.api.inspect_container(container_id)
    except NotFound:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    process.kill()
    process.wait()
