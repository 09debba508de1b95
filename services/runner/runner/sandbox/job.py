"""One job on one container, from its frame to the agent's last word."""

import struct
import time
from collections.abc import Callable
from math import inf

import structlog

from runlet_telemetry import tracing
from runner.containers.container import Container, StreamTimeoutError
from runner.sandbox.cancellation_token import StopRequest
from runner.sandbox.interface import OnOutput, SandboxUnavailableError
from runner.sandbox.output_publisher import LiveOutput
from runner.sandbox.protocol import (
    CONTINUE_FRAME,
    DONE,
    FAULT,
    STDERR,
    STDOUT,
    STEP,
    Frame,
    Step,
    decode_step_report,
)
from runner.sandbox.verdict import StepTranscript, Transcript, succeeded

log = structlog.get_logger()

# The agent keeps the limits; past this much more it is taken for frozen.
GRACE_SECONDS = 0.4
SCRUB_SECONDS = 5.0
# Most programs are over sooner, and nobody has to be told that they run. Well before the first
# output is told (live_output.py): who hears of that and reads the execution should find it running.
LASTING_SECONDS = 0.02
# A scrub that takes longer met something out of the ordinary.
SLOW_SCRUB_SECONDS = 0.25


class Job:
    """Sends a job and writes down what comes back.

    `may_go_on` is asked between two steps, while nothing runs in the container; where it says no,
    memory is what the next step lacks.
    """

    def __init__(
        self,
        container: Container,
        may_go_on: Callable[[], bool],
        on_output: OnOutput,
        stop: StopRequest,
    ) -> None:
        self._container = container
        self._may_go_on = may_go_on
        self._live = LiveOutput(on_output)
        self._stop = stop
        self._lasts_from = inf
        self._on_lasting: Callable[[], None] = lambda: None
        self.transcript = Transcript()

    def run(
        self,
        frame: bytes,
        steps: list[Step],
        on_start: Callable[[], None],
        on_lasting: Callable[[], None],
    ) -> None:
        """Run the steps until one fails; the transcript tells the rest.

        `on_start` is called while the program starts, so that what it does costs the run no time,
        and `on_lasting` when it is not over after LASTING_SECONDS.

        Raises SandboxUnavailableError when the program could not be started. A container that ends
        in the middle is noted as `ended`, one that does not answer in time as `overdue`.
        """
        started = time.monotonic()
        self._on_lasting, self._lasts_from = on_lasting, started + LASTING_SECONDS
        try:
            self._container.send(frame)
            with self._stop.reaching(self._send_stop):
                on_start()
                self._run_steps(steps)
                if not self.transcript.starved:
                    self._await_done()
        except StreamTimeoutError:
            self.transcript.overdue = True
        except EOFError:
            self.transcript.ended = True
        finally:
            self.transcript.wall_ms = round((time.monotonic() - started) * 1000)

    def _run_steps(self, steps: list[Step]) -> None:
        for index, step in enumerate(steps):
            if index and not self._continue():
                return
            is_last = index == len(steps) - 1
            if is_last:
                self._live.begin(time.monotonic())
            with tracing.step("run the program" if is_last else "compile"):
                self._await_report(step)
            if not succeeded(self.transcript.steps[-1]):
                return

    def _send_stop(self) -> None:
        try:
            self._container.stop()
        except OSError as error:
            # Gone or frozen: the thread that waits for its frames sees that by itself.
            log.warning("stop_not_sent", container=self._container.name, error=repr(error))

    def _continue(self) -> bool:
        transcript = self.transcript
        transcript.starved = not self._may_go_on()
        if not transcript.starved:
            # An agent that was told to stop between two steps has ended the job already.
            transcript.stopped = not self._stop.unless_asked(
                lambda: self._container.send(CONTINUE_FRAME)
            )
        if not transcript.stopped:
            transcript.steps.append(StepTranscript())
        return not (transcript.starved or transcript.stopped)

    def _await_report(self, step: Step) -> None:
        deadline = time.monotonic() + step.time_limit_ms / 1000 + GRACE_SECONDS
        transcript = self.transcript.steps[-1]
        while transcript.report is None:
            kind, content = self._next_frame_or_tell(transcript, deadline)
            if kind == STDOUT:
                transcript.stdout += content
                self._live.printed()
            elif kind == STDERR:
                transcript.stderr += content
                self._live.printed()
            elif kind == STEP:
                _note_report(content, transcript)
            elif kind == FAULT:
                problem = content.decode(errors="replace")
                raise SandboxUnavailableError(f"The program could not be started: {problem}.")

    def _next_frame_or_tell(self, transcript: StepTranscript, deadline: float) -> Frame:
        while True:
            try:
                return self._next_frame(min(deadline, self._live.due, self._lasts_from))
            except StreamTimeoutError:
                now = time.monotonic()
                if now >= deadline:
                    raise
                self._tell(transcript, now)

    def _tell(self, transcript: StepTranscript, now: float) -> None:
        if now >= self._lasts_from:
            self._lasts_from = inf
            self._on_lasting()
        if now >= self._live.due:
            self._live.tell(transcript, now)

    def _await_done(self) -> None:
        reported = time.monotonic()
        kind, content = self._next_frame(reported + SCRUB_SECONDS)
        quick = time.monotonic() - reported < SLOW_SCRUB_SECONDS
        self.transcript.clean = quick and (kind, content) == (DONE, b"\1")

    def _next_frame(self, deadline: float) -> Frame:
        frame = self._container.next_frame(deadline)
        if frame is None:
            raise EOFError
        return frame


def _note_report(content: bytes, transcript: StepTranscript) -> None:
    try:
        transcript.report = decode_step_report(content)
    except (struct.error, ValueError) as error:
        raise SandboxUnavailableError(f"The agent sent an odd report: {error}.") from error
