"""docs/settings.md, made of the services' configuration classes and of the compose files.

`make docs` writes it: `python -m support.documents.setting_docs > docs/settings.md`.
"""

import dataclasses
import re
import runpy
from collections.abc import Iterator, Mapping, Sequence
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
# What the one-shot service `secrets` makes where it is not set.
RANDOM = frozenset(runpy.run_path(str(ROOT / "deploy/secrets/stack_secrets.py"))["VARIABLES"])
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
# Read by the scripts of `make`, so not by `docker compose up` alone: the default, and the meaning.
MAKE = {
    "BENCH_RUNS": ("600", "Runs of each way in `make bench`."),
    "CHAOS_FREEZE_SECONDS": ("75", "Seconds for which `make chaos` freezes a part."),
    "CHAOS_ROUNDS": ("1", "Rounds of `make chaos`."),
    "CHAOS_SEED": ("", "Repeats the random moments of an earlier `make chaos`. Unset: new ones."),
    "DASHBOARD_SECONDS": ("180", "Seconds of load in `make dashboard`."),
    "ENV_FILE": (".env", "File that settings are read from."),
    "LOAD_SECONDS": ("60", "Seconds of `make load`."),
    "MONITORING": (
        "",
        "1 adds Prometheus and Grafana, 0 removes them. Unset: as it was last set, at first 0.",
    ),
    "PYTEST_ARGS": ("", "What `make test` runs, such as `tests/unit -x`. Unset: everything."),
    "RUNLET_OFFLINE": (
        "",
        "1 builds everything on Debian's packages. Unset: only where no image registry answers.",
    ),
    "SCALE_WAVES": ("10", "Waves of programs in `make scale`."),
    "SLOW_TIMES": ("3", "How many times slower `deploy/bootstrap/slow.sh` makes the machine."),
}
# Read by deploy/swarm/deploy.sh, beside most settings of the services.
SWARM = {
    "API_REPLICAS": "Replicas of each API.",
    "COLLECTOR_REPLICAS": "Replicas of the result collector.",
    "ENGINE_CERTIFICATES": "Folder with `ca.pem`, `cert.pem` and `key.pem` for the engine.",
    "ENGINE_HOST": "Engine of the runners, such as `tcp://engine-1.example.com:2376`.",
    "EXTERNAL_DATA": "1: the databases and the broker are your own.",
    "REGISTRY": "Where the images are, with a slash at its end.",
    "RUNNER_REPLICAS": "Replicas of the runner.",
    "TAG": "Tag of the images.",
}
SWARM_FILES = ("deploy/swarm/stack.yml", "deploy/swarm/data.yml")

INTRODUCTION = """\
# Settings

Made of the services' configuration classes and of the compose files by `make docs`; a test checks
that they agree.

Every setting is an environment variable; an empty one counts as unset. In the column "compose",
*yes* marks what `docker compose up` and `make up` pass on from the environment or from `.env`. The
others are for services that are started in another way, or for a compose file of your own.
*Required*: the service does not start without it. The compose files give each of these, so there
nothing has to be set. *Random*: made once for the stack, in a volume
([security.md](security.md#secrets)).

`NAME=value make up` on a running stack changes that one setting, until the next `make up`. To keep
it, write it into `.env`. Two things last without that: passwords and tokens that were set once, and
`MONITORING`.

Every setting of a service may stand in a file instead: `NAME_FILE` names it. `API_TOKENS_FILE` and
`AMQP_CA_FILE`, `AMQP_CERT_FILE`, `AMQP_KEY_FILE` are settings of their own. The password of an
address may stand apart from it: `DATABASE_PASSWORD` is that of the user in `DATABASE_URL`,
`AMQP_PASSWORD` that of the user in `AMQP_URL`, and both may stand in a file too. A setting that
cannot be used ends the process at its start, with a sentence that names it.
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
    # Each API has a default of its own.
    return {**_variables_of(COMPOSE_FILES), "WEB_WORKERS": ""}


def _variables_of(paths: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in paths:
        text = (ROOT / path).read_text(encoding="utf-8")
        for name, default in VARIABLE.findall(NO_VARIABLE.sub("", text)):
            found.setdefault(name, default)
    return found


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
    yield "Of the deployment", _defaults_table(DEPLOYMENT, compose_variables())
    swarm_defaults = {**_variables_of(SWARM_FILES), "ENGINE_HOST": "required"}
    yield "Of `deploy/swarm/deploy.sh`", _defaults_table(SWARM, swarm_defaults)
    make_defaults = {name: default for name, (default, _) in MAKE.items()}
    make_meanings = {name: meaning for name, (_, meaning) in MAKE.items()}
    yield "Of `make`", _defaults_table(make_meanings, make_defaults)


def _table(rows: list[Setting]) -> list[str]:
    columns = ("setting", "default", "range", "compose", "read by", "meaning")
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *map(_row, rows)]


def _row(setting: Setting) -> str:
    default = "required" if setting.default is None else setting.default
    if setting.name in RANDOM:
        default = "random (compose)"
    in_compose = "yes" if setting.name in compose_variables() else ""
    cells = (f"`{setting.name}`", default, setting.range, in_compose, _readers(setting))
    return f"| {' | '.join(cells)} | {setting.meaning} |"


def _readers(setting: Setting) -> str:
    read_by_all = set(SERVICES) <= {*setting.processes}
    return "every service" if read_by_all else ", ".join(setting.processes)


def _defaults_table(meanings: Mapping[str, str], defaults: Mapping[str, str]) -> list[str]:
    head = ["| setting | default | meaning |", "|---|---|---|"]
    return head + [
        f"| `{name}` | {_default_shown(name, defaults.get(name, ''))} | {meaning} |"
        for name, meaning in sorted(meanings.items())
    ]


def _default_shown(name: str, default: str) -> str:
    if name in RANDOM:
        return "random"
    return default if default == "required" else _shown(default)


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
