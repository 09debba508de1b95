"""What the executions that run now have printed, for readers who come sooner or later."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from uuid import UUID

from execution_api.executions.waiters import Waiter
from execution_api.streaming.stream_buffer import StreamBuffer
from runlet.clock import Clock
from runlet.execution import Status
from runlet.messages import ExecutionOutput, ExecutionRetrying, ExecutionStarted, Message

StreamName = Literal["stdout", "stderr"]
STREAMS: tuple[StreamName, ...] = ("stdout", "stderr")


class Progress(NamedTuple):
    """How far an execution is: how many attempts have begun, and whether it waits for the next.

    What is later is greater.
    """

    attempt: int
    is_queued: bool

    @classmethod
    def of(cls, status: Status, attempts: int) -> "Progress":
        """The progress of an execution that is not over."""
        return cls(attempts, status == Status.QUEUED)

    @property
    def status(self) -> Status:
        """The status that goes with it."""
        return Status.QUEUED if self.is_queued else Status.RUNNING


NOTHING_KNOWN = Progress(0, is_queued=False)


@dataclass(frozen=True)
class Bounds:
    """How much is remembered: bytes of a stream and of all, and for how long without an event."""

    stream_bytes: int = 1 << 20
    total_bytes: int = 64 << 20
    idle_seconds: float = 180.0


@dataclass
class _Execution:
    """What is known of one execution, and who listens to it."""

    bounds: Bounds
    updated_at: float
    progress: Progress = NOTHING_KNOWN
    waiters: set[Waiter] = field(default_factory=set)
    buffers: dict[str, StreamBuffer] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(buffer.size for buffer in self.buffers.values())

    def advance(self, progress: Progress) -> None:
        """Another attempt begins its output anew."""
        if progress > self.progress:
            if progress.attempt != self.progress.attempt:
                self.buffers.clear()
            self.progress = progress

    def add(self, output: ExecutionOutput) -> None:
        self.advance(Progress(output.attempt, is_queued=False))
        if output.attempt == self.progress.attempt:
            buffer = self.buffers.setdefault(output.stream, StreamBuffer(self.bounds.stream_bytes))
            buffer.add(output.offset, output.text)

    def notify(self) -> None:
        for waiter in self.waiters:
            waiter.notify()


class OutputBuffer:
    """The recent output of all executions that run, whether or not it is read.

    Bounded: the beginning of a long output and the executions that were silent for longest are
    forgotten first. What is missing here, readers get from the stored result.
    """

    def __init__(self, clock: Clock, bounds: Bounds | None = None) -> None:
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._size = 0
        self._lock = threading.Lock()
        # The one that was heard of last stands last.
        self._executions: OrderedDict[UUID, _Execution] = OrderedDict()

    @property
    def size(self) -> int:
        """The memory that output takes, in bytes."""
        return self._size

    def receive(self, message: Message) -> None:
        """Take note of what a runner says."""
        match message:
            case ExecutionOutput():
                self._add(message)
            case ExecutionStarted(execution_id=id_, attempt=attempt):
                self.record_progress(id_, Progress(attempt, is_queued=False))
            case ExecutionRetrying(execution_id=id_, attempt=attempt):
                self.record_progress(id_, Progress(attempt, is_queued=True))

    def record_progress(self, execution_id: UUID, progress: Progress) -> None:
        """Record the progress of an execution that is followed or has printed something."""
        with self._lock:
            execution = self._executions.get(execution_id)
            if execution is not None and progress > execution.progress:
                self._size -= execution.size
                execution.advance(progress)
                self._size += execution.size
                execution.notify()

    def discard(self, execution_id: UUID) -> None:
        """Drop the output of an execution that is over; who follows it learns that elsewhere."""
        with self._lock:
            self._drop(execution_id)

    @contextmanager
    def subscribe(self, execution_id: UUID, waiter: Waiter) -> "Iterator[OutputSubscription]":
        """Notify `waiter` of every change of an execution, which the subscription reads."""
        with self._lock:
            self._touch(execution_id).waiters.add(waiter)
        try:
            yield OutputSubscription(self, execution_id)
        finally:
            with self._lock:
                execution = self._executions[execution_id]
                execution.waiters.discard(waiter)
                if not execution.waiters and not execution.buffers:
                    self._drop(execution_id)

    def progress(self, execution_id: UUID) -> Progress:
        """How far an execution is known to be."""
        with self._lock:
            execution = self._executions.get(execution_id)
            return NOTHING_KNOWN if execution is None else execution.progress

    def read(
        self, execution_id: UUID, attempt: int, stream: StreamName, start: int, at_most: int
    ) -> str:
        """What an attempt printed after `start` characters; empty when that is not known here."""
        with self._lock:
            execution = self._executions.get(execution_id)
            if execution is None or execution.progress.attempt != attempt:
                return ""
            buffer = execution.buffers.get(stream)
            return "" if buffer is None else buffer.read(start, at_most)

    def _add(self, output: ExecutionOutput) -> None:
        with self._lock:
            execution = self._touch(output.execution_id)
            self._size -= execution.size
            execution.add(output)
            self._size += execution.size
            execution.notify()
            self._evict_oldest()

    def _touch(self, execution_id: UUID) -> _Execution:
        now = self._clock.monotonic()
        execution = self._executions.get(execution_id)
        if execution is None:
            execution = self._executions[execution_id] = _Execution(self._bounds, now)
        execution.updated_at = now
        self._executions.move_to_end(execution_id)
        return execution

    def _evict_oldest(self) -> None:
        idle_since = self._clock.monotonic() - self._bounds.idle_seconds
        while self._executions:
            execution_id, oldest = next(iter(self._executions.items()))
            if self._size <= self._bounds.total_bytes and oldest.updated_at >= idle_since:
                return
            self._drop(execution_id)

    def _drop(self, execution_id: UUID) -> None:
        """Discard the output; the rest stays while the execution is followed."""
        execution = self._executions.get(execution_id)
        if execution is None:
            return
        self._size -= execution.size
        execution.buffers.clear()
        if execution.waiters:
            self._touch(execution_id)
        else:
            del self._executions[execution_id]


@dataclass(frozen=True)
class OutputSubscription:
    """One reader's way to the output of one execution."""

    _live: OutputBuffer
    _execution_id: UUID

    def progress(self) -> Progress:
        """How far the execution is known to be."""
        return self._live.progress(self._execution_id)

    def read(self, attempt: int, stream: StreamName, start: int, at_most: int) -> str:
        """What an attempt printed after `start` characters; empty when that is not known."""
        return self._live.read(self._execution_id, attempt, stream, start, at_most)
