"""Telling what a program prints while it runs."""

import codecs
from concurrent.futures import Future
from math import inf

from runner.sandbox.interface import OnOutput, StreamName
from runner.sandbox.verdict import StepTranscript, without_nul

# Most programs are over sooner, and so cost nothing here.
QUIET_SECONDS = 0.05
PERIOD_SECONDS = 0.05
PIECE_BYTES = 32 * 1024


class LiveOutput:
    """Tells the output of one step: in each period at most one piece of each stream, in order.

    `due` is when `tell` has work, in seconds of time.monotonic. What cannot be told yet, because
    the broker is away or slower than the program, stays where it is: in the transcript.
    """

    def __init__(self, on_output: OnOutput) -> None:
        self.due = inf
        self._not_before = inf
        self._stdout = _Stream("stdout", on_output)
        self._stderr = _Stream("stderr", on_output)

    def begin(self, now: float) -> None:
        """The program starts now."""
        self._not_before = now + QUIET_SECONDS

    def printed(self) -> None:
        """Note that the transcript has grown."""
        if self.due == inf:
            self.due = self._not_before

    def tell(self, transcript: StepTranscript, now: float) -> None:
        """Hand on what is new, without waiting for anything."""
        self.due = self._not_before = now + PERIOD_SECONDS
        # Both are asked, whatever the first one says.
        unsettled = (self._stdout.tell(transcript.stdout), self._stderr.tell(transcript.stderr))
        if not any(unsettled):
            self.due = inf


class _Stream:
    """One stream: a piece follows when the one before is confirmed; one that was lost goes again.

    The decoder sees every byte once and in order, so that the pieces are those of the result, cut
    between characters.
    """

    def __init__(self, name: StreamName, on_output: OnOutput) -> None:
        self._name = name
        self._on_output = on_output
        self._decoder: codecs.IncrementalDecoder | None = None
        self._decoded_bytes = 0
        self._confirmed = 0
        self._piece = ""
        self._sent: Future[None] | None = None

    def tell(self, printed: bytearray) -> bool:
        """Send the next piece if it may go; whether to come again though nothing is printed."""
        if self._sent is not None:
            if not self._sent.done():
                return True
            self._settle(self._sent)
        if not self._piece:
            self._piece = self._decode(printed)
        if self._piece:
            self._sent = self._on_output(self._name, self._confirmed, self._piece)
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
