"""python -m runner"""

import os
import sys

import docker

from runlet import config, logs
from runlet.lifecycle import StopSignal
from runner import bootstrap
from runner.config import Config

ENGINE_CONNECTIONS = 64


def main() -> int:
    """Serve until SIGTERM; 2 for a configuration that cannot be used."""
    try:
        settings = config.load(Config, os.environ)
        settings.served()
    except (config.ConfigError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure(bootstrap.NAME, settings.log_level)
    client = docker.DockerClient.from_env(
        environment=dict(os.environ), max_pool_size=ENGINE_CONNECTIONS
    )
    runner = bootstrap.build(settings, client)
    stop = StopSignal()
    stop.install()
    runner.ops_server().start()
    runner.run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
