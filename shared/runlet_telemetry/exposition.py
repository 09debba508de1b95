"""The page Prometheus reads."""

import os
from collections.abc import Iterable, Iterator

from prometheus_client import Metric, generate_latest, multiprocess
from prometheus_client.registry import REGISTRY, Collector

from runlet_telemetry.metrics import Metrics

OURS = "runlet_"


def page(metrics: Metrics) -> bytes:
    """The figures of this process, or of all workers where gunicorn runs several.

    Of Runlet's own it has `metrics` and no others: a figure that is zero because this process has
    nothing to do with it would look like one that is zero for a reason.
    """
    return generate_latest(_Served(_source(), metrics))


def _source() -> Collector:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    return multiprocess.MultiProcessCollector(None)  # type: ignore[no-untyped-call]


class _Served(Collector):
    def __init__(self, source: Collector, metrics: Metrics) -> None:
        self._source = source
        self._names = {family.name for metric in metrics for family in metric.describe()}

    def collect(self) -> Iterable[Metric]:
        return self._wanted()

    def _wanted(self) -> Iterator[Metric]:
        for family in self._source.collect():
            if family.name in self._names or not family.name.startswith(OURS):
                yield family
