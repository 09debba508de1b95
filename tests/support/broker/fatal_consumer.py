"""python -m support.broker.fatal_consumer URL QUEUE: a consumer that dies of what it is given."""

import os
import signal
import sys

from runlet_amqp.consumer import Consumer, Delivery
from runlet_telemetry.supervision import Supervisor
from support.broker.vhosts import TOPOLOGY


def die(_delivery: Delivery) -> None:
    """As when the kernel ends a process: nothing is said to anybody."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, queue: str) -> None:
    """Consume until the first message comes."""
    consumer = Consumer(url, "fatal", [queue], 1, TOPOLOGY, die)
    Supervisor().start(consumer.loop(is_drained=lambda: True))
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
