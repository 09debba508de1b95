"""One HTTP POST to addresses that were checked before, within a time limit that holds.

No proxy is asked, no redirect followed and no name resolved here.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import closing

import structlog

from result_collector.callbacks.delivery_result import UnreachableError
from result_collector.callbacks.socket_deadline import SocketDeadline
from runlet.callback_urls import CallbackUrl, IPAddress

log = structlog.get_logger()

CONNECT_SECONDS = 3.0
WHOLE_SECONDS = 10.0
MOST_ANSWER_BYTES = 64 * 1024


class HttpPost:
    """Sends bodies; any number of threads may use one.

    `whole_seconds` is the time from the connecting to the status of the answer, however slowly its
    bytes arrive.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        connect_seconds: float = CONNECT_SECONDS,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        self._tls = tls
        self._connect_seconds = connect_seconds
        self._whole_seconds = whole_seconds

    def send(
        self,
        url: CallbackUrl,
        addresses: Sequence[IPAddress],
        headers: Mapping[str, str],
        body: bytes,
    ) -> int:
        """POST to the first address that takes a connection; gives the status of the answer.

        Raises UnreachableError when there is none.
        """
        deadline = time.monotonic() + self._whole_seconds
        connected = self._connect(url, addresses, deadline)
        with closing(connected), SocketDeadline(connected, deadline - time.monotonic()) as limit:
            try:
                return self._exchange(connected, url, headers, body)
            except (OSError, http.client.HTTPException) as error:
                raise UnreachableError(self._in_words(error, url, limit.has_expired)) from error

    def _connect(
        self, url: CallbackUrl, addresses: Sequence[IPAddress], deadline: float
    ) -> socket.socket:
        problem = f"{url.host} has no address."
        for address in addresses:
            seconds = min(self._connect_seconds, deadline - time.monotonic())
            if seconds <= 0:
                break
            try:
                return socket.create_connection((str(address), url.port), seconds)
            except TimeoutError:
                problem = f"{url.authority} took no connection within {seconds:.1f} s."
            except OSError as error:
                problem = f"{url.authority} cannot be connected to: {error.strerror}."
        raise UnreachableError(problem)

    def _exchange(
        self,
        connected: socket.socket,
        url: CallbackUrl,
        headers: Mapping[str, str],
        body: bytes,
    ) -> int:
        connected.settimeout(self._whole_seconds)
        if url.scheme == "https":
            connected = self._tls.wrap_socket(connected, server_hostname=url.host)
        with closing(http.client.HTTPConnection(url.host, url.port)) as connection:
            connection.sock = connected
            all_headers = {"Host": url.authority, "Connection": "close", **headers}
            connection.request("POST", url.target, body, all_headers)
            with connection.getresponse() as response:
                _drain(response)
                return response.status

    def _in_words(self, error: Exception, url: CallbackUrl, has_expired: bool) -> str:
        """A sentence with nothing in it that the receiver wrote."""
        if has_expired or isinstance(error, TimeoutError):
            return f"{url.authority} did not answer within {self._whole_seconds:g} s."
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"The certificate of {url.host} is not accepted: {error.verify_message}."
        if isinstance(error, ssl.SSLError):
            return f"There is no secure connection to {url.authority}: {error.reason}."
        if isinstance(error, OSError) and error.strerror:
            return f"The connection to {url.authority} broke: {error.strerror}."
        return f"What {url.authority} answered is not HTTP."


def _drain(response: http.client.HTTPResponse) -> None:
    """Let the receiver finish its answer; all that counts of it is the status."""
    try:
        response.read(MOST_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        log.debug("callback_response_interrupted", error=type(error).__name__)
