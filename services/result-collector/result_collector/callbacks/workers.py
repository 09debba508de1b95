"""The loops that call receivers back, beside everything that stores results."""

from collections.abc import Callable
from queue import Empty, Queue

import structlog
from sqlalchemy.exc import SQLAlchemyError

from result_collector.callbacks.retry_until_stopped import Patience
from runlet_amqp.consumer import Consumer, Delivery
from runlet_telemetry.supervision import Loop, LoopContext

log = structlog.get_logger()

# As many receivers as may be slow at once before others wait for them.
WORKERS = 8
# How soon a stop is seen while nothing arrives.
IDLE_SECONDS = 0.5

Handle = Callable[[Delivery, Patience], None]


class CallbackWorkers:
    """Loops that handle what a consumer delivers.

    Once a loop is asked to stop, what it is sending is finished; what waits is not settled, so the
    broker delivers it again, to others.
    """

    def __init__(self, consumer: Consumer, deliveries: "Queue[Delivery]", handle: Handle) -> None:
        self._consumer = consumer
        self._deliveries = deliveries
        self._handle = handle

    def loops(self) -> tuple[Loop, ...]:
        """As many as receivers are called at once."""
        return tuple(Loop(f"callbacks-{number}", self._work) for number in range(WORKERS))

    def _work(self, stop: LoopContext) -> None:
        patience = Patience(stop)
        while not stop.is_set():
            try:
                delivery = self._deliveries.get(timeout=IDLE_SECONDS)
            except Empty:
                continue
            # What a lost connection had delivered was given to somebody else.
            if self._consumer.is_current(delivery):
                self._handle_and_settle(delivery, patience, stop)

    def _handle_and_settle(self, delivery: Delivery, patience: Patience, stop: LoopContext) -> None:
        try:
            self._handle(delivery, patience)
        except SQLAlchemyError as error:
            log.warning(
                "callback_not_noted", execution_id=delivery.correlation_id, error=str(error)
            )
            if stop.is_set():
                # The database was away to the end: for whoever comes next.
                return
        self._consumer.settle([delivery])
