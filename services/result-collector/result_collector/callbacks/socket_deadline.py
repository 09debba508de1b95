"""A limit on the whole of an exchange: time-outs of sockets begin anew with every byte."""

import socket
import threading
from contextlib import suppress
from types import TracebackType


class SocketDeadline:
    """While entered, ends a connection after some seconds, whatever its owner waits for."""

    def __init__(self, connected: socket.socket, seconds: float) -> None:
        # Of its own, as the owner's may be closed, or wrapped into another, at any time.
        self._handle = connected.dup()
        self._timer = threading.Timer(max(0.0, seconds), self._expire)
        self._timer.name = "socket-deadline"
        self._timer.daemon = True
        self.has_expired = False

    def __enter__(self) -> "SocketDeadline":
        self._timer.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._handle.close()

    def _expire(self) -> None:
        self.has_expired = True
        # The receiver, or the owner, may have ended it a moment ago.
        with suppress(OSError):
            self._handle.shutdown(socket.SHUT_RDWR)
