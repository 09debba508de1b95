"""Free ports of this machine, for stacks beside others."""

import socket
from contextlib import ExitStack, suppress


def free_ports(singles: int, pairs: int) -> tuple[list[str], list[str]]:
    """Ports that nobody listens on, and ranges of two in a row as compose writes them."""
    # All are held until all are chosen, so that no two are the same.
    with ExitStack() as held:
        return (
            [str(_hold(held, 0)) for _ in range(singles)],
            [_hold_pair(held) for _ in range(pairs)],
        )


def _hold_pair(held: ExitStack) -> str:
    while True:
        first = _hold(held, 0)
        with suppress(OSError):
            return f"{first}-{_hold(held, first + 1)}"


def _hold(held: ExitStack, port: int) -> int:
    server = held.enter_context(socket.create_server(("127.0.0.1", port)))
    number: int = server.getsockname()[1]
    return number
