"""The stack's secrets, each made once in a volume of its own: FOLDER/NAME/value.

`make` makes those that are missing. A value of the operator's own, in the variable that the secret
is named after, wins, and is kept, so that it still holds where the variable is gone. RabbitMQ's
user goes into a volume that only RabbitMQ reads, as definitions (https://www.rabbitmq.com/docs/definitions).
`show VARIABLE…` prints them, one a line. It runs without a network and needs nothing but Python.
"""

import argparse
import base64
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RABBITMQ_PASSWORD = "RABBITMQ_PASSWORD"
VARIABLES = (
    "POSTGRES_PASSWORD",
    "SESSION_DB_PASSWORD",
    "EXECUTION_DB_PASSWORD",
    "COLLECTOR_DB_PASSWORD",
    RABBITMQ_PASSWORD,
    "SERVICE_TOKEN",
    "METRICS_TOKEN",
    "CALLBACK_SECRET",
    "GRAFANA_ADMIN_PASSWORD",
)
# Beside the user, for what else RabbitMQ is to know when it starts.
DEFINITIONS = "rabbitmq-definitions/10-user.json"
USER, VHOST = "runlet", "runlet"
SECRET_BYTES = 32
SALT_BYTES = 4
# The volumes say who reads a file; its readers run as users that are not known here.
MODE = 0o444


def make(folder: Path, environ: Mapping[str, str]) -> None:
    """Write every secret that is missing or that the operator chose anew."""
    for variable in VARIABLES:
        path = path_of(folder, variable)
        value = environ.get(variable, "") or read(path) or secrets.token_hex(SECRET_BYTES)
        write(path, value)
    definitions = broker_definitions(read(path_of(folder, RABBITMQ_PASSWORD)))
    write(folder / DEFINITIONS, json.dumps(definitions, indent=2))


def path_of(folder: Path, variable: str) -> Path:
    """Where a secret is: POSTGRES_PASSWORD in postgres-password/value."""
    return folder / variable.lower().replace("_", "-") / "value"


def read(path: Path) -> str:
    """A secret; "" where there is none yet."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def write(path: Path, value: str) -> None:
    """Replace a file as a whole, so that no reader sees half of it."""
    new = path.with_suffix(".new")
    new.write_text(value, encoding="utf-8")
    new.chmod(MODE)
    new.replace(path)


def broker_definitions(password: str) -> dict[str, Any]:
    """The user of the services, with its password as RabbitMQ stores it, and its virtual host."""
    everything = dict.fromkeys(("configure", "write", "read"), ".*")
    return {
        "users": [
            {
                "name": USER,
                "password_hash": password_hash(password, secrets.token_bytes(SALT_BYTES)),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator",
            }
        ],
        "vhosts": [{"name": VHOST}],
        "permissions": [{"user": USER, "vhost": VHOST, **everything}],
    }


def password_hash(password: str, salt: bytes) -> str:
    """See https://www.rabbitmq.com/docs/passwords#computing-password-hash."""
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()


def main() -> int:
    """Carry out the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="secrets", description="The secrets of this stack.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make", help="make those that are missing")
    show = commands.add_parser("show", help="print some, one a line")
    show.add_argument("variables", nargs="+", choices=VARIABLES)
    asked = parser.parse_args()
    folder = Path(os.environ.get("SECRETS_FOLDER", "/run/secrets"))
    if asked.command == "make":
        make(folder, os.environ)
        return 0
    values = [read(path_of(folder, variable)) for variable in asked.variables]
    if not all(values):
        print("There is none yet: start the stack first.", file=sys.stderr)
        return 1
    print(*values, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
