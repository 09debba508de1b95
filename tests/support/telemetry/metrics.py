"""Metrics as tests see them: in this process, or on a page that was fetched."""

from collections.abc import Callable

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families


def value(name: str, **labels: str) -> float | None:
    """A sample of this process; None when there is none with these labels."""
    return REGISTRY.get_sample_value(name, labels)


def rise(name: str, **labels: str) -> Callable[[], float]:
    """A look at how much a sample of this process has risen since this call."""
    before = value(name, **labels) or 0.0
    return lambda: (value(name, **labels) or 0.0) - before


class Page:
    """What /metrics answered."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def names(self) -> set[str]:
        """The metrics on it, counters without their _total."""
        return {family.name for family in self._families}

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name that have these labels, and perhaps more."""
        return sum(
            sample.value
            for family in self._families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )
