"""What Prometheus answers to the queries of a panel."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests

from monitoring.dashboard import Panel

CLIENT_SECONDS = 30
STEP_SECONDS = 5

_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class Series:
    """One line of a panel, with NaN where it has a gap. A stat or a table has one value.

    `times` are seconds before the end of the window, so at most 0.
    """

    name: str
    labels: dict[str, str]
    times: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True)
class Prometheus:
    """Asks the one at `base_url` for `window`, which ends at `end`."""

    base_url: str
    end: datetime
    window: timedelta

    def answer(self, panel: Panel) -> list[Series]:
        """All series of a panel. Raises requests.HTTPError for a query that is refused."""
        ask = self._range if panel.kind == "timeseries" else self._instant
        return [series for query in panel.queries for series in ask(query.expression, query.legend)]

    def _range(self, expression: str, legend: str) -> list[Series]:
        start = self.end - self.window
        span = {"start": start.timestamp(), "end": self.end.timestamp(), "step": STEP_SECONDS}
        found = self._ask("query_range", {"query": expression, **span})
        return [self._series(result["metric"], legend, result["values"]) for result in found]

    def _instant(self, expression: str, legend: str) -> list[Series]:
        found = self._ask("query", {"query": expression, "time": self.end.timestamp()})
        return [self._series(result["metric"], legend, [result["value"]]) for result in found]

    def _series(
        self, labels: dict[str, str], legend: str, samples: list[tuple[float, str]]
    ) -> Series:
        name = _LABEL.sub(lambda found: labels.get(found[1], ""), legend)
        end = self.end.timestamp()
        points = [(at - end, value) for at, value in _with_gaps(samples)]
        return Series(name, labels, [at for at, _ in points], [value for _, value in points])

    def _ask(self, path: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        answer = requests.get(
            f"{self.base_url}/api/v1/{path}", params=parameters, timeout=CLIENT_SECONDS
        )
        answer.raise_for_status()
        results: list[dict[str, Any]] = answer.json()["data"]["result"]
        return results


def _with_gaps(samples: list[tuple[float, str]]) -> Iterator[tuple[float, float]]:
    """The samples as figures, with a NaN where some are missing: a gap is no line across it."""
    before = math.inf
    for at, value in samples:
        if at - before > 2 * STEP_SECONDS:
            yield before + STEP_SECONDS, math.nan
        yield at, float(value)
        before = at
