"""The learners, as locust takes them: `locust -f benchmarks/load/learners.py`."""

import itertools
import random
from time import perf_counter

import gevent
from locust import FastHttpUser, task

TYPISTS, RUNNERS = 200, 20
SECONDS_BETWEEN_SAVES, SECONDS_BETWEEN_RUNS = 1, 5

# Each call under one name, whatever the ids in its path.
AUTOSAVE = "PATCH /code-sessions/{id}"
RUN = "POST /code-sessions/{id}/run"
WAIT = "GET /executions/{id}?wait=30"
GET = "GET /executions/{id}"

_answers = itertools.count(1)


class Learner(FastHttpUser):
    """Has a session of its own, and a beat of its own."""

    abstract = True
    session = ""
    pause_seconds: float
    beat: float

    def on_start(self) -> None:
        """Open the session, and begin at a moment of one's own."""
        body = {"language": "python", "source_code": "print(0)"}
        self.session = self.client.post("/code-sessions", json=body).json()["session_id"]
        self.beat = perf_counter() + random.uniform(0, self.pause_seconds)
        gevent.sleep(self.wait_until_beat())

    def wait_time(self) -> float:
        """Seconds until the next beat, which comes at even distances however long a task took.

        Locust's constant_pacing counts from the user's making, and users are made by the hundred
        in one moment: all would then save in step, which people who type do not.
        """
        self.beat += self.pause_seconds
        return self.wait_until_beat()

    def wait_until_beat(self) -> float:
        """Seconds until the beat; 0 when it has passed."""
        return max(0.0, self.beat - perf_counter())


class Typist(Learner):
    """Pauses in typing every second, and each pause saves."""

    fixed_count = TYPISTS
    pause_seconds = SECONDS_BETWEEN_SAVES

    @task
    def save(self) -> None:
        """Save a program of the size that learners write."""
        source = f"# {next(_answers)}\n" + "print('Hello')\n" * 40
        self.client.patch(
            f"/code-sessions/{self.session}", json={"source_code": source}, name=AUTOSAVE
        )


class Runner(Learner):
    """Runs a program, waits for its result, and looks at it once more."""

    fixed_count = RUNNERS
    pause_seconds = SECONDS_BETWEEN_RUNS

    @task
    def run_program(self) -> None:
        """One run with an answer that is known."""
        answer = next(_answers)
        body = {"source_code": f"print({answer})"}
        accepted = self.client.post(f"/code-sessions/{self.session}/run", json=body, name=RUN)
        execution = f"/executions/{accepted.json()['execution_id']}"
        with self.client.get(f"{execution}?wait=30", name=WAIT, catch_response=True) as result:
            stdout = result.json()["stdout"]
            if stdout != f"{answer}\n":
                result.failure(f"Expected {answer}, got {stdout!r}.")
        self.client.get(execution, name=GET)
