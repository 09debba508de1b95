"""A stack and an engine to break, for all tests of this folder."""

import os
import random
import shlex
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from support.chaos_checks import POOL_SIZE
from support.chaos_engine import SecondEngine
from support.chaos_faults import Bench
from support.chaos_ports import free_ports
from support.chaos_report import Report
from support.chaos_stack import OVERLAY, ChaosStack
from support.eventually import eventually
from support.platform import Platform, required

START_SECONDS = 90
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def seed() -> int:
    """Where every random choice begins; CHAOS_SEED repeats an earlier one."""
    return int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))


@pytest.fixture(scope="session")
def report(seed: int) -> Report:
    return Report(ROOT / ".runlet" / "chaos.md", seed)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    if os.geteuid() != 0:
        pytest.skip("Breaking a stack takes root: killing its processes, cutting its networks.")
    # What ends `make test` early must not leave an engine and a stack behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as made:
        project = _project(shlex.split(required("RUNLET_TEST_COMPOSE")))
        engine = SecondEngine(project)
        made.callback(engine.close)
        made.callback(engine.save_log, ROOT / ".runlet" / "chaos-engine.log")
        engine.start()
        engine.wait_until_up()
        engine.load("runlet/runtime-python")
        settings = _settings(engine)
        command = _command(project, settings, tmp_path_factory.mktemp("chaos"))
        stack = ChaosStack(command, project, settings)
        made.callback(stack.down)
        made.callback(stack.save_logs, ROOT / ".runlet" / "chaos-stack.log")
        stack.up()
        bench = Bench(stack, engine)
        eventually(lambda: _runs_code(stack), START_SECONDS)
        yield bench


@pytest.fixture
def stack(bench: Bench) -> ChaosStack:
    return bench.stack


@pytest.fixture
def platform(stack: ChaosStack) -> Platform:
    return Platform(stack.gateway_urls()[0])


def _project(compose: list[str]) -> str:
    """Named after the test's stack, by which whoever cleans up finds it."""
    return compose[compose.index("-p") + 1].replace("-test-", "-chaos-")


def _command(project: str, settings: dict[str, str], folder: Path) -> list[str]:
    """The test's compose command, for another project and with other settings."""
    command = shlex.split(required("RUNLET_TEST_COMPOSE"))
    command[command.index("-p") + 1] = project
    if "--env-file" in command:
        place = command.index("--env-file")
        del command[place : place + 2]
    # A file of its own, because .env holds those of the developer's stack.
    file = folder / "settings.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return [*command, "--env-file", str(file), "-f", str(OVERLAY)]


def _settings(engine: SecondEngine) -> dict[str, str]:
    (gateway, postgres, rabbitmq, management), (session, execution) = free_ports(4, 2)
    return {
        "GATEWAY_PORT": gateway,
        # Ranges, so that each of these can have two replicas.
        "SESSION_API_PORT": session,
        "EXECUTION_API_PORT": execution,
        "TEST_POSTGRES_PORT": postgres,
        "TEST_RABBITMQ_PORT": rabbitmq,
        "TEST_RABBITMQ_MANAGEMENT_PORT": management,
        "POSTGRES_PASSWORD": "chaos-postgres",
        "RABBITMQ_PASSWORD": "chaos-rabbitmq",
        "RATE_LIMIT_RUNS_PER_MINUTE": "0",
        "LANGUAGES": "python",
        "RUNNER_CONCURRENCY": "4",
        "SANDBOX_RUNS_PER_CONTAINER": "1",
        "SANDBOX_POOL_FLOOR": str(POOL_SIZE),
        "SANDBOX_POOL_CEILING": str(POOL_SIZE),
        "DOCKER_SOCKET": str(engine.socket_path),
    }


def _runs_code(stack: ChaosStack) -> bool:
    with suppress(AssertionError, requests.RequestException):
        return bool(Platform(stack.gateway_urls()[0]).run("print(6 * 7)")["stdout"] == "42\n")
    return False
