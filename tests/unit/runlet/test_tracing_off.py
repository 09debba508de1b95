"""Without an endpoint there is no OpenTelemetry in a service: none is loaded, nothing started."""

import subprocess
import sys

from support.sandboxes.runners import python_environment

BUILD_ALL = """
import sys, threading
from execution_api import bootstrap as execution_api, config as execution_config, relay
from result_collector import __main__, bootstrap as result_collector, config as collector_config
from runlet_telemetry import tracers
from runlet.lifecycle import StopSignal
from runner import __main__, bootstrap as runner, config as runner_config
from session_api import bootstrap as session_api, config as session_config

database = {"database_url": "postgresql+psycopg2://nobody@127.0.0.1:9/none"}
broker = {"amqp_url": "amqp://127.0.0.1:9/"}
both = {**database, **broker}
session_api.create_api(session_config.Config(**database))
api = execution_config.ApiConfig(**both, session_api_url="http://127.0.0.1:9")
execution_api.create_api(api)
execution_api.create_relay(execution_config.RelayConfig(**both))
result_collector.create_collector(collector_config.Config(**both), StopSignal())
tracers.create(runner_config.Config(**broker), runner.NAME)
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
print([thread.name for thread in threading.enumerate() if "Otel" in thread.name])
"""


def test_services_without_an_endpoint_load_and_start_nothing() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", BUILD_ALL],
        env={**python_environment(), "OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        capture_output=True,
        text=True,
        timeout=270,
    )
    assert finished.stdout == "[]\n[]\n", finished.stderr
