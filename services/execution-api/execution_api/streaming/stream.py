"""What one reader is sent, from where it stands to the end of the execution."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from uuid import UUID

import structlog

from execution_api.executions.waiters import Row, Waiter, WaiterRegistry
from execution_api.streaming import sse
from execution_api.streaming.output_buffer import (
    STREAMS,
    OutputBuffer,
    OutputSubscription,
    Progress,
    StreamName,
)
from execution_api.streaming.position import Position
from runlet.execution import TERMINAL
from runlet_postgres.errors import DatabaseUnavailableError

log = structlog.get_logger()

HEARTBEAT_SECONDS = 15.0
# Between looks at whether the reader is still there.
CHECK_SECONDS = 3.0
# Characters in one event.
PIECE_SIZE = 64 * 1024


@dataclass(frozen=True)
class Source:
    """Where the state and the output of one execution come from.

    `read` gives it as it is stored, None when it is gone. It is asked once at the beginning and
    when it may have changed without an event; no connection is held in between.
    """

    execution_id: UUID
    read: Callable[[], Row | None]
    waiters: WaiterRegistry
    output: OutputBuffer


class Stream:
    """The frames for one reader; for one thread.

    Output is sent as it is heard of. Where a piece of it is missing, the rest of that stream is
    held back until the execution is over, and then comes from the stored result: nothing is
    skipped, repeated or out of order. An attempt's output follows a status that names the attempt.
    """

    def __init__(
        self, source: Source, position: Position | None, reader_is_gone: Callable[[], bool]
    ) -> None:
        self._source = source
        self._reader_is_gone = reader_is_gone
        self._position = position or Position()
        # A reader that comes back with an id has received the status that goes with it.
        self._progress_sent = (
            None if position is None else Progress(position.attempt, position.attempt == 0)
        )
        self._heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS

    def frames(self, row: Row) -> Iterator[bytes]:
        """Events and heartbeats; `row` is the execution as it was read a moment ago."""
        ended = row if _is_over(row) else (yield from self._follow(row))
        if ended is not None:
            yield from self._finish(ended)

    def _follow(self, row: Row) -> Generator[bytes, None, Row | None]:
        """What happens until the execution is over; gives it then, None when there is no more."""
        source = self._source
        with (
            source.waiters.waiting_for(source.execution_id) as waiter,
            source.output.subscribe(source.execution_id, waiter) as subscription,
        ):
            # Once more: it may have ended before there was a waiter to notify.
            latest = self._read(row)
            while latest is not None and not _is_over(latest):
                yield from self._updates(latest, subscription)
                yield from self._heartbeat()
                waiter.wait(CHECK_SECONDS)
                if source.waiters.is_shutting_down or self._reader_is_gone():
                    return None
                latest = self._refresh(waiter, latest)
        return latest

    def _updates(self, row: Row, subscription: OutputSubscription) -> Iterator[bytes]:
        known = max(Progress.of(row["status"], row["attempts"]), subscription.progress())
        if self._progress_sent is None or known > self._progress_sent:
            yield self._send_progress(known)
        if known.is_queued:
            return
        for stream in STREAMS:
            position = self._position
            while text := subscription.read(
                position.attempt, stream, position.of(stream), PIECE_SIZE
            ):
                yield self._send(stream, text)
                position = self._position

    def _finish(self, row: Row) -> Iterator[bytes]:
        """What of the stored result was not sent yet, and the end."""
        attempt = row["attempts"]
        if attempt != self._position.attempt:
            begun = self._send_progress(Progress(attempt, is_queued=False))
            if any(row[stream] for stream in STREAMS):
                yield begun
        for stream in STREAMS:
            result = row[stream] or ""
            while text := result[self._position.of(stream) :][:PIECE_SIZE]:
                yield self._send(stream, text)
        yield sse.end_event(row, self._position)

    def _send_progress(self, progress: Progress) -> bytes:
        self._progress_sent = progress
        if progress.attempt != self._position.attempt:
            self._position = Position(progress.attempt)
        self._postpone_heartbeat()
        return sse.progress_event(progress, self._position)

    def _send(self, stream: StreamName, text: str) -> bytes:
        self._position = self._position.after(stream, text)
        self._postpone_heartbeat()
        return sse.output_event(stream, text, self._position)

    def _heartbeat(self) -> Iterator[bytes]:
        if time.monotonic() >= self._heartbeat_at:
            self._postpone_heartbeat()
            yield sse.HEARTBEAT

    def _postpone_heartbeat(self) -> None:
        self._heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS

    def _refresh(self, waiter: Waiter, row: Row) -> Row | None:
        if waiter.ended is not None:
            return waiter.ended
        if not waiter.is_stale:
            return row
        waiter.is_stale = False
        return self._read(row)

    def _read(self, row: Row) -> Row | None:
        """The execution as it is stored now, or as it was while the database is away."""
        try:
            return self._source.read()
        except DatabaseUnavailableError as error:
            log.warning("stream_read_failed", error=str(error))
            return row


def _is_over(row: Row) -> bool:
    return row["status"] in TERMINAL
