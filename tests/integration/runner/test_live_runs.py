"""Programs on the real engine, heard over a real broker while they run."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pika.adapters.blocking_connection import BlockingChannel

from runlet import messages, topology
from runlet.execution import Status
from runlet.messages import ExecutionFinished, ExecutionOutput, RunRequested
from runlet_amqp import envelopes
from support.broker import vhosts
from support.sandboxes.runners import RunningRunner, run_request, running_runner

ARRIVAL_SECONDS = 120
COUNTING = """
import sys, time
for number in range(3):
    print(number, flush=True)
    print('!', end='', file=sys.stderr, flush=True)
    time.sleep(1)
"""
CUT_IN_HALF = r"""
import os, time
for byte in '€😀'.encode() + b'\xff\0.':
    os.write(1, bytes([byte]))
    time.sleep(0.12)
"""
FLOOD = "import sys\nwhile True: sys.stdout.write('x' * 4096)"


class Ear:
    """A queue that gets the output of all runs."""

    def __init__(self, channel: BlockingChannel) -> None:
        self._channel = channel
        self._queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(self._queue, topology.RESULTS, topology.OUTPUT)

    def hear(self, patience: float = ARRIVAL_SECONDS) -> ExecutionOutput | None:
        """The next piece; None when none comes in time."""
        for method, properties, body in self._channel.consume(
            self._queue, auto_ack=True, inactivity_timeout=patience
        ):
            if method is None:
                return None
            message = messages.decode(properties.type, body)
            assert isinstance(message, ExecutionOutput)
            return message
        raise AssertionError("The queue is gone.")

    def hear_all(self) -> list[ExecutionOutput]:
        """What is there when the run is over."""
        heard = []
        while (piece := self.hear(0.5)) is not None:
            heard.append(piece)
        return heard


@contextmanager
def listening(amqp_url: str) -> Iterator[Ear]:
    with vhosts.open_channel(amqp_url) as channel:
        yield Ear(channel)


def run(amqp_url: str, runner: RunningRunner, request: RunRequested) -> ExecutionFinished:
    """Run a program to its end."""
    vhosts.publish(amqp_url, envelopes.run_request(request, None))
    return runner.finished()


def joined(pieces: list[ExecutionOutput], stream: str) -> str:
    """The text of a stream, whose pieces follow each other without a gap."""
    text = ""
    for piece in pieces:
        if piece.stream == stream:
            assert piece.offset == len(text)
            text += piece.text
    return text


def test_a_program_is_heard_while_it_runs(amqp_url: str) -> None:
    request = run_request(COUNTING)
    with running_runner(amqp_url) as runner, listening(amqp_url) as ear:
        vhosts.publish(amqp_url, envelopes.run_request(request, None))
        first = ear.hear()
        heard_at = datetime.now(UTC)
        finished = runner.finished()
        heard = ear.hear_all()
    assert first is not None
    assert (first.execution_id, first.attempt, first.text) == (request.execution_id, 1, "0\n")
    assert heard_at < finished.finished_at
    assert finished.result.stdout == joined([first, *heard], "stdout") == "0\n1\n2\n"
    assert joined([first, *heard], "stderr") == "!!!"


def test_characters_that_come_in_halves_are_heard_as_the_result_has_them(amqp_url: str) -> None:
    with running_runner(amqp_url) as runner, listening(amqp_url) as ear:
        result = run(amqp_url, runner, run_request(CUT_IN_HALF)).result
        heard = ear.hear_all()
    replaced = "\N{REPLACEMENT CHARACTER}"
    assert result.stdout == f"€😀{replaced}{replaced}."
    assert {"€", "😀"} <= {piece.text for piece in heard}
    assert result.stdout == joined(heard, "stdout")


def test_a_flood_is_heard_in_few_pieces_which_are_the_beginning_of_the_result(
    amqp_url: str,
) -> None:
    with running_runner(amqp_url) as runner, listening(amqp_url) as ear:
        finished = run(amqp_url, runner, run_request(FLOOD))
        heard = ear.hear_all()
    assert (finished.status, finished.reason) == (Status.FAILED, "output_limit")
    assert finished.result.stdout.startswith(joined(heard, "stdout"))
    assert len(heard) <= 3
