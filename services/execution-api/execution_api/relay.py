"""The relay's entry point: `python -m execution_api.relay`."""

import os
import sys

from execution_api import bootstrap
from execution_api.config import RelayConfig
from runlet import config
from runlet.lifecycle import StopSignal
from runlet_telemetry import logs


def main() -> None:
    """Relay until SIGTERM."""
    settings = config.load(RelayConfig, os.environ)
    logs.configure("execution-relay", settings.log_level)
    process = bootstrap.create_relay(settings)
    stop = StopSignal()
    stop.install()
    process.start()
    stop.wait()
    process.close()


if __name__ == "__main__":
    try:
        main()
    except config.ConfigError as error:
        sys.exit(str(error))
