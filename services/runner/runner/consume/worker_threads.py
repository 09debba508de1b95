"""The runs that go on at once in this runner."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from runlet_amqp.consumer import Delivery
from runlet_telemetry.metrics import SLOTS_BUSY

log = structlog.get_logger()


class Slots:
    """Hands deliveries to a fixed number of threads.

    What waited while its connection was lost is dropped, as `holds` tells: the broker delivers it
    again. `give_up` gets a delivery whose handling failed, in any thread; `hand_back` gets those
    that were not begun when the slots closed, and returns when it is done with them.
    """

    def __init__(
        self,
        count: int,
        holds: Callable[[Delivery], bool],
        handle: Callable[[Delivery], None],
        give_up: Callable[[Delivery], None],
        hand_back: Callable[[Sequence[Delivery]], None],
    ) -> None:
        self._holds = holds
        self._handle = handle
        self._give_up = give_up
        self._hand_back = hand_back
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="slot")
        # A thread of its own: the slots may be busy for as long as runs take.
        self._returner = ThreadPoolExecutor(1, thread_name_prefix="hand-back")
        self._lock = threading.Lock()
        self._waiting: deque[Delivery] = deque()
        self._busy = 0
        self._closing = False

    def accept(self, delivery: Delivery) -> None:
        """Run a delivery as soon as a slot is free; once closed, hand it back."""
        with self._lock:
            self._waiting.append(delivery)
            if self._closing:
                self._return_waiting()
            else:
                self._threads.submit(self._work)

    def close(self) -> None:
        """Let what runs finish and hand back what waits, in the background; again is fine."""
        with self._lock:
            if not self._closing:
                self._closing = True
                self._return_waiting()

    def are_idle(self) -> bool:
        """Whether nothing runs or is handed back any more."""
        with self._lock:
            return self._busy == 0

    def join(self) -> None:
        """Wait until closed slots are idle; nothing may be accepted from then on."""
        self._threads.shutdown()
        self._returner.shutdown()

    def _return_waiting(self) -> None:
        waiting = tuple(delivery for delivery in self._waiting if self._holds(delivery))
        self._waiting.clear()
        if waiting:
            self._busy += 1
            self._returner.submit(self._return, waiting)

    def _return(self, waiting: Sequence[Delivery]) -> None:
        try:
            self._hand_back(waiting)
        except Exception:
            # Whatever it was, they come back by themselves, which counts as a failure of each.
            log.exception("hand_back_failed")
        finally:
            with self._lock:
                self._busy -= 1

    def _work(self) -> None:
        with self._lock:
            if not self._waiting:
                return
            delivery = self._waiting.popleft()
            self._busy += 1
        SLOTS_BUSY.inc()
        try:
            if self._holds(delivery):
                self._handle(delivery)
        except Exception:
            # Whatever it was, the message must neither be lost nor stay with this runner.
            log.exception("delivery_failed", execution_id=delivery.correlation_id)
            self._give_up(delivery)
        finally:
            SLOTS_BUSY.dec()
            with self._lock:
                self._busy -= 1
