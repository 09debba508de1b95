"""A worker of gunicorn whose threads take connections themselves, and its answers.

Gunicorn's own threaded worker accepts on its main thread, hands the connection to a pool, and has
it handed back: three changes of thread for each request, which cost as much as the request, because
all of them wait for one interpreter. Here the thread that accepts a connection also answers it.
"""

import select
import socket
import struct
import threading
from typing import Any

from gunicorn.http import wsgi  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

# How soon a thread that waits for a connection sees that it should stop.
ACCEPT_SECONDS = 0.5
# Threads that wait for connections beyond so many end by and by.
SPARE_THREADS = 8
# A caller that keeps its connection is waited for so long, before the poller takes that over.
HOLD_SECONDS = 1.0


class Connection(TConn):  # type: ignore[misc]
    """A client's connection."""

    data_ready: bool

    def wait_for_data(self, timeout: float) -> bool:
        """Whether there is something to read within `timeout` seconds."""
        if not self.data_ready:
            poller = select.poll()
            poller.register(self.sock, select.POLLIN)
            self.data_ready = bool(poller.poll(timeout * 1000))
        return self.data_ready

    def was_read_to_its_end(self) -> bool:
        """Whether nothing of the last request is still to come."""
        body = getattr(getattr(self.parser, "mesg", None), "body", None)
        return getattr(getattr(body, "reader", None), "length", None) == 0

    def sends_on(self, seconds: float) -> bool:
        """Whether the next request begins within `seconds`."""
        self.data_ready = bool(self.parser.unreader.buf.getvalue())
        return self.wait_for_data(seconds)


class Response(wsgi.Response):  # type: ignore[misc]
    """An answer whose headers leave together with the beginning of its body.

    In a packet of their own they would wake whoever waits for the answer once for nothing.
    """

    headers_sent: bool
    _body_follows = False

    def write(self, arg: bytes) -> None:
        """Send a part of the body, after the headers."""
        self._body_follows = bool(arg) and not self._omits_body and self.response_length != 0
        super().write(arg)

    def send_headers(self) -> None:
        """Send the headers, once."""
        if not self.headers_sent:
            lines = [*self.default_headers(), *(f"{k}: {v}\r\n" for k, v in self.headers), "\r\n"]
            more = socket.MSG_MORE if self._body_follows else 0
            self.sock.sendall("".join(lines).encode("latin-1"), more)
            self.headers_sent = True


