"""python -m runner"""

import os
import sys

import docker

from runlet import config
from runlet.lifecycle import StopSignal, set_thread_switch_interval
from runlet_telemetry import logs
from runner import bootstrap
from runner.config import Config
from runner.containers.engine import ENGINE_SECONDS, engine_faults
from runner.sandbox.interface import SandboxUnavailableError

ENGINE_CONNECTIONS = 64


def main() -> int:
    """Serve until SIGTERM; 1 without a container engine, 2 for a bad configuration."""
    try:
        settings = config.load(Config, os.environ)
        settings.served()
        settings.spans_endpoint()
    except (config.ConfigError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure(bootstrap.NAME, settings.log_level)
    try:
        runner = _build(settings)
    except SandboxUnavailableError as error:
        sys.stderr.write(f"{error} Start the engine, or say in DOCKER_HOST where it listens.\n")
        return 1
    set_thread_switch_interval()
    stop = StopSignal()
    stop.install()
    runner.supervisor.start(runner.ops_server().loop())
    runner.run(stop)
    return 0


def _build(settings: Config) -> bootstrap.Runner:
    with engine_faults():
        client = docker.DockerClient.from_env(
            timeout=ENGINE_SECONDS,
            environment=dict(os.environ),
            max_pool_size=ENGINE_CONNECTIONS,
        )
        return bootstrap.build(settings, client)


if __name__ == "__main__":
    sys.exit(main())
