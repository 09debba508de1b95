"""The collector's entry point: `python -m result_collector`."""

import os
import sys

from result_collector import bootstrap
from result_collector.config import Config
from runlet import config
from runlet.lifecycle import StopSignal, take_short_turns
from runlet_telemetry import logs
from runlet_telemetry.supervision import Supervisor


def main() -> int:
    """Collect until SIGTERM; gives the exit code."""
    settings = config.load(Config, os.environ)
    logs.configure(bootstrap.NAME, settings.log_level)
    take_short_turns()
    stop = StopSignal()
    stop.install()
    collector = bootstrap.create_collector(settings, stop)
    Supervisor().start(collector.ops.loop())
    return 0 if collector.run() else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except config.ConfigError as error:
        sys.exit(str(error))
