"""Plain HTTP GETs to one server, over connections that are kept open between them."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

CONNECT_SECONDS, READ_SECONDS = 1.0, 3.0


class NotHeardError(Exception):
    """No connection, or it ended before an answer; a GET may be sent again."""


class NoAnswerError(Exception):
    """No answer in time, or none that can be understood."""


@dataclass(frozen=True)
class Answer:
    """A status and a body."""

    status: int
    data: bytes


class KeptConnections:
    """GETs below `base_url`, from any thread; at most `most_kept` idle connections are kept."""

    def __init__(self, base_url: str, most_kept: int) -> None:
        parts = urlsplit(base_url)
        self._connection_type = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._address = parts.netloc
        self._base_path = parts.path.rstrip("/")
        self._idle: deque[HTTPConnection] = deque(maxlen=most_kept)

    def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Ask, over the connection that was used last. Raises NotHeardError, NoAnswerError."""
        connection = self._take()
        try:
            connection.request("GET", self._base_path + path, headers=dict(headers))
            response = connection.getresponse()
            answer = Answer(response.status, response.read())
        except (ConnectionError, HTTPException) as error:
            connection.close()
            # The server may have closed them all, as at its restart.
            self._idle.clear()
            raise NotHeardError(repr(error)) from error
        except OSError as error:
            connection.close()
            raise NoAnswerError(repr(error)) from error
        if connection.sock is not None:
            self._idle.append(connection)
        return answer

    def _take(self) -> HTTPConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def _connect(self) -> HTTPConnection:
        connection = self._connection_type(self._address, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NotHeardError(repr(error)) from error
        connection.sock.settimeout(READ_SECONDS)
        return connection
