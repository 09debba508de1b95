"""Compose projects of stacks that tests may break, beside the stack under test."""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import requests

from support.chaos.checks import POOL_SIZE
from support.chaos.ports import free_ports
from support.chaos.stack import ChaosStack
from support.deployments.api_client import Platform, required

COMPOSE_VARIABLE = "RUNLET_TEST_COMPOSE"


def project(kind: str) -> str:
    """Named after the test's stack, by which whoever cleans up finds it."""
    compose = shlex.split(required(COMPOSE_VARIABLE))
    return compose[compose.index("-p") + 1].replace("-test-", f"-{kind}-")


def make_stack(
    name: str, settings: dict[str, str], overlays: Sequence[Path], folder: Path
) -> ChaosStack:
    """The stack under test once more: with a name, settings and overlays of its own."""
    command = shlex.split(required(COMPOSE_VARIABLE))
    command[command.index("-p") + 1] = name
    if "--env-file" in command:
        place = command.index("--env-file")
        del command[place : place + 2]
    # A file of its own, because .env holds those of the developer's stack.
    file = folder / "settings.env"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    files = [part for overlay in overlays for part in ("-f", str(overlay))]
    return ChaosStack([*command, "--env-file", str(file), *files], name, settings)


def make_settings() -> dict[str, str]:
    """Ports that are free, passwords, and one language."""
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
        "SESSION_DB_PASSWORD": "chaos-session",
        "EXECUTION_DB_PASSWORD": "chaos-execution",
        "COLLECTOR_DB_PASSWORD": "chaos-collector",
        "RABBITMQ_PASSWORD": "chaos-rabbitmq",
        "RATE_LIMIT_RUNS_PER_MINUTE": "0",
        "LANGUAGES": "python",
        "RUNNER_CONCURRENCY": "4",
        "SANDBOX_RUNS_PER_CONTAINER": "1",
        "SANDBOX_POOL_FLOOR": str(POOL_SIZE),
        "SANDBOX_POOL_CEILING": str(POOL_SIZE),
    }


def runs_code(stack: ChaosStack) -> bool:
    """Whether a program comes back with its output."""
    with suppress(AssertionError, requests.RequestException):
        return bool(Platform(stack.gateway_urls()[0]).run("print(6 * 7)")["stdout"] == "42\n")
    return False
