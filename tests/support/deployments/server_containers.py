"""Servers of a test's own, in containers of the images that the stack uses."""

import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.errors import ImageNotFound

ROOT = Path(__file__).parents[3]
# The first says what the stack is made of where images cannot be pulled.
COMPOSE_FILES = ("docker-compose.offline.yml", "docker-compose.yml")
# The servers' user in both kinds of images.
SERVER_USER = 999


def image_of(service: str) -> str:
    """The image of a service of the stack, the one that is on this machine."""
    client: Any = docker.from_env()
    names = [_image_in(file, service) for file in COMPOSE_FILES]
    for name in names:
        try:
            client.images.get(name)
        except ImageNotFound:
            continue
        return name
    raise AssertionError(f"None of {names} is here: run `make test`, which makes or pulls it.")


def _image_in(file: str, service: str) -> str:
    services = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))["services"]
    return str(services[service]["image"])


@contextmanager
def server(
    service: str,
    files: Mapping[str, bytes | Path],
    command: Sequence[str] | None = None,
    **options: Any,
) -> Iterator[Any]:
    """A container of a service's image with `files` by their paths in it, removed afterwards."""
    client: Any = docker.from_env()
    container = client.containers.create(
        image_of(service), command and list(command), user=str(SERVER_USER), **options
    )
    try:
        container.put_archive("/", _archive(files))
        container.start()
        container.reload()
        yield container
    finally:
        container.remove(force=True, v=True)


def port_of(container: Any, inside: int) -> int:
    """Where a published port is on this machine's loopback."""
    container.reload()
    return int(container.ports[f"{inside}/tcp"][0]["HostPort"])


def _archive(files: Mapping[str, bytes | Path]) -> bytes:
    """Readable by the servers alone, as they demand of their keys."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            data = content if isinstance(content, bytes) else content.read_bytes()
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(data), 0o600
            entry.uid = entry.gid = SERVER_USER
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
