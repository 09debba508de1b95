"""The collector's entry point: `python -m result_collector`."""

import os
import sys

from result_collector import bootstrap
from result_collector.config import Config
from runlet import config
from runlet.lifecycle import StopSignal, set_thread_switch_interval
from runlet_telemetry import logs


def main() -> int:
    """Collect until SIGTERM; gives the exit code."""
    settings = config.load(Config, os.environ)
    logs.configure(bootstrap.NAME, settings.log_level)
    set_thread_switch_interval()
    stop = StopSignal()
    stop.install()
    collector = bootstrap.create_collector(settings, stop)
    collector.supervisor.start(collector.ops.loop())
    return 0 if collector.run() else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except config.ConfigError as error:
        sys.exit(str(error))
