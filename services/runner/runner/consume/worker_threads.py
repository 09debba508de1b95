"""The threads that work deliveries off."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from runlet.backoff import Stop
from runlet_amqp.consumer import Delivery
from runlet_telemetry.metrics import SLOTS_BUSY
from runlet_telemetry.supervision import Loop
from runner.work_queue import IDLE_SECONDS, WorkQueue

log = structlog.get_logger()

# One delivery at its longest: waiting for the engine, compiling and running twice, and two messages
# that are published through an outage of the broker.
LONGEST_DELIVERY_SECONDS = 1200.0


class WorkerThreads:
    """Hands deliveries to a fixed number of supervised loops; any thread may call it.

    What waited while its connection was lost is dropped, as `holds` says: the broker delivers it
    again. `requeue` gets a delivery whose handling failed, in any thread; `return_unstarted` gets
    those that were not begun when this was closed, and returns when it is done with them.
    """

    def __init__(
        self,
        count: int,
        holds: Callable[[Delivery], bool],
        handle: Callable[[Delivery], None],
        requeue: Callable[[Delivery], None],
        return_unstarted: Callable[[Sequence[Delivery]], None],
    ) -> None:
        self._count = count
        self._holds = holds
        self._handle = handle
        self._requeue = requeue
        self._return_unstarted = return_unstarted
        # A loop of its own: the workers may be busy for as long as runs take.
        self._returns: WorkQueue[Sequence[Delivery]] = WorkQueue(self._return)
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._finished = threading.Condition(self._lock)
        self._waiting: deque[Delivery] = deque()
        self._busy = 0
        self._closing = False

    def loops(self) -> tuple[Loop, ...]:
        """The workers, and what returns deliveries that were not begun."""
        workers = (
            Loop(f"worker-{number}", self._work, self._wake, LONGEST_DELIVERY_SECONDS)
            for number in range(1, self._count + 1)
        )
        return (*workers, Loop("returner", self._returns.run, self._returns.wake))

    def accept(self, delivery: Delivery) -> None:
        """Work a delivery off as soon as a worker is free; once closed, return it."""
        with self._lock:
            self._waiting.append(delivery)
            if self._closing:
                self._return_waiting()
            else:
                self._arrived.notify()

    def close(self) -> None:
        """Let what runs finish and return what waits, in the background; again is fine."""
        with self._lock:
            if not self._closing:
                self._closing = True
                self._return_waiting()

    def are_idle(self) -> bool:
        """Whether nothing runs or is being returned any more."""
        with self._lock:
            return self._busy == 0

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait up to `seconds` until nothing runs or is being returned; whether that is so."""
        with self._lock:
            return self._finished.wait_for(lambda: self._busy == 0, seconds)

    def _wake(self) -> None:
        with self._lock:
            self._arrived.notify_all()

    def _return_waiting(self) -> None:
        waiting = tuple(delivery for delivery in self._waiting if self._holds(delivery))
        self._waiting.clear()
        if waiting:
            self._busy += 1
            self._returns.put(waiting)

    def _return(self, waiting: Sequence[Delivery]) -> None:
        try:
            self._return_unstarted(waiting)
        except Exception:
            # Whatever it was, they come back by themselves, which counts as a failure of each.
            log.exception("request_return_failed")
        finally:
            self._note_idle()

    def _work(self, stop: Stop) -> None:
        while not stop.is_set():
            delivery = self._next_delivery()
            if delivery is not None:
                self._work_off(delivery)

    def _next_delivery(self) -> Delivery | None:
        with self._lock:
            if not self._waiting:
                self._arrived.wait(IDLE_SECONDS)
            if not self._waiting:
                return None
            self._busy += 1
            return self._waiting.popleft()

    def _work_off(self, delivery: Delivery) -> None:
        SLOTS_BUSY.inc()
        try:
            if self._holds(delivery):
                self._handle(delivery)
        except Exception:
            # Whatever it was, the message must neither be lost nor stay with this runner.
            log.exception("delivery_failed", execution_id=delivery.correlation_id)
            self._requeue(delivery)
        finally:
            SLOTS_BUSY.dec()
            self._note_idle()

    def _note_idle(self) -> None:
        with self._lock:
            self._busy -= 1
            self._finished.notify_all()
