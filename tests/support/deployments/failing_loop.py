"""The execution API with a background loop that fails again and again, for gunicorn."""

from execution_api import wsgi
from runlet_telemetry import supervision
from runlet_telemetry.supervision import Loop, LoopContext

supervision.MAX_FAILURES_IN_A_ROW = 1


def _fail(_context: LoopContext) -> None:
    raise RuntimeError("This loop is broken.")


wsgi.api.supervisor.start(Loop("broken", _fail))
app = wsgi.app
