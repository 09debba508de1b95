"""The WSGI entry point: `gunicorn session_api.wsgi:app`."""

import os

from runlet import config
from runlet_telemetry import logs
from session_api import bootstrap
from session_api.config import Config

_config = config.load(Config, os.environ)
logs.configure("session-api", _config.log_level)
app = bootstrap.create_app(_config)
