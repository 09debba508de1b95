"""What a reader of a stream is sent, whatever becomes of the messages it is made of."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_api.executions.waiters import Row, WaiterRegistry
from execution_api.streaming import stream
from execution_api.streaming.output_buffer import Bounds, OutputBuffer
from execution_api.streaming.position import Position
from execution_api.streaming.stream import Source, Stream
from runlet.messages import ExecutionOutput, ExecutionStarted, Message
from runlet_postgres.errors import DatabaseUnavailableError
from support.clocks import ManualClock
from support.databases.event_factory import printed, retrying, started
from support.databases.executions import run_requested
from support.http.event_streams import Reading, parse, read_all

REQUEST = run_requested()
X = REQUEST.execution_id


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHECK_SECONDS", 0.0)


def row(status: str = "QUEUED", attempts: int = 0, **values: Any) -> dict[str, Any]:
    """An execution as it is read."""
    nothing = dict.fromkeys(("stdout", "stderr", "compile", "started_at", "finished_at"))
    return {**nothing, "id": X, "status": status, "attempts": attempts, **values}


def ended(attempts: int = 1, stdout: str = "", stderr: str = "", **values: Any) -> Row:
    """A stored end."""
    return row(**{"status": "COMPLETED", **values}, attempts=attempts, stdout=stdout, stderr=stderr)


Step = Callable[["Process"], None]


@dataclass
class Process:
    """An API process in which one step happens whenever its reader waits."""

    stored: Row | None = field(default_factory=row)
    output: OutputBuffer = field(default_factory=lambda: OutputBuffer(ManualClock()))
    waiters: WaiterRegistry = field(default_factory=WaiterRegistry)
    reads: int = 0
    steps: list[Step] = field(default_factory=list)

    def read(self, *steps: Step, after: str | None = None) -> Reading:
        """What a reader gets while these steps are taken; it leaves after the last one."""
        reading = Reading()
        if after is not None:
            position = Position.parse(after)
            assert position is not None
            reading.attempt = position.attempt
            reading.output = {"stdout": "." * position.stdout, "stderr": "." * position.stderr}
        return read_all(self.chunks(*steps, after=after), reading)

    def chunks(self, *steps: Step, after: str | None = None) -> Iterable[bytes]:
        self.steps = list(steps)
        source = Source(X, self._find, self.waiters, self.output)
        return Stream(source, Position.parse(after), self._step).frames(self.stored or row())

    def _find(self) -> Row | None:
        self.reads += 1
        return self.stored

    def _step(self) -> bool:
        if not self.steps:
            return True
        self.steps.pop(0)(self)
        return False


def receive(message: Message) -> Step:
    return lambda process: process.output.receive(message)


def end(stored: Row) -> Step:
    """The end is stored and told."""

    def step(process: Process) -> None:
        process.stored = stored
        process.output.discard(X)
        process.waiters.notify_finished(X, stored)

    return step


def end_unheard(stored: Row) -> Step:
    """The end is stored, and noticed by the poller."""

    def step(process: Process) -> None:
        process.stored = stored
        process.waiters.notify_stale(X)

    return step


def test_a_reader_is_told_how_it_stands_and_then_what_happens() -> None:
    reading = Process().read(
        receive(started(REQUEST)),
        receive(printed(REQUEST, "4")),
        receive(printed(REQUEST, "!", stream="stderr")),
        receive(printed(REQUEST, "2", 1)),
        end(ended(stdout="42\n", stderr="!")),
    )
    assert reading.statuses == [("QUEUED", 0), ("RUNNING", 1)]
    assert reading.output == {"stdout": "42\n", "stderr": "!"}
    assert reading.end is not None
    assert (reading.end["status"], reading.end["stdout"]) == ("COMPLETED", "42\n")


def test_output_is_sent_as_it_comes() -> None:
    process = Process(stored=row("RUNNING", 1))
    events = parse(
        process.chunks(receive(printed(REQUEST, "4")), receive(printed(REQUEST, "2", 1)))
    )
    assert [(event.name, event.data.get("text"), event.id) for event in events] == [
        ("status", None, "1-0-0"),
        ("stdout", "4", "1-1-0"),
        ("stdout", "2", "1-2-0"),
    ]


def test_a_late_reader_gets_what_it_missed() -> None:
    process = Process(stored=row("RUNNING", 1))
    process.output.receive(printed(REQUEST, "4"))
    process.output.receive(printed(REQUEST, "2", 1))
    assert process.read().output["stdout"] == "42"


def test_a_reader_of_what_is_over_gets_everything_and_the_end_from_the_row() -> None:
    process = Process(stored=ended(2, "42\n", "!"))
    reading = process.read()
    assert reading.statuses == [("RUNNING", 2)]
    assert reading.output == {"stdout": "42\n", "stderr": "!"}
    assert reading.end is not None
    assert process.reads == 0


def test_an_end_without_output_stands_alone() -> None:
    reading = Process(stored=ended(0, status="CANCELLED")).read()
    assert reading.statuses == []
    assert reading.end is not None


def test_whoever_comes_back_gets_what_follows_and_nothing_twice() -> None:
    process = Process(stored=row("RUNNING", 1))
    process.output.receive(printed(REQUEST, "print 42"))
    reading = process.read(end(ended(stdout="print 42\n", stderr="!")), after="1-6-0")
    assert reading.statuses == []
    assert reading.output == {"stdout": "......42\n", "stderr": "!"}


def test_where_a_piece_is_missing_that_stream_waits_for_the_end_and_the_other_does_not() -> None:
    process = Process(stored=row("RUNNING", 1))
    chunks = iter(
        process.chunks(
            receive(printed(REQUEST, "later", 7)),
            receive(printed(REQUEST, "!", stream="stderr")),
            end(ended(stdout="before later", stderr="!")),
        )
    )
    names = [event.name for event in parse(chunks)]
    assert names == ["status", "stderr", "stdout", "status"]


def test_a_new_attempt_is_told_before_its_output_which_begins_anew() -> None:
    reading = Process(stored=row("RUNNING", 1)).read(
        receive(printed(REQUEST, "first")),
        receive(printed(REQUEST, "sec", attempt=2)),
        end(ended(2, stdout="second")),
    )
    assert reading.statuses == [("RUNNING", 1), ("RUNNING", 2)]
    assert reading.output["stdout"] == "second"


def test_a_fault_of_the_platform_puts_it_back_into_the_queue() -> None:
    reading = Process(stored=row("RUNNING", 1)).read(
        receive(printed(REQUEST, "first")),
        receive(retrying(REQUEST)),
        receive(printed(REQUEST, " late", 5)),
        receive(started(REQUEST, 2)),
    )
    assert reading.statuses == [("RUNNING", 1), ("QUEUED", 1), ("RUNNING", 2)]
    assert reading.output["stdout"] == ""


def test_whoever_comes_back_after_another_attempt_began_is_told_so() -> None:
    process = Process(stored=row("RUNNING", 2))
    reading = process.read(end(ended(2, stdout="second")), after="1-5-0")
    assert reading.statuses == [("RUNNING", 2)]
    assert reading.output["stdout"] == "second"


def test_an_end_that_nobody_told_is_read() -> None:
    process = Process(stored=row("RUNNING", 1))
    reading = process.read(end_unheard(ended(stdout="42\n")))
    assert reading.output["stdout"] == "42\n"
    assert reading.end is not None
    assert process.reads == 2


def test_nothing_is_read_while_there_is_no_call_for_it() -> None:
    process = Process(stored=row("RUNNING", 1))
    process.read(*[receive(printed(REQUEST, "x", offset)) for offset in range(50)])
    assert process.reads == 1


def test_a_database_that_is_away_does_not_end_the_stream() -> None:
    process = Process(stored=row("RUNNING", 1))
    away = DatabaseUnavailableError("away")
    with patch.object(Process, "_find", side_effect=away):
        reading = process.read(
            receive(printed(REQUEST, "4")),
            end_unheard(ended(stdout="42\n")),
            end(ended(stdout="42\n")),
        )
    assert reading.output["stdout"] == "42\n"


def test_an_execution_that_is_deleted_ends_the_stream() -> None:
    def delete(process: Process) -> None:
        process.stored = None
        process.waiters.notify_stale(X)

    def never(_process: Process) -> None:
        pytest.fail("The stream went on.")

    assert Process(stored=row("RUNNING", 1)).read(delete, never).end is None


def test_a_process_that_stops_sends_its_readers_away() -> None:
    process = Process(stored=row("RUNNING", 1))
    reading = process.read(
        lambda process: process.waiters.begin_shutdown(), receive(printed(REQUEST, "4"))
    )
    assert (reading.end, reading.output["stdout"]) == (None, "")


def test_nothing_is_left_of_a_reader_that_went(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(stored=row("RUNNING", 1))
    frames = iter(process.chunks(receive(printed(REQUEST, "4"))))
    next(frames)
    assert process.waiters.has_waiters(X)
    frames.close()  # type: ignore[attr-defined]
    assert not process.waiters.has_waiters(X)


def test_silence_is_broken_by_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.0)
    frames = list(Process(stored=row("RUNNING", 1)).chunks(receive(started(REQUEST))))
    assert frames[0].startswith(b"id: 1-0-0\nevent: status\n")
    assert set(frames[1:]) == {b": still here\n\n"}


def test_a_long_result_comes_in_events_of_bounded_size() -> None:
    text = "0123456789" * 30_000
    frames = list(Process(stored=ended(stdout=text)).chunks())
    assert read_all(frames).output["stdout"] == text
    assert max(map(len, frames[:-1])) < 70_000


def test_whatever_a_program_prints_is_one_line_of_data() -> None:
    text = "\r\n\n\u2028\x85\N{REPLACEMENT CHARACTER}data: x\n\n\ud83d😀"
    (_status, output, _end) = Process(stored=ended(stdout=text)).chunks()
    assert output.count(b"\n") == 4
    assert b"\r" not in output
    assert output.isascii()


STDOUT = "".join(map(chr, range(0x400, 0x400 + 40)))
STDERR = "😀e\n" * 8
OLD = "what the first attempt printed before its runner died"


def cut(text: str, stream_name: Any, attempt: int) -> st.SearchStrategy[ExecutionOutput]:
    return st.tuples(st.integers(0, len(text)), st.integers(0, 12)).map(
        lambda at: printed(
            REQUEST,
            text[at[0] : at[0] + at[1]],
            at[0],
            stream=stream_name,
            attempt=attempt,
        )
    )


MESSAGES = st.lists(
    cut(STDOUT, "stdout", 2)
    | cut(STDERR, "stderr", 2)
    | cut(OLD, "stdout", 1)
    | st.sampled_from([1, 2]).map(lambda attempt: started(REQUEST, attempt)),
    max_size=30,
)
LITTLE = Bounds(stream_bytes=600, total_bytes=900)


@given(st.lists(MESSAGES, min_size=1, max_size=4), st.sampled_from([Bounds(), LITTLE]))
def test_any_cutting_loss_repetition_order_and_change_of_process_gives_exactly_the_result(
    visits: Sequence[Sequence[ExecutionOutput | ExecutionStarted]], bounds: Bounds
) -> None:
    reading = Reading()
    with patch.object(stream, "CHECK_SECONDS", 0.0):
        for index, heard in enumerate(visits):
            process = Process(row("RUNNING", 1), OutputBuffer(ManualClock(), bounds))
            # Some came before the reader did.
            for message in heard[: len(heard) // 2]:
                process.output.receive(message)
            steps = [receive(message) for message in heard[len(heard) // 2 :]]
            if index == len(visits) - 1:
                steps.append(end(ended(2, STDOUT, STDERR)))
            read_all(process.chunks(*steps, after=reading.last_id), reading)
            sent = reading.output
            expected = {1: (OLD, ""), 2: (STDOUT, STDERR)}[reading.attempt]
            assert expected[0].startswith(sent["stdout"])
            assert expected[1].startswith(sent["stderr"])
    assert reading.output == {"stdout": STDOUT, "stderr": STDERR}
    assert reading.end is not None


@given(st.integers(0, 10**9 - 1), st.integers(0, 10**12 - 1), st.integers(0, 10**12 - 1))
def test_an_id_is_read_back_as_it_was_written(attempt: int, stdout: int, stderr: int) -> None:
    position = Position(attempt, stdout, stderr)
    assert Position.parse(str(position)) == position


@given(st.integers(0, 10**9 - 1), st.integers(0, 10**12 - 1), st.integers(0, 10**12 - 1))
def test_any_id_is_followed_by_the_end(attempt: int, stdout: int, stderr: int) -> None:
    after = str(Position(attempt, stdout, stderr))
    frames = list(Process(stored=ended(1, "42\n", "!")).chunks(after=after))
    assert b'"COMPLETED"' in frames[-1]


def test_the_end_of_another_execution_ends_nothing() -> None:
    other: UUID = uuid4()
    process = Process(stored=row("RUNNING", 1))
    reading = process.read(lambda process: process.waiters.notify_finished(other, ended()))
    assert reading.end is None
