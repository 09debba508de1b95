"""A port in front of a server, which a test can freeze or cut off."""

import socket
import threading
from contextlib import suppress

CHUNK = 65_536


class TcpProxy:
    """Forwards a loopback port to `target` until it is told to `freeze` or to `cut`."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accept_on(self._listener)

    def freeze(self) -> None:
        """Keep every connection open, but let nothing through."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let through again what was held back."""
        self._flowing.set()

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        self._flowing.set()
        for endpoint in (self._listener, *self._sockets):
            _close(endpoint)
        self._sockets.clear()

    def restore(self) -> None:
        """Listen again after a cut."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._accept_on(self._listener)

    def _accept_on(self, listener: socket.socket) -> None:
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self._sockets += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                self._flowing.wait()
                sink.sendall(chunk)
        _close(source)
        _close(sink)


def _close(endpoint: socket.socket) -> None:
    # Closing alone would leave a thread that blocks on the socket where it is.
    with suppress(OSError):
        endpoint.shutdown(socket.SHUT_RDWR)
    endpoint.close()
