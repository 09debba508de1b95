"""The WSGI entry point: `gunicorn execution_api.wsgi:app`; each worker imports it for itself."""

import atexit
import os

from execution_api import bootstrap
from execution_api.config import ApiConfig
from runlet import config, logs

_config = config.load(ApiConfig, os.environ)
logs.configure("execution-api", _config.log_level)
_api = bootstrap.create_api(_config)
_api.start()
atexit.register(_api.close)
app = _api.app
