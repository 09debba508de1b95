"""python -m support.broker.collector_process: a collector by the environment, until SIGTERM."""

import os
import sys

from result_collector import bootstrap
from result_collector.config import Config
from runlet import config
from runlet.lifecycle import StopSignal


def main() -> int:
    """As the collector's own entry point, but for the port of its pages, which may be taken."""
    stop = StopSignal()
    stop.install()
    settings = config.load(Config, os.environ)
    return 0 if bootstrap.create_collector(settings, stop, ops_port=0).run() else 1


if __name__ == "__main__":
    sys.exit(main())
