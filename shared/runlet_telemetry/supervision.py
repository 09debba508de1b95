"""Background loops: started here, watched, restarted, and ended with the process.

Every thread that works beside the main one belongs to a Supervisor. A loop that raises is started
again after a back-off; one that fails again and again, or hangs, ends the process, so that whoever
runs it starts it anew. A periodic loop never does: it is no reason to stop the main work. `/health`
and two metrics say which loops turn.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from runlet.backoff import Backoff
from runlet.clock import Clock, SystemClock
from runlet_telemetry.metrics import LOOP_RESTARTS, LOOP_SILENCE_SECONDS, LOOP_STALLED

log = structlog.get_logger()

WATCHDOG = "watchdog"
WATCH_EVERY_SECONDS = 2.0
# How long a turn may take: longer than each time-out that a loop meets on its way.
MAX_SILENCE_SECONDS = 60.0
# A loop that has turned for so long without a failure counts as well again.
WELL_AFTER_SECONDS = 60.0
MAX_FAILURES_IN_A_ROW = 10
# How long a process that ends itself may take to put in order what can still be put in order.
ENDING_SECONDS = 30.0


def _nothing() -> None:
    """For a loop that waits for nothing but its context."""


@dataclass(frozen=True)
class Loop:
    """One background loop.

    `run` works until `context.is_set()`, and looks at its context at least every
    `max_silence_seconds`: each look says that it still turns. It handles the outages it expects;
    what it raises, or its return before it was asked to stop, is a failure. `wake` is called when
    it is asked to stop, from another thread, and must not wait: for a loop that waits for
    something else than its context.

    `period_seconds` is for a loop that takes turns beside the main work: it is started again after
    so long, for as long as the process lives.
    """

    name: str
    run: Callable[["LoopContext"], None]
    wake: Callable[[], None] = _nothing
    max_silence_seconds: float = MAX_SILENCE_SECONDS
    period_seconds: float | None = None

    @property
    def is_vital(self) -> bool:
        """Whether the process ends when the loop cannot be kept alive."""
        return self.period_seconds is None


class LoopContext:
    """What a loop asks whether to go on; a runlet.backoff.Stop. Any thread may call it."""

    def __init__(self, max_silence_seconds: float) -> None:
        self._slice_seconds = max_silence_seconds / 4
        self._stopping = threading.Event()
        self.silence_seconds = 0.0

    def beat(self) -> None:
        """Say that the loop still turns."""
        self.silence_seconds = 0.0

    def is_set(self) -> bool:
        """Whether the loop is to end."""
        self.beat()
        return self._stopping.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the loop is to end; False when `seconds` passed first."""
        left = float("inf") if seconds is None else seconds
        while left > 0 and not self.is_set():
            step = min(left, self._slice_seconds)
            if self._stopping.wait(step):
                break
            left -= step
        return self.is_set()

    def set(self) -> None:
        """Ask the loop to end."""
        self._stopping.set()

    @property
    def was_asked_to_stop(self) -> bool:
        """As `is_set`, for those who watch the loop: looking is no sign that it turns."""
        return self._stopping.is_set()


def end_process(reason: str) -> None:
    """End this process as SIGTERM does, and after ENDING_SECONDS without asking anybody."""
    log.critical("process_ending", reason=reason)
    # A loop that hangs may keep an orderly end waiting for ever.
    last_resort = threading.Timer(ENDING_SECONDS, os._exit, (os.EX_SOFTWARE,))
    # An orderly end does not wait for it.
    last_resort.daemon = True
    last_resort.start()
    os.kill(os.getpid(), signal.SIGTERM)


@dataclass
class _Supervised:
    """A loop, its thread and how it fares."""

    loop: Loop
    context: LoopContext
    thread: threading.Thread
    was_stalled: bool = False

    @property
    def has_ended_as_asked(self) -> bool:
        return self.context.was_asked_to_stop and not self.thread.is_alive()

    @property
    def is_stalled(self) -> bool:
        is_silent = self.context.silence_seconds > self.loop.max_silence_seconds
        return (is_silent or not self.thread.is_alive()) and not self.has_ended_as_asked


@dataclass
class _Failures:
    """How often a loop has failed without having been well in between."""

    clock: Clock
    backoff: Backoff = field(default_factory=Backoff)
    count: int = 0
    started_at: float = 0.0

    def note_start(self) -> None:
        self.started_at = self.clock.monotonic()

    def note_failure(self) -> float:
        """Give the seconds to wait before the next start."""
        if self.clock.monotonic() - self.started_at >= WELL_AFTER_SECONDS:
            self.count = 0
            self.backoff.reset()
        self.count += 1
        return self.backoff.next_delay()


