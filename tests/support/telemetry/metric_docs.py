"""docs/metrics.md, made of the definitions.

`make docs` writes it: `python -m support.telemetry.metric_docs > docs/metrics.md`.
"""

from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from runlet_telemetry import metrics

INTRODUCTION = """\
# Metrics

What each service exposes to Prometheus. The APIs serve `/metrics` on their own ports, 8001 and
8002, the relay, the runner and the collector on 9100. This page is made of
`runlet_telemetry.metrics`, and a test checks that the two agree.

- A gauge of something shared (queues, the outbox, the oldest request) is measured every 5 s by
  each replica of the process that serves it, and is the same in all: read it with `max`, never with
  `sum`. It is NaN while it cannot be measured. Everything else is of one process, and is summed.
- Series of known labels are there from the start, at 0, so that the first event is an increase.
- Label values are bounded: routes are patterns, an address that nothing serves is `unknown`, an odd
  method is `other`, languages are those of the deployment.
- Clocks of different machines meet in `runlet_run_queue_seconds`, `runlet_run_turnaround_seconds`
  and `runlet_event_lag_seconds`: they are as good as the clocks agree. Negative times count as 0.
- The session API runs two worker processes, the execution API one. What a worker counted stays when
  it ends, and its successor goes on.
"""


def table() -> str:
    """The whole document."""
    found = {metric: None for served in metrics.SERVED.values() for metric in served}
    sections = [
        INTRODUCTION,
        "| metric | type | labels | served by | meaning |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*sections, *map(_row, found), "", "## Buckets", "", *_buckets(found), ""])


def exposed_name(metric: MetricWrapperBase) -> str:
    """The name that stands on the page, without the suffixes of a histogram."""
    (family,) = metric.describe()
    return f"{family.name}_total" if family.type == "counter" else family.name


def label_names(metric: MetricWrapperBase) -> tuple[str, ...]:
    """The labels every series of it has."""
    return tuple(metric._labelnames)


def upper_bounds(metric: Histogram) -> list[float]:
    """A histogram's buckets, without that for everything."""
    return [float(bound) for bound in metric._kwargs["buckets"] if bound != float("inf")]


def _row(metric: MetricWrapperBase) -> str:
    (family,) = metric.describe()
    labels = " ".join(f"`{name}`" for name in label_names(metric))
    services = ", ".join(name for name, served in metrics.SERVED.items() if metric in served)
    cells = (f"`{exposed_name(metric)}`", family.type, labels, services, family.documentation)
    return f"| {' | '.join(cells)} |"


def _buckets(found: dict[MetricWrapperBase, None]) -> list[str]:
    rows = ["| histogram | upper bounds in seconds |", "|---|---|"]
    for metric in found:
        if isinstance(metric, Histogram):
            bounds = ", ".join(f"{bound:g}" for bound in upper_bounds(metric))
            rows.append(f"| `{exposed_name(metric)}` | {bounds} |")
    return rows


if __name__ == "__main__":
    print(table(), end="")
