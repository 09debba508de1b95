"""A TLS connection to the engine, behind a plain socket."""

import select
import socket
import ssl
import threading
from contextlib import suppress

import structlog

log = structlog.get_logger()

CHUNK = 1 << 16
# What one side has not taken yet; beyond it the other side is not read.
BUFFER_BYTES = 1 << 20
_WAIT = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


def plain_end(connection: ssl.SSLSocket) -> socket.socket:
    """A socket that stands for `connection`, which belongs to a thread of its own from now on.

    A TLS connection can neither be peeked at nor be used by two threads at once, and a sandbox's
    stream needs both. Closing the socket closes the connection, and the other way round.
    """
    near, far = socket.socketpair()
    name = f"tls-{connection.fileno()}"
    threading.Thread(target=_Bridge(connection, far).run, name=name, daemon=True).start()
    return near


class _Bridge:
    """Moves bytes both ways until either side ends; what arrived before is still handed on."""

    def __init__(self, connection: ssl.SSLSocket, plain: socket.socket) -> None:
        self._connection = connection
        self._plain = plain
        self._to_engine = bytearray()
        self._to_runner = bytearray()
        self._engine_ended = False

    def run(self) -> None:
        self._connection.setblocking(False)
        self._plain.setblocking(False)
        try:
            while self._move() and self._wait():
                pass
        except OSError as error:
            # Whichever side failed, the other one learns it by the end of its stream.
            log.debug("engine_stream_failed", error=repr(error))
        finally:
            for side in (self._connection, self._plain):
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
                side.close()

    def _move(self) -> bool:
        """Move what can be moved now; False when nothing more will come."""
        while self._read_engine():
            _send(self._plain, self._to_runner)
        _send(self._plain, self._to_runner)
        if self._engine_ended:
            return bool(self._to_runner)
        open_still = self._read_runner()
        _send(self._connection, self._to_engine)
        return open_still

    def _read_engine(self) -> bool:
        """Take from the engine once; False when there is nothing, or no room for it."""
        if self._engine_ended or len(self._to_runner) >= BUFFER_BYTES:
            return False
        data = _receive(self._connection)
        self._engine_ended = data == b""
        self._to_runner += data or b""
        return bool(data)

    def _read_runner(self) -> bool:
        """Take from the runner once; False when it has closed."""
        if len(self._to_engine) >= BUFFER_BYTES:
            return True
        data = _receive(self._plain)
        self._to_engine += data or b""
        return data != b""

    def _wait(self) -> bool:
        """Until a side can be read into a buffer with room, or takes what waits for it.

        False when the runner has closed: what it had not sent is void then.
        """
        poll = select.poll()
        if not self._engine_ended:
            poll.register(self._connection, _events(self._to_runner, self._to_engine))
        poll.register(self._plain, _events(self._to_engine, self._to_runner))
        ready = dict(poll.poll())
        return not ready.get(self._plain.fileno(), 0) & (select.POLLHUP | select.POLLERR)


def _events(incoming: bytearray, outgoing: bytearray) -> int:
    readable = select.POLLIN if len(incoming) < BUFFER_BYTES else 0
    return readable | (select.POLLOUT if outgoing else 0)


def _receive(side: socket.socket) -> bytes | None:
    """What has arrived: None for nothing yet, no bytes for the end."""
    try:
        return side.recv(CHUNK)
    except _WAIT:
        return None
    except ssl.SSLEOFError:
        return b""


def _send(side: socket.socket, waiting: bytearray) -> None:
    if not waiting:
        return
    with suppress(*_WAIT):
        del waiting[: side.send(bytes(waiting[:CHUNK]))]
