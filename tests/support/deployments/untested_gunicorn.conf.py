"""The project's settings of gunicorn, under a version of it that nobody has tested."""

import runpy

import gunicorn  # type: ignore[import-untyped]

gunicorn.__version__ = "99.0.0"
globals().update(runpy.run_path("deploy/service/gunicorn.conf.py"))
