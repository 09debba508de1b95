"""What is told of a running program: all of it, in order, in few messages, waiting for nobody."""

import threading
from concurrent.futures import Future
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.interface import Placement, StreamName
from runner.sandbox.job import Job
from runner.sandbox.output_publisher import (
    PERIOD_SECONDS,
    PIECE_BYTES,
    QUIET_SECONDS,
    OutputPublisher,
)
from runner.sandbox.protocol import Cause, Step, encode_job
from runner.sandbox.verdict import StepTranscript, judge
from support.clocks import ManualClock
from support.sandboxes.agents import PlayedAgent
from support.sandboxes.observers import Observer, OnOutput

CONFIRMED, LOST, ON_ITS_WAY = "confirmed", "lost", "on its way"


class Listener:
    """Takes pieces, and says of each what becomes of it: in turn what `fates` holds."""

    def __init__(self, *fates: str) -> None:
        self.pieces: list[tuple[StreamName, int, str]] = []
        self.arrived: list[tuple[StreamName, int, str]] = []
        self._fates = list(fates)
        self._pending: list[tuple[Future[None], tuple[StreamName, int, str]]] = []

    def hear(self, stream: StreamName, offset: int, text: str) -> "Future[None]":
        piece, future = (stream, offset, text), Future[None]()
        fate = self._fates.pop(0) if self._fates else CONFIRMED
        self.pieces.append(piece)
        if fate == LOST:
            future.set_exception(ConnectionError("away"))
        elif fate == ON_ITS_WAY:
            self._pending.append((future, piece))
        else:
            self._arrive(future, piece)
        return future

    def settle(self) -> None:
        for future, piece in self._pending:
            self._arrive(future, piece)
        self._pending.clear()

    def _arrive(self, future: "Future[None]", piece: tuple[StreamName, int, str]) -> None:
        self.arrived.append(piece)
        future.set_result(None)


class Run:
    """A program that runs, and the moments at which its output is looked at."""

    def __init__(self, listener: Listener) -> None:
        self.live = OutputPublisher(listener.hear)
        self.transcript = StepTranscript()
        self.live.begin(0.0)

    def print(self, data: bytes) -> None:
        self.transcript.stdout += data
        self.live.note_output()

    def complain(self, data: bytes) -> None:
        self.transcript.stderr += data
        self.live.note_output()

    def look(self) -> float:
        now = self.live.due
        self.live.publish(self.transcript, now)
        return now


def test_nothing_is_to_be_done_while_nothing_is_printed() -> None:
    assert Run(Listener()).live.due == inf


def test_the_first_output_waits_in_case_the_program_ends_soon() -> None:
    run = Run(Listener())
    run.print(b"42\n")
    assert run.live.due == QUIET_SECONDS


def test_what_is_printed_in_one_period_goes_together_and_each_stream_by_itself() -> None:
    listener = Listener()
    run = Run(listener)
    run.print(b"1\n")
    run.complain(b"!\n")
    run.print(b"2\n")
    run.look()
    run.print(b"3\n")
    assert run.live.due == QUIET_SECONDS + PERIOD_SECONDS
    run.look()
    assert listener.pieces == [
        ("stdout", 0, "1\n2\n"),
        ("stderr", 0, "!\n"),
        ("stdout", 4, "3\n"),
    ]


def test_after_a_silence_output_goes_at_once() -> None:
    run = Run(Listener())
    run.print(b"1\n")
    run.look()
    silent_since = run.look()
    assert run.live.due == inf
    run.print(b"2\n")
    assert run.live.due == silent_since + PERIOD_SECONDS


def test_a_flood_is_told_in_bounded_pieces_one_in_each_period() -> None:
    listener = Listener()
    run = Run(listener)
    run.print(b"x" * (3 * PIECE_BYTES))
    moments = [run.look() for _ in range(3)]
    assert [len(text) for _stream, _offset, text in listener.pieces] == [PIECE_BYTES] * 3
    assert [offset for _stream, offset, _text in listener.pieces] == [
        0,
        PIECE_BYTES,
        2 * PIECE_BYTES,
    ]
    assert moments[1] - moments[0] == PERIOD_SECONDS


def test_while_a_piece_is_on_its_way_no_other_follows() -> None:
    listener = Listener(ON_ITS_WAY)
    run = Run(listener)
    run.print(b"1")
    for _ in range(5):
        run.look()
        run.print(b"2")
    assert len(listener.pieces) == 1
    listener.settle()
    run.look()
    assert listener.pieces[1:] == [("stdout", 1, "22222")]


