"""python -m benchmarks.capacity [--measure]: simulates what was measured, and writes README.md.

With --measure the stack that make capacity has started is measured first.
"""

import sys

import docker

from benchmarks.capacity import measurements, report
from benchmarks.capacity.measure import Sitting


def main() -> None:
    """Measure if asked to, then write and print the tables."""
    if "--measure" in sys.argv[1:]:
        client = docker.DockerClient.from_env(timeout=120, max_pool_size=32)
        measurements.write(Sitting(client).measure())
    path = report.write(measurements.read())
    sys.stdout.write(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
