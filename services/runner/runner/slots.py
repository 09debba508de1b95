"""The runs that go on at once in this runner."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from runlet.broker.consumer import Delivery
from runlet.metrics import SLOTS_BUSY

log = structlog.get_logger()


class Slots:
    """Hands deliveries to a fixed number of threads.

    A delivery whose handling fails is handed back to its queue, where the delivery limit keeps it
    from coming for ever.
    """

    def __init__(
        self,
        count: int,
        handle: Callable[[Delivery], None],
        hand_back: Callable[[Delivery], None],
    ) -> None:
        self._handle = handle
        self._hand_back = hand_back
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="slot")
        self._lock = threading.Lock()
        self._busy = 0
        self._closing = False

    def accept(self, delivery: Delivery) -> None:
        """Run a delivery as soon as a slot is free."""
        self._threads.submit(self._work, delivery)

    def close(self) -> None:
        """Let what runs finish; what waits is left to go back to its queue."""
        with self._lock:
            self._closing = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def are_idle(self) -> bool:
        """Whether nothing runs any more."""
        with self._lock:
            return self._busy == 0

    def _work(self, delivery: Delivery) -> None:
        with self._lock:
            if self._closing:
                return
            self._busy += 1
        SLOTS_BUSY.inc()
        try:
            self._handle(delivery)
        except Exception:
            # Whatever it was, the message must neither be lost nor stay with this runner.
            log.exception("delivery_failed", execution_id=delivery.correlation_id)
            self._hand_back(delivery)
        finally:
            SLOTS_BUSY.dec()
            with self._lock:
                self._busy -= 1