def test_what_was_lost_goes_again_when_the_broker_is_back() -> None:
    listener = Listener(LOST, LOST)
    run = Run(listener)
    run.print(b"1")
    for _ in range(3):
        run.look()
    assert listener.arrived == [("stdout", 0, "1")]


def test_a_character_cut_in_half_is_told_whole() -> None:
    listener = Listener()
    run = Run(listener)
    euro = "€".encode()
    run.print(b"1 " + euro[:2])
    run.look()
    run.print(euro[2:])
    run.look()
    assert [text for _stream, _offset, text in listener.pieces] == ["1 ", "€"]


@given(
    st.lists(st.binary(max_size=6) | st.sampled_from(["€", "é", "😀", "a\0"]).map(str.encode)),
    st.lists(st.sampled_from([CONFIRMED, LOST, ON_ITS_WAY]), max_size=20),
)
def test_however_it_is_cut_and_lost_what_arrives_is_the_beginning_of_the_result(
    printed: list[bytes], fates: list[str]
) -> None:
    listener = Listener(*fates)
    run = Run(listener)
    for data in printed:
        run.print(data)
        run.look()
    while run.live.due != inf:
        listener.settle()
        run.look()
    told = "".join(text for _stream, _offset, text in listener.arrived)
    offsets = [offset for _stream, offset, _text in listener.arrived]
    lengths = [len(text) for _stream, _offset, text in listener.arrived]
    whole = b"".join(printed).decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert offsets == [sum(lengths[:index]) for index in range(len(lengths))]
    assert whole.startswith(told)
    # Only a character that is not complete may be missing: at most three bytes, of which the result
    # may show each as U+FFFD, such as the beginning of a surrogate.
    missing = whole[len(told) :]
    assert len(missing) <= 3
    assert not missing.strip("\N{REPLACEMENT CHARACTER}")


def run_job(agent: PlayedAgent, listener: Listener, *steps: Step) -> Job:
    job = job_of(agent, listener.hear)
    job.run(encode_job(20_000, True, [], b"", [], steps), list(steps))
    return job


def job_of(agent: PlayedAgent, on_output: OnOutput) -> Job:
    placement = Placement(ManualClock().now(), "played", "runlet/runtime-python")
    observer = Observer(on_output)
    return Job(agent.container, placement, lambda _compiled: True, observer, CancellationToken())


def test_a_program_that_ends_soon_is_told_nothing_of() -> None:
    agent, listener = PlayedAgent(), Listener()
    agent.print(b"42\n")
    agent.report(Cause.EXITED)
    agent.done()
    run_job(agent, listener, Step(("/bin/true",), 20_000, 4096))
    assert listener.pieces == []


def test_a_program_that_goes_on_is_heard_before_it_ends_but_its_compiler_is_not() -> None:
    agent, told = PlayedAgent(), threading.Event()
    listener = Listener()

    def hear(stream: StreamName, offset: int, text: str) -> "Future[None]":
        told.set()
        return listener.hear(stream, offset, text)

    step = Step(("/bin/true",), 20_000, 4096)
    job = job_of(agent, hear)
    frame = encode_job(20_000, True, [], b"", [], [step, step])
    runs = threading.Thread(target=job.run, args=(frame, [step, step]))
    agent.print(b"warning: unused variable\n")
    runs.start()
    compiler_was_heard = told.wait(4 * QUIET_SECONDS)
    agent.report(Cause.EXITED)
    agent.print(b"42\n")
    program_was_heard = told.wait(60)
    agent.report(Cause.EXITED)
    agent.done()
    runs.join()
    assert (compiler_was_heard, program_was_heard) == (False, True)
    assert listener.pieces == [("stdout", 0, "42\n")]
    assert judge(job.transcript, compiles=True).result.stdout == "42\n"


def test_a_flood_does_not_keep_a_run_past_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent, over = PlayedAgent(), threading.Event()

    def flood() -> None:
        try:
            while not over.is_set():
                agent.print(b"x" * 8192)
        except OSError:
            over.set()

    monkeypatch.setattr("runner.sandbox.job.GRACE_SECONDS", 0.4)
    monkeypatch.setattr("runner.sandbox.job.LATE_SECONDS", 0.1)
    pouring = threading.Thread(target=flood)
    pouring.start()
    try:
        job = run_job(agent, Listener(), Step(("/bin/yes",), 100, 1 << 30))
    finally:
        over.set()
        agent.container.close()
        pouring.join()
    assert job.transcript.agent_timed_out
    assert 450 <= job.transcript.wall_ms < 5000
