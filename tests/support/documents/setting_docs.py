"""docs/settings.md, made of the services' configuration classes and of the compose files.

`make docs` writes it: `python -m support.documents.setting_docs > docs/settings.md`.
"""

import dataclasses
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from msgspec import Meta

import execution_api.config
import result_collector.config
import runlet_amqp.prepare_broker
import runner.config
import runner.runtimes
import session_api.config
from execution_api.runs.rate_limits import RateLimitSettings
from runlet.limits import LimitSettings
from runlet_amqp.settings import BrokerSettings
from runlet_http.auth import TokenSettings
from runlet_telemetry.tracing_settings import TracingSettings

ROOT = Path(__file__).parents[3]
COMPOSE_FILES = (
    "docker-compose.yml",
    "deploy/runner/compose.runner.yml",
    "deploy/tls/compose.tls.yml",
)
# A value's default in a compose file: ${NAME:-default}, ${NAME:?reason} or ${NAME}.
VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*)|:\?[^}]*)?\}")
# Comments, and "$$", a dollar sign that compose leaves to the container's shell.
NO_VARIABLE = re.compile(r"#.*|\$\$")

# The configuration class of each process.
PROCESSES: dict[str, type] = {
    "session-api": session_api.config.Config,
    "execution-api": execution_api.config.ApiConfig,
    "execution-relay": execution_api.config.RelayConfig,
    "runner": runner.config.Config,
    "result-collector": result_collector.config.Config,
    "runtimes": runner.runtimes.Config,
    "broker-prepare": runlet_amqp.prepare_broker.Config,
}
SERVICES = [name for name in PROCESSES if name not in ("runtimes", "broker-prepare")]
# Settings that several processes read have a section of their own; the rest stand by process.
SHARED_SECTIONS: dict[str, type] = {
    "What a run may use": LimitSettings,
    "How much may be run": RateLimitSettings,
    "Who may call": TokenSettings,
    "RabbitMQ": BrokerSettings,
    "Tracing": TracingSettings,
}

# What the deployment itself reads; no service's code sees these names.
DEPLOYMENT = {
    "BIND_ADDRESS": "Address on which the published ports listen; Prometheus stays on loopback.",
    "COLLECTOR_DB_PASSWORD": "Password of the database role `result_collector`.",
    "DOCKER_SOCKET": "Socket of the engine that the sandboxes run on.",
    "EXECUTION_API_PORT": "Published port of the execution API.",
    "EXECUTION_API_WEB_THREADS": "Threads of the execution API: a caller that waits holds one.",
    "EXECUTION_DB_PASSWORD": "Password of the database role `execution_api`.",
    "GATEWAY_PORT": "Published port of the gateway.",
    "GRAFANA_ADMIN_PASSWORD": "Password of Grafana's user `admin`.",
    "GRAFANA_PORT": "Published port of Grafana.",
    "OTEL_RESOURCE_ATTRIBUTES": "Attributes of every span; read by the OpenTelemetry SDK.",
    "OTEL_TRACES_SAMPLER": "Which traces are recorded; read by the OpenTelemetry SDK.",
    "OTEL_TRACES_SAMPLER_ARG": "The sampler's argument; read by the OpenTelemetry SDK.",
    "POSTGRES_PASSWORD": "Password of PostgreSQL's superuser.",
    "PROMETHEUS_PORT": "Published port of Prometheus, on loopback.",
    "PROMETHEUS_RETENTION": "How long Prometheus keeps measurements.",
    "RABBITMQ_PASSWORD": "Password of RabbitMQ's user `runlet`.",
    "RABBITMQ_TLS_DIR": "Folder of certificates; where it is set RabbitMQ listens with TLS, too.",
    "RABBITMQ_TLS_PORT": "Published port of RabbitMQ with TLS.",
    "SESSION_API_PORT": "Published port of the session API.",
    "SESSION_API_WEB_THREADS": "Threads of each process of the session API.",
    "SESSION_DB_PASSWORD": "Password of the database role `session_api`.",
    "WEB_WORKERS": "Processes of an API: 2 of the session API, 1 of the execution API if unset.",
}
# Read by the scripts of `make`, so not by `docker compose up` alone.
MAKE = {
    "BENCH_RUNS": "Runs of each way in `make bench`.",
    "CHAOS_FREEZE_SECONDS": "Seconds for which `make chaos` freezes a part.",
    "CHAOS_ROUNDS": "Rounds of `make chaos`.",
    "DASHBOARD_SECONDS": "Seconds of load in `make dashboard`.",
    "ENV_FILE": "Another file to read settings from than `.env`.",
    "LOAD_SECONDS": "Seconds of `make load`.",
    "MONITORING": "1 adds Prometheus and Grafana, 0 takes them away; kept until it is set again.",
    "PYTEST_ARGS": "What `make test` runs, such as `tests/unit -x`.",
    "RUNLET_OFFLINE": "1 builds everything on Debian's packages, without an image registry.",
    "SCALE_WAVES": "Waves of programs in `make scale`.",
}