class Worker(ThreadWorker):  # type: ignore[misc]
    """Accepts with as many threads as there are requests, and one more, up to `threads`.

    It refuses new connections at once when it is told to stop: gunicorn's own keeps the socket
    until its last request is answered, and the kernel goes on accepting connections that nobody
    serves. Refused, a caller goes to another replica.

    `place` numbers it among the workers there are; when it has ended, another one gets the number.
    """

    place: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._acceptors = 0
        self._waiting = 0
        self._held = 0
        self._draining = False

    def set_accept_enabled(self, enabled: bool) -> None:
        """Begin or cease to take connections; while stopping, for good."""
        if self._draining:
            return
        self._accepting = enabled
        if enabled:
            for listener in self.sockets:
                _wait_at_most(listener, ACCEPT_SECONDS)
            self._add_acceptor()
        elif not self.alive:
            with self._lock:
                # Gunicorn waits until it has no connections: each acceptor counts until it is done.
                self._draining = True
                self.nr_conns += self._acceptors
            for listener in self.sockets:
                self._accept_all(listener)
                listener.close()

    def handle(self, conn: Any) -> Any:
        """Answer requests of a connection; gives what gunicorn is to do with it then."""
        result = super().handle(conn)
        while result is True and self._hold():
            try:
                if not conn.sends_on(HOLD_SECONDS):
                    return True
            finally:
                self._let_go()
            result = super().handle(conn)
        return result

    def _add_acceptor(self) -> None:
        with self._lock:
            enough = self._waiting > 0 or self._acceptors >= self.cfg.threads
            if enough or not self._accepting:
                return
            try:
                threading.Thread(target=self._take_part, name="acceptor", daemon=True).start()
            except RuntimeError:
                # No room for one more thread: those that there are go on, and try again.
                self.log.exception("An acceptor could not be started.")
                return
            self._acceptors += 1
            self._waiting += 1

    def _take_part(self) -> None:
        # Counted by now: whoever started this thread held the lock.
        with self._lock:
            pass
        is_leaving = False
        try:
            is_leaving = self._accept_and_answer()
        finally:
            with self._lock:
                self._acceptors -= 1
                self._waiting -= 0 if is_leaving else 1
                is_counted = self._draining
            if is_counted:
                self.method_queue.defer(self._count_connections, -1)

    def _accept_and_answer(self) -> bool:
        """Until it is to cease; True when it has left those who wait already."""
        # There is one address: with several, gunicorn's poller would be the better way.
        (listener,) = self.sockets
        server = listener.getsockname()
        while self._accepting:
            client = self._accept(listener)
            if client is not None:
                self._serve(Connection(self.cfg, *client, server))
            elif self._leaves():
                return True
        return False

    def _serve(self, conn: Connection) -> None:
        with self._lock:
            self._waiting -= 1
        self._add_acceptor()
        try:
            self._answer(conn)
        except BaseException:
            # Nobody above would know what to do; the next connection may fare better.
            self.log.exception("A connection could not be served.")
            conn.close()
        finally:
            with self._lock:
                self._waiting += 1

    @staticmethod
    def _accept(listener: socket.socket) -> tuple[socket.socket, Any] | None:
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError:
            # Out of descriptors, or the listener was closed: neither is over in an instant.
            threading.Event().wait(ACCEPT_SECONDS / 10)
            return None
        _wait_at_most(client, 0)
        return client, address

    def _answer(self, conn: Connection) -> None:
        result = self.handle(conn)
        if result:
            self.method_queue.defer(self._take_over, conn, result)
        else:
            # Closing on data that still comes would take the answer away from its client.
            conn.close(graceful=not conn.was_read_to_its_end())

    def _take_over(self, conn: Connection, result: Any) -> None:
        self._count_connections(1)
        self.finish_request(conn, _Result(result))

    def _count_connections(self, more: int) -> None:
        # On the main thread only, as gunicorn does.
        self.nr_conns += more

    def _leaves(self) -> bool:
        """Whether enough others wait; then this thread does not any more."""
        with self._lock:
            if self._waiting <= SPARE_THREADS:
                return False
            self._waiting -= 1
            return True

    def _hold(self) -> bool:
        """Whether a thread may wait for the next request of its connection: half of them may."""
        with self._lock:
            if not self.alive or self._held >= self.cfg.threads // 2:
                return False
            self._held += 1
            return True

    def _let_go(self) -> None:
        with self._lock:
            self._held -= 1

    def _accept_all(self, listener: socket.socket) -> None:
        """Take the connections that are established already: closing would reset them."""
        waiting = select.poll()
        waiting.register(listener, select.POLLIN)
        while waiting.poll(0):
            self.accept(listener)


class _Result:
    """What a handled connection came to, as gunicorn asks a future for it."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def result(self) -> Any:
        """What `handle` gave."""
        return self._result

    def cancelled(self) -> bool:
        """Never: it is over."""
        return False


def _wait_at_most(waiting: socket.socket, seconds: float) -> None:
    """Have the kernel end a call that waits on a socket; 0 lets it wait.

    Not by a time-out of Python's: it makes two system calls of each, and a listener that is shared
    with other processes would be non-blocking for all of them.
    """
    waiting.setblocking(True)
    whole, part = int(seconds), int(seconds % 1 * 1_000_000)
    waiting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", whole, part))
