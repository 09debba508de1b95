"""What answers on a port in place of a broker, and is none."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behave = Callable[[socket.socket], None]


def stay_silent(_accepted: socket.socket) -> None:
    """Accept, and never answer."""


def close_at_once(accepted: socket.socket) -> None:
    """Accept, and hang up."""
    accepted.close()


def speak_garbage(accepted: socket.socket) -> None:
    """Answer with what is no AMQP, and go on with it."""
    accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(range(256)) * 16)


class FaultyListener:
    """Accepts on a port and does to each connection what it is told."""

    def __init__(self, port: int, behave: Behave) -> None:
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._serve)
        self.accepted: list[socket.socket] = []

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def close(self) -> None:
        """End every connection, and free the port."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for each in self.accepted:
            each.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                self.accepted.append(accepted)
                with suppress(OSError):
                    self._behave(accepted)


@contextmanager
def faulty_listener(port: int, behave: Behave) -> Iterator[FaultyListener]:
    """One that listens while the block lasts."""
    listener = FaultyListener(port, behave)
    listener.start()
    try:
        yield listener
    finally:
        listener.close()