class Supervisor:
    """Owns the background threads of one process; any thread may call it.

    `give_up` ends the process, and is told why.
    """

    def __init__(
        self, give_up: Callable[[str], None] = end_process, clock: Clock | None = None
    ) -> None:
        self._give_up = give_up
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._loops: dict[str, _Supervised] = {}
        self.has_given_up = False

    def start(self, *loops: Loop) -> None:
        """Start each loop on a thread of its own; the first call starts the watchdog as well."""
        for loop in (*self._missing_watchdog(), *loops):
            self._start(loop)

    def ask_to_stop(self, *names: str) -> None:
        """Have loops end, without waiting for it. Names of loops that were not started are fine."""
        for supervised in self._named(names):
            supervised.context.set()
            supervised.loop.wake()

    def stop(self, *names: str, timeout: float = 10.0) -> bool:
        """Have loops end, and wait up to `timeout` seconds for all; whether they did."""
        self.ask_to_stop(*names)
        deadline = self._clock.monotonic() + timeout
        for supervised in self._named(names):
            supervised.thread.join(max(0.0, deadline - self._clock.monotonic()))
        ended = [each for each in self._named(names) if not each.thread.is_alive()]
        with self._lock:
            for supervised in ended:
                self._loops.pop(supervised.loop.name, None)
        return len(ended) == len(names)

    def stop_in_order(self, *groups: tuple[str, ...], timeout: float) -> bool:
        """Have the loops of each group end before those of the next, and at last all others.

        Waits up to `timeout` seconds in all; whether every loop did. When the time is over, the
        groups that are left are asked to stop and not waited for.
        """
        deadline = self._clock.monotonic() + timeout

        def left() -> float:
            return max(0.0, deadline - self._clock.monotonic())

        have_ended = [self.stop(*group, timeout=left()) for group in groups]
        return self.stop_all(timeout=left()) and all(have_ended)

    def stop_all(self, timeout: float = 10.0) -> bool:
        """Have every loop end, the youngest first; whether all did within `timeout` seconds."""
        with self._lock:
            names = tuple(reversed(self._loops))
        return self.stop(*names, timeout=timeout)

    def stalled(self) -> list[str]:
        """The names of the loops that do not turn; `/health` says them."""
        with self._lock:
            return [each.loop.name for each in self._loops.values() if each.is_stalled]

    def is_running(self, name: str) -> bool:
        """Whether a loop was started and has not ended."""
        supervised = self._loops.get(name)
        return supervised is not None and supervised.thread.is_alive()

    def _missing_watchdog(self) -> tuple[Loop, ...]:
        return () if WATCHDOG in self._loops else (Loop(WATCHDOG, self._watch),)

    def _named(self, names: tuple[str, ...]) -> list[_Supervised]:
        with self._lock:
            return [self._loops[name] for name in names if name in self._loops]

    def _start(self, loop: Loop) -> None:
        context = LoopContext(loop.max_silence_seconds)
        thread = threading.Thread(
            target=self._keep_alive, args=(loop, context), name=loop.name, daemon=True
        )
        with self._lock:
            if loop.name in self._loops:
                raise ValueError(f"There is a loop named {loop.name} already.")
            self._loops[loop.name] = _Supervised(loop, context, thread)
        LOOP_RESTARTS.labels(loop.name)
        thread.start()

    def _keep_alive(self, loop: Loop, context: LoopContext) -> None:
        failures = _Failures(self._clock)
        while not context.is_set():
            failures.note_start()
            try:
                loop.run(context)
                if context.is_set():
                    return
                log.error("loop_ended", loop=loop.name)
            except Exception:
                log.exception("loop_failed", loop=loop.name)
            delay = failures.note_failure()
            if loop.is_vital and failures.count > MAX_FAILURES_IN_A_ROW:
                self._end(f"The loop {loop.name} failed {failures.count} times in a row.")
                return
            LOOP_RESTARTS.labels(loop.name).inc()
            context.wait(delay if loop.period_seconds is None else loop.period_seconds)

    def _watch(self, context: LoopContext) -> None:
        while not context.wait(WATCH_EVERY_SECONDS):
            self.note_passing(WATCH_EVERY_SECONDS)

    def note_passing(self, seconds: float) -> None:
        """Count `seconds` as silence of each loop, until it beats again.

        The watchdog counts what it has waited itself, so that a process that was frozen as a whole
        does not find all of its loops hanging when it goes on.
        """
        with self._lock:
            everything = list(self._loops.values())
        for supervised in everything:
            if supervised.has_ended_as_asked:
                continue
            supervised.context.silence_seconds += seconds
            LOOP_SILENCE_SECONDS.labels(supervised.loop.name).set(
                supervised.context.silence_seconds
            )
            self._judge(supervised)

    def _judge(self, supervised: _Supervised) -> None:
        loop, silence = supervised.loop, supervised.context.silence_seconds
        if supervised.is_stalled and not supervised.was_stalled:
            stack = _stack_of(supervised.thread)
            log.error("loop_stalled", loop=loop.name, silence_seconds=silence, stack=stack)
        elif supervised.was_stalled and not supervised.is_stalled:
            log.info("loop_recovered", loop=loop.name)
        supervised.was_stalled = supervised.is_stalled
        LOOP_STALLED.labels(loop.name).set(supervised.is_stalled)
        if loop.is_vital and silence > 2 * loop.max_silence_seconds:
            self._end(f"The loop {loop.name} has hung for {silence:.0f} s.")

    def _end(self, reason: str) -> None:
        with self._lock:
            if self.has_given_up:
                return
            self.has_given_up = True
        self._give_up(reason)


def _stack_of(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    return "".join(traceback.format_stack(frame)) if frame else ""
