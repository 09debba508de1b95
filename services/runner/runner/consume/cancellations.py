"""Which executions were cancelled, and the way to those that run here."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog

from runlet.messages import CancelRequested, Message, RunRequested
from runner.sandbox.cancellation_token import CancellationToken

log = structlog.get_logger()

# A request may come long after its cancellation: it waits in a queue, or for its next attempt.
REMEMBERED = 10_000


class Cancellations:
    """Remembers the latest cancellations and passes them on to the runs they concern.

    The database keeps them as well: what is missed while the broker is away is sent again, and
    what is forgotten costs a run whose result is not stored.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._lock = threading.Lock()
        self._cancelled: dict[UUID, CancelRequested] = {}
        self._running: dict[CancellationToken, RunRequested] = {}

    def handle(self, message: Message) -> None:
        """Act on a message of the control exchange."""
        if isinstance(message, CancelRequested):
            log.info("cancellation_received", execution_id=str(message.execution_id))
            self.cancel(message)

    def cancel(self, cancel: CancelRequested) -> None:
        """Stop an execution that runs here; one that comes later does not start."""
        with self._lock:
            self._cancelled.pop(cancel.execution_id, None)
            self._cancelled[cancel.execution_id] = cancel
            if len(self._cancelled) > self._remembered:
                del self._cancelled[next(iter(self._cancelled))]
            # A request that was delivered twice may run twice at the same time.
            concerned = [token for token, run in self._running.items() if cancel.concerns(run)]
        for token in concerned:
            token.cancel()

    @contextmanager
    def watch(self, request: RunRequested) -> Iterator[CancellationToken]:
        """The token of one run, cancelled with its execution before the block or while it lasts.

        A cancellation of attempts before those of the request meant an earlier life of the
        execution.
        """
        token = CancellationToken()
        with self._lock:
            self._running[token] = request
            cancel = self._cancelled.get(request.execution_id)
        if cancel is not None and cancel.concerns(request):
            token.cancel()
        try:
            yield token
        finally:
            with self._lock:
                del self._running[token]
