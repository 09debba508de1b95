"""python -m monitoring.snapshot URL PICTURE [SECONDS]: the dashboard as an image.

Asks the Prometheus at URL every query of the dashboard's own file, for the last SECONDS (300), and
draws the answers: what Grafana shows, where there is no Grafana.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitoring import dashboard
from monitoring.answers import Prometheus
from monitoring.drawing import draw

USUAL_SECONDS = 300


def main(url: str, picture: str, seconds: int = USUAL_SECONDS) -> None:
    """Write the picture. Raises requests.RequestException when Prometheus does not answer."""
    end = datetime.now(UTC)
    prometheus = Prometheus(url, end, timedelta(seconds=seconds))
    drawn = [(panel, prometheus.answer(panel)) for panel in dashboard.panels()]
    draw(f"Runlet, {seconds} s until {end:%Y-%m-%d %H:%M} UTC", drawn, Path(picture))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(argument) for argument in sys.argv[3:4]))
