"""Free ports of this machine, for stacks beside others."""

import random
import socket
from contextlib import ExitStack, suppress

# Below those that systems give to outgoing connections: a container that restarts, or one that
# comes later, finds its port still free.
CHOICE = range(20_000, 32_000)


def free_ports(singles: int, pairs: int) -> tuple[list[str], list[str]]:
    """Ports that nobody listens on, and ranges of two in a row as compose writes them."""
    # All are held until all are chosen, so that no two are the same.
    with ExitStack() as held:
        alone = [_hold_in_a_row(held, 1) for _ in range(singles)]
        firsts = [_hold_in_a_row(held, 2) for _ in range(pairs)]
        return list(map(str, alone)), [f"{first}-{first + 1}" for first in firsts]


def _hold_in_a_row(held: ExitStack, count: int) -> int:
    """The first of `count` free ports in a row."""
    while True:
        first = random.choice(CHOICE)
        with suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
