"""Publishing what a program prints while it runs."""

import codecs
from collections.abc import Callable
from concurrent.futures import Future
from math import inf

from runner.sandbox.interface import StreamName
from runner.sandbox.verdict import StepTranscript, without_nul

# Most programs are over sooner, and so cost nothing here.
QUIET_SECONDS = 0.05
PERIOD_SECONDS = 0.05
PIECE_BYTES = 32 * 1024

# See runner.sandbox.interface.RunObserver.printed.
Publish = Callable[[StreamName, int, str], "Future[None]"]


class OutputPublisher:
    """Publishes the output of one step: in each period at most one piece of each stream, in order.

    `due` is when `publish` has work, in seconds of time.monotonic. What cannot be published yet,
    because the broker is away or slower than the program, stays in the transcript. For one thread.
    """

    def __init__(self, publish: Publish) -> None:
        self.due = inf
        self._not_before = inf
        self._stdout = _Stream("stdout", publish)
        self._stderr = _Stream("stderr", publish)

    def begin(self, now: float) -> None:
        """The program starts now."""
        self._not_before = now + QUIET_SECONDS

    def note_output(self) -> None:
        """Note that the transcript has grown."""
        if self.due == inf:
            self.due = self._not_before

    def publish(self, transcript: StepTranscript, now: float) -> None:
        """Publish what is new, without waiting for anything."""
        self.due = self._not_before = now + PERIOD_SECONDS
        # Both have their turn, whatever the first one gives.
        unsettled = (
            self._stdout.publish(transcript.stdout),
            self._stderr.publish(transcript.stderr),
        )
        if not any(unsettled):
            self.due = inf


class _Stream:
    """One stream: a piece follows when the one before is confirmed; one that was lost goes again.

    The decoder sees every byte once and in order, so that the pieces are those of the result, cut
    between characters.
    """

    def __init__(self, name: StreamName, publish: Publish) -> None:
        self._name = name
        self._send = publish
        self._decoder: codecs.IncrementalDecoder | None = None
        self._decoded_bytes = 0
        self._confirmed = 0
        self._piece = ""
        self._sent: Future[None] | None = None

    def publish(self, printed: bytearray) -> bool:
        """Send the next piece if it may go; whether to come again though nothing is printed."""
        if self._sent is not None:
            if not self._sent.done():
                return True
            self._settle(self._sent)
        if not self._piece:
            self._piece = self._decode(printed)
        if self._piece:
            self._sent = self._send(self._name, self._confirmed, self._piece)
        return bool(self._piece)

    def _settle(self, sent: "Future[None]") -> None:
        if sent.exception() is None:
            self._confirmed += len(self._piece)
            self._piece = ""
        self._sent = None

    def _decode(self, printed: bytearray) -> str:
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        new = printed[self._decoded_bytes : self._decoded_bytes + PIECE_BYTES]
        self._decoded_bytes += len(new)
        return without_nul(self._decoder.decode(new))
