"""The WSGI entry point: `gunicorn session_api.wsgi:app`; each worker imports it for itself."""

import atexit
import os

from runlet import config
from runlet_telemetry import logs
from session_api import bootstrap
from session_api.config import Config

_config = config.load(Config, os.environ)
logs.configure("session-api", _config.log_level)
_api = bootstrap.create_api(_config)
_api.start()
atexit.register(_api.close)
app = _api.app
