"""python -m support.fatal_consumer URL QUEUE: a consumer that dies of what it is given."""

import os
import signal
import sys

from runlet.broker import topology
from runlet.broker.consumer import Consumer, Delivery
from runlet.languages import LANGUAGES
from runlet.lifecycle import StopSignal


def die(_delivery: Delivery) -> None:
    """As when the kernel ends a process: nothing is said to anybody."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, queue: str) -> None:
    """Consume until the first message comes."""
    consumer = Consumer(
        url, "fatal", [queue], 1, lambda channel: topology.declare(channel, LANGUAGES), die
    )
    consumer.run(StopSignal(), is_drained=lambda: True)


if __name__ == "__main__":
    main(*sys.argv[1:])
