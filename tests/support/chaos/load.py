"""A load of programs whose answers are known, from callers that wait for each answer."""

import itertools
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import requests

# Runs that are not over at any moment. What a slow machine does not carry is not begun.
OPEN_RUNS = 16
# Calls of one run outside of that bound.
SPARE_CALLERS = 4
CALL_SECONDS = 12.0
WAIT_SECONDS = 5
# From the first try to the answer; far beyond any fault here.
GIVE_UP_SECONDS = 300.0
PAUSE_SECONDS = (0.1, 0.4)

# Number in, number out, with an exit code: some are short, some are likely to be struck.
PROGRAMS: tuple[tuple[str, int], ...] = (
    ("print({n} * {n} + 7)", 0),
    ("import sys, time\ntime.sleep(0.5)\nprint({n} * {n} + 7)\nsys.exit(3)", 3),
    ("import time\ntime.sleep(1)\nprint({n} * {n} + 7)", 0),
    ("import sys\nprint(int(sys.stdin.read()) + 7)", 0),
)


@dataclass
class Run:
    """One run, from the first try to its answer; times are seconds of time.monotonic."""

    number: int
    begun: float
    key: str = field(default_factory=lambda: uuid4().hex)
    execution_id: str | None = None
    accepted: float | None = None
    ended: float | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)

    @property
    def program(self) -> dict[str, str]:
        """The body that asks for it."""
        source, _ = PROGRAMS[self.number % len(PROGRAMS)]
        return {"source_code": source.format(n=self.number), "stdin": str(self.number**2)}

    @property
    def right(self) -> bool:
        """Whether the answer is the one that was known before."""
        _, exit_code = PROGRAMS[self.number % len(PROGRAMS)]
        expected = ("FAILED", "nonzero_exit") if exit_code else ("COMPLETED", None)
        seen = (self.answer.get("status"), self.answer.get("reason"))
        output = self.answer.get("stdout"), self.answer.get("exit_code")
        return seen == expected and output == (f"{self.number**2 + 7}\n", exit_code)


class GaveUpError(Exception):
    """A caller waited too long, or got an answer that makes no sense."""


class Load:
    """Begins at most `per_second` runs a second, while fewer than `open_runs` are not over.

    So it follows what the machine carries. Each run has a caller of its own, and each call goes to
    one of `base_urls`, which may be exchanged meanwhile. A call that takes `call_seconds` counts as
    a refusal.
    """

    def __init__(
        self,
        base_urls: Sequence[str],
        per_second: float,
        seed: int,
        *,
        open_runs: int = OPEN_RUNS,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self.base_urls = list(base_urls)
        self._pause = 1 / per_second
        self._call_seconds = call_seconds
        self._random = random.Random(seed)
        self._numbers = itertools.count(self._random.randrange(10**6))
        self._open = threading.Semaphore(open_runs)
        self._callers = ThreadPoolExecutor(open_runs + SPARE_CALLERS, thread_name_prefix="caller")
        self._futures: list[Future[None]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._begin_runs, name="load")
        self._changed = threading.Condition()
        self.runs: list[Run] = []

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        self._callers.shutdown(cancel_futures=True)

    def stop(self) -> None:
        """Begin no more runs."""
        self._stopping.set()
        self._thread.join()

    def begin_run(self) -> "Future[None]":
        """Begin one run now, however many are not over."""
        run = Run(next(self._numbers), time.monotonic())
        self.runs.append(run)
        future = self._callers.submit(self._see_through, run)
        self._futures.append(future)
        return future

    def finish(self) -> list[Run]:
        """Stop, wait for every caller, and give all runs."""
        self.stop()
        for future in self._futures:
            future.result()
        return self.runs

    def wait_for_right_answers(self, count: int, after: float, seconds: float) -> float | None:
        """Wait for right answers to runs begun after a moment.

        Gives when the first of them came; None when there are fewer than `count` in time.
        """

        def enough() -> bool:
            return len(self._right_after(after)) >= count

        with self._changed:
            if not self._changed.wait_for(enough, seconds):
                return None
        return min(self._right_after(after))

    def _right_after(self, moment: float) -> list[float]:
        return [
            run.ended for run in list(self.runs) if run.begun >= moment and run.ended and run.right
        ]

    def _begin_runs(self) -> None:
        while not self._stopping.is_set():
            if self._open.acquire(timeout=self._pause):
                self.begin_run().add_done_callback(lambda _: self._open.release())
                self._stopping.wait(self._pause)

    def _see_through(self, run: Run) -> None:
        try:
            session = self._insist(run, "POST", "/code-sessions", 201, {"language": "python"})
            path = f"/code-sessions/{session['session_id']}/run"
            accepted = self._insist(run, "POST", path, 202, run.program)
            run.execution_id, run.accepted = accepted["execution_id"], time.monotonic()
            run.answer = self._await_end(run)
            run.ended = time.monotonic()
        except GaveUpError as error:
            run.defects.append(str(error))
        with self._changed:
            self._changed.notify_all()

    def _await_end(self, run: Run) -> dict[str, Any]:
        while True:
            path = f"/executions/{run.execution_id}?wait={WAIT_SECONDS}"
            execution = self._insist(run, "GET", path, 200)
            if execution["status"] not in ("QUEUED", "RUNNING"):
                return execution
            if time.monotonic() - run.begun > GIVE_UP_SECONDS:
                raise GaveUpError(f"{run.execution_id} is still {execution['status']}.")

    def _insist(
        self, run: Run, method: str, path: str, wanted: int, body: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Call until it is answered: 503 and a broken connection are refusals, no promises."""
        while time.monotonic() - run.begun < GIVE_UP_SECONDS:
            outcome = self._call(run, method, path, body)
            if isinstance(outcome, str):
                run.refusals.append(f"{method} {path}: {outcome}")
                time.sleep(random.uniform(*PAUSE_SECONDS))
            elif outcome.status_code == wanted:
                answer: dict[str, Any] = outcome.json()
                return answer
            else:
                raise GaveUpError(f"{method} {path}: {outcome.status_code} {outcome.text}")
        raise GaveUpError(f"{method} {path} was never answered: {run.refusals[-1]}")

    def _call(
        self, run: Run, method: str, path: str, body: dict[str, str] | None
    ) -> requests.Response | str:
        headers = {"Idempotency-Key": run.key}
        url = random.choice(self.base_urls) + path
        try:
            answer = requests.request(
                method, url, json=body, headers=headers, timeout=self._call_seconds
            )
        except requests.RequestException as error:
            return repr(error)
        return f"503 {answer.text}" if answer.status_code == 503 else answer