INTRODUCTION = """\
# Settings

Made of the services' configuration classes and of the compose files by `make docs`; a test holds
that they agree.

Every setting is an environment variable. In the column "compose", *yes* marks what
`docker compose up` and `make up` pass on from the environment or from `.env`; `NAME=value make up`
on a running stack changes just that. The others are for services that are started in another way,
or for a compose file of your own. An empty variable counts as unset.

Every setting of a service may stand in a file instead: `NAME_FILE` names it
([security.md](security.md#secrets)). A setting that cannot be used ends the process at its start,
with a sentence that names it.
"""


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting of a configuration class; `default` is None where it has to be given."""

    name: str
    default: str | None
    range: str
    meaning: str
    processes: tuple[str, ...]


def settings() -> list[Setting]:
    """Every setting that some process reads from its environment, in the order of the classes."""
    found: dict[str, Setting] = {}
    for config in PROCESSES.values():
        for field in dataclasses.fields(config):
            name = field.name.upper()
            found.setdefault(name, _setting(config, field))
    return list(found.values())


def compose_variables() -> dict[str, str]:
    """What the compose files take from the environment, with the defaults they give."""
    found: dict[str, str] = {}
    for path in COMPOSE_FILES:
        text = (ROOT / path).read_text(encoding="utf-8")
        for name, default in VARIABLE.findall(NO_VARIABLE.sub("", text)):
            found.setdefault(name, default)
    # Each API has a default of its own.
    return {**found, "WEB_WORKERS": ""}


def page() -> str:
    """The whole document."""
    lines = [INTRODUCTION]
    for title, rows in _sections():
        lines += [f"## {title}", "", *rows, ""]
    return "\n".join(lines)


def _sections() -> Iterator[tuple[str, list[str]]]:
    everything = {setting.name: setting for setting in settings()}
    for title, config in SHARED_SECTIONS.items():
        names = [field.name.upper() for field in dataclasses.fields(config)]
        yield title, _table([everything.pop(name) for name in names])
    own = list(everything.values())
    yield "Of several services", _table([each for each in own if len(each.processes) > 1])
    for process in PROCESSES:
        rows = [each for each in own if each.processes == (process,)]
        if rows:
            yield f"Of {process} alone", _table(rows)
    yield "Of the deployment", _deployment_table()
    yield "Of `make`", ["| setting | meaning |", "|---|---|", *_pairs(MAKE)]


def _table(rows: list[Setting]) -> list[str]:
    columns = ("setting", "default", "range", "compose", "read by", "meaning")
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *map(_row, rows)]


def _row(setting: Setting) -> str:
    default = "has to be given" if setting.default is None else setting.default
    in_compose = "yes" if setting.name in compose_variables() else ""
    cells = (f"`{setting.name}`", default, setting.range, in_compose, _readers(setting))
    return f"| {' | '.join(cells)} | {setting.meaning} |"


def _readers(setting: Setting) -> str:
    read_by_all = set(SERVICES) <= {*setting.processes}
    return "every service" if read_by_all else ", ".join(setting.processes)


def _deployment_table() -> list[str]:
    defaults = compose_variables()
    head = ["| setting | default | meaning |", "|---|---|---|"]
    return head + [
        f"| `{name}` | {_shown(defaults[name])} | {meaning} |"
        for name, meaning in sorted(DEPLOYMENT.items())
    ]


def _pairs(meanings: dict[str, str]) -> list[str]:
    return [f"| `{name}` | {meaning} |" for name, meaning in sorted(meanings.items())]


def _setting(config: type, field: dataclasses.Field[Any]) -> Setting:
    processes = tuple(
        name
        for name, each in PROCESSES.items()
        if field.name in {known.name for known in dataclasses.fields(each)}
    )
    hint = get_type_hints(config, include_extras=True)[field.name]
    meta = _meta(hint)
    description = (meta.description if meta else None) or ""
    return Setting(field.name.upper(), _default(field), _range(hint, meta), description, processes)


def _meta(hint: Any) -> Meta | None:
    if get_origin(hint) is not Annotated:
        return None
    return next((each for each in get_args(hint) if isinstance(each, Meta)), None)


def _default(field: dataclasses.Field[Any]) -> str | None:
    if field.default is dataclasses.MISSING:
        return None
    # Of the machine that writes this page; see the setting's meaning.
    if field.name == "runner_concurrency":
        return "cores"
    return _shown(field.default)


def _shown(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return str(int(value))
    return "unset" if value == "" else f"`{value}`"


def _range(hint: Any, meta: Meta | None) -> str:
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(bare) is Literal:
        return " ".join(f"`{value}`" for value in get_args(bare))
    if isinstance(bare, type) and issubclass(bare, Enum):
        return " ".join(f"`{member.value}`" for member in bare)
    if meta is None or (meta.ge is None and meta.le is None):
        return ""
    return f"{meta.ge} to {meta.le}" if meta.le is not None else f"from {meta.ge}"


if __name__ == "__main__":
    print(page(), end="")
