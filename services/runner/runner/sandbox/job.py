"""One job on one container, from its frame to the agent's last one."""

import struct
import time
from collections.abc import Callable
from math import inf

import structlog

from runlet_telemetry import tracing
from runner.containers.container import Container, StreamTimeoutError
from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.interface import Placement, RunObserver, SandboxUnavailableError
from runner.sandbox.output_publisher import OutputPublisher
from runner.sandbox.protocol import (
    CONTINUE_FRAME,
    DONE,
    FAULT,
    MEMORY,
    STDERR,
    STDOUT,
    STEP,
    Frame,
    Step,
    decode_memory_report,
    decode_step_report,
)
from runner.sandbox.verdict import StepTranscript, Transcript, succeeded

log = structlog.get_logger()

# The agent enforces the limits. For so much longer its report is waited for: an overloaded host
# delays it, and giving up costs the program another attempt.
GRACE_SECONDS = 5.0
# How long to read what was reported while this process itself was frozen. What the sockets could
# not hold comes only as it is read, so this waits for it.
LATE_SECONDS = 1.0
SCRUB_SECONDS = 5.0
# Most programs are over sooner, and the message that ends them says when they started. Well before
# the first output is published: who reads the execution then should find it running.
LONG_RUNNING_SECONDS = 0.02
# A scrub that takes longer met something out of the ordinary.
SLOW_SCRUB_SECONDS = 0.25


class Job:
    """Sends a job and writes down what comes back.

    `make_room` is called between two steps, while nothing runs in the container, with the
    transcript of the step before; where it says no, memory is what the next step lacks.
    """

    def __init__(
        self,
        container: Container,
        placement: Placement,
        make_room: Callable[[StepTranscript], bool],
        observer: RunObserver,
        token: CancellationToken,
    ) -> None:
        self._container = container
        self._placement = placement
        self._make_room = make_room
        self._observer = observer
        self._output = OutputPublisher(observer.printed)
        self._token = token
        self._long_running_at = inf
        self.transcript = Transcript()

    def run(self, frame: bytes, steps: list[Step]) -> None:
        """Run the steps until one fails; the transcript holds the rest.

        Raises SandboxUnavailableError when the program could not be started. A container that ends
        in the middle is noted as `container_exited`, an agent that does not report in time as
        `agent_timed_out`.
        """
        started = time.monotonic()
        self._long_running_at = started + LONG_RUNNING_SECONDS
        try:
            self._container.send(frame)
            with self._token.bound_to(self._send_stop):
                self._run_steps(steps)
                if not self.transcript.out_of_memory:
                    self._await_done()
        except StreamTimeoutError:
            self.transcript.agent_timed_out = True
        except EOFError:
            self.transcript.container_exited = True
        finally:
            self.transcript.cancelled = self._token.is_cancelled
            self.transcript.wall_ms = round((time.monotonic() - started) * 1000)

    def _run_steps(self, steps: list[Step]) -> None:
        for index, step in enumerate(steps):
            if index and not self._continue():
                return
            is_last = index == len(steps) - 1
            if is_last:
                self._output.begin(time.monotonic())
            with tracing.step("run the program" if is_last else "compile"):
                self._await_report(step)
            if not succeeded(self.transcript.steps[-1]):
                return

    def _send_stop(self) -> None:
        try:
            self._container.stop()
        except OSError as error:
            # Gone or frozen: the thread that waits for its frames sees that by itself.
            log.warning(
                "cancellation_send_failed", container=self._container.name, error=repr(error)
            )

    def _continue(self) -> bool:
        transcript = self.transcript
        transcript.out_of_memory = not self._make_room(transcript.steps[-1])
        if not transcript.out_of_memory:
            # An agent that was stopped between two steps has ended the job already.
            transcript.stopped = not self._token.run_unless_cancelled(
                lambda: self._container.send(CONTINUE_FRAME)
            )
        if not transcript.stopped:
            transcript.steps.append(StepTranscript())
        return not (transcript.out_of_memory or transcript.stopped)

    def _await_report(self, step: Step) -> None:
        deadline = time.monotonic() + step.time_limit_ms / 1000 + GRACE_SECONDS
        transcript = self.transcript.steps[-1]
        try:
            while transcript.report is None:
                self._note(self._next_frame_or_publish(transcript, deadline), transcript)
        except StreamTimeoutError:
            self._read_late(transcript)

    def _read_late(self, transcript: StepTranscript) -> None:
        end = time.monotonic() + LATE_SECONDS
        while transcript.report is None:
            self._note(_not_ended(self._container.next_frame(end)), transcript)

    def _note(self, frame: Frame, transcript: StepTranscript) -> None:
        kind, content = frame
        if kind == STDOUT:
            transcript.stdout += content
            self._output.note_output()
        elif kind == STDERR:
            transcript.stderr += content
            self._output.note_output()
        elif kind in (MEMORY, STEP):
            _note_report(kind, content, transcript)
        elif kind == FAULT:
            problem = content.decode(errors="replace")
            raise SandboxUnavailableError(f"The program could not be started: {problem}.")

    def _next_frame_or_publish(self, transcript: StepTranscript, deadline: float) -> Frame:
        while True:
            try:
                due = min(deadline, self._output.due, self._long_running_at)
                return _not_ended(self._container.next_frame(due))
            except StreamTimeoutError:
                now = time.monotonic()
                if now >= deadline:
                    raise
                self._publish(transcript, now)

    def _publish(self, transcript: StepTranscript, now: float) -> None:
        if now >= self._long_running_at:
            self._long_running_at = inf
            self._observer.running(self._placement)
        if now >= self._output.due:
            self._output.publish(transcript, now)

    def _await_done(self) -> None:
        reported = time.monotonic()
        kind, content = _not_ended(self._container.next_frame(reported + SCRUB_SECONDS))
        quick = time.monotonic() - reported < SLOW_SCRUB_SECONDS
        self.transcript.scrubbed = quick and (kind, content) == (DONE, b"\1")


def _not_ended(frame: Frame | None) -> Frame:
    if frame is None:
        raise EOFError
    return frame


def _note_report(kind: bytes, content: bytes, transcript: StepTranscript) -> None:
    try:
        if kind == MEMORY:
            transcript.memory = decode_memory_report(content)
        else:
            transcript.report = decode_step_report(content)
    except (struct.error, ValueError) as error:
        raise SandboxUnavailableError(f"The agent sent an odd report: {error}.") from error
