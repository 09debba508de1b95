"""python -m monitoring.console: the dashboard as a page of Prometheus's own.

Writes deploy/prometheus/consoles/runlet.html, a template that Prometheus fills in at each look with
what the dashboard's queries give at that moment: for where there is no Grafana.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from monitoring import dashboard
from monitoring.dashboard import Panel, Query

CONSOLE = Path("deploy/prometheus/consoles/runlet.html")

_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="10">
<title>Runlet</title>
<style>
body { font: 14px sans-serif; max-width: 60em; margin: 2em auto; }
table { border-collapse: collapse; width: 100%; margin-bottom: 1em; }
caption { text-align: left; font-weight: bold; }
caption span { font-weight: normal; color: #666; }
td { border-top: 1px solid #ddd; padding: 2px 8px 2px 0; }
td + td { text-align: right; width: 30%; }
</style>
</head>
<body>
<h1>Runlet</h1>
"""
_FOOT = "</body>\n</html>\n"
# How a template writes a figure of one of Grafana's units.
_FIGURES = {
    "s": "{{ .Value | humanizeDuration }}",
    "percentunit": "{{ .Value | humanizePercentage }}",
    "bytes": "{{ .Value | humanize }}B",
    "reqps": "{{ .Value | humanize }}/s",
    "short": "{{ .Value | humanize }}",
}


def page() -> str:
    """The whole template."""
    return _HEAD + "".join(_section(panel) for panel in dashboard.panels()) + _FOOT


def _section(panel: Panel) -> str:
    if panel.kind == "row":
        return f"<h2>{escape(panel.title)}</h2>\n"
    told = f"{escape(panel.title)} <span>{escape(panel.description)}</span>"
    return f"<table>\n<caption>{told}</caption>\n{''.join(_rows(panel))}</table>\n"


def _rows(panel: Panel) -> Iterator[str]:
    for query in panel.queries:
        cells = f"<td>{_legend(query)}</td><td>{_FIGURES[panel.unit]}</td>"
        none = "<tr><td>nothing</td><td></td></tr>"
        # Backquotes, so that quotes in the expression need no escape.
        asked = f"{{{{ range query `{query.expression}` }}}}"
        yield f"{asked}<tr>{cells}</tr>\n{{{{ else }}}}{none}\n{{{{ end }}}}"


def _legend(query: Query) -> str:
    return _LABEL.sub(lambda found: f"{{{{ .Labels.{found[1]} }}}}", query.legend)


if __name__ == "__main__":
    CONSOLE.parent.mkdir(parents=True, exist_ok=True)
    CONSOLE.write_text(page(), encoding="utf-8")
