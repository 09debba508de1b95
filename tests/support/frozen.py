"""Containers that stand still: they neither answer nor end, and keep what they hold."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import docker
from docker.errors import APIError

from support.wait_until import eventually

# runc's words for a cgroup whose processes were being forked just then; another time it can.
CANNOT_FREEZE = "freeze"


@contextmanager
def frozen(containers: Sequence[Any]) -> Iterator[None]:
    """The containers' processes get no CPU time meanwhile."""
    for container in containers:
        container.pause()
    try:
        yield
    finally:
        for container in containers:
            container.unpause()


def freeze(api: docker.APIClient, container: str) -> None:
    """Pause a container, as often as that takes while it forks.

    Raises APIError when the engine refuses for another reason.
    """
    eventually(lambda: _froze(api, container))


def _froze(api: docker.APIClient, container: str) -> bool:
    try:
        api.pause(container)
    except APIError as error:
        if CANNOT_FREEZE not in str(error.explanation):
            raise
        return False
    return True
