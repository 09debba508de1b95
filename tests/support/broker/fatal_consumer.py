"""python -m support.broker.fatal_consumer URL QUEUE: a consumer that dies of what it is given."""

import os
import signal
import sys

from runlet.languages import LANGUAGES
from runlet.lifecycle import StopSignal
from runlet_amqp import declaration
from runlet_amqp.consumer import Consumer, Delivery


def die(_delivery: Delivery) -> None:
    """As when the kernel ends a process: nothing is said to anybody."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, queue: str) -> None:
    """Consume until the first message comes."""
    consumer = Consumer(
        url, "fatal", [queue], 1, lambda channel: declaration.declare(channel, LANGUAGES), die
    )
    consumer.run(StopSignal(), is_drained=lambda: True)


if __name__ == "__main__":
    main(*sys.argv[1:])
