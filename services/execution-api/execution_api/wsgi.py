"""The WSGI entry point: `gunicorn execution_api.wsgi:app`; each worker imports it for itself."""

import atexit
import os
import signal
from types import FrameType

from execution_api import bootstrap
from execution_api.config import ApiConfig
from runlet import config
from runlet_telemetry import logs

_config = config.load(ApiConfig, os.environ)
logs.configure("execution-api", _config.log_level)
api = bootstrap.create_api(_config)
api.start()
atexit.register(api.close)
_stop = signal.getsignal(signal.SIGTERM)


def _begin_shutdown(number: int, frame: FrameType | None) -> None:
    api.begin_shutdown()
    if callable(_stop):
        _stop(number, frame)


# Gunicorn stops when the last request is answered, and a stream may last for minutes.
signal.signal(signal.SIGTERM, _begin_shutdown)
app = api.app
