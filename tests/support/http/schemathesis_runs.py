"""Schemathesis, as somebody would run it against a deployment, with ids that exist."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
SETTINGS = ROOT / "tests" / "schemathesis.toml"
EXAMPLES_OF_EACH_OPERATION = 20
RUN_SECONDS = 200

_HOOKS = {
    "SCHEMATHESIS_HOOKS": "support.http.schemathesis_hooks",
    "PYTHONPATH": str(ROOT / "tests"),
}
_COMMAND = (sys.executable, "-m", "schemathesis.cli")
_OPTIONS = (
    "--checks=all",
    "--generation-deterministic",
    f"--max-examples={EXAMPLES_OF_EACH_OPERATION}",
    "--continue-on-failure",
    # A busy machine is no finding.
    "--request-timeout=60",
    "--suppress-health-check=too_slow",
    "--no-color",
)

# By operation and parameter of its path: the ids that half of the generated values are.
KnownIds = Mapping[tuple[str, str], Sequence[str]]


def run_schemathesis(
    folder: Path, address: str, known: KnownIds, headers: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run all phases and checks against the document at `address`, reproducibly.

    An operation that only ever answers 404 fails the run, too: nothing of it would be tested.
    """
    settings = folder / "schemathesis.toml"
    settings.write_text(f"{SETTINGS.read_text(encoding='utf-8')}\n{_more(known)}")
    given = [f"--header={name}:{value}" for name, value in headers.items()]
    return subprocess.run(
        [
            *_COMMAND,
            f"--config-file={settings}",
            "run",
            f"{address}/openapi.json",
            *_OPTIONS,
            *given,
        ],
        cwd=folder,
        env={**os.environ, **_HOOKS, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )


def _more(known: KnownIds) -> str:
    """The dictionaries of known ids, and what goes with them, as TOML."""
    parts = ["[warnings]", 'fail-on = ["missing_test_data"]']
    for number, ((operation, parameter), ids) in enumerate(known.items()):
        parts += [
            f"[dictionaries.known{number}]",
            f"values = {json.dumps(list(ids))}",
            "[[operations]]",
            f'include-operation-id = "{operation}"',
            "[operations.parameters]",
            f'"path.{parameter}" = {{ dictionary = "known{number}", probability = 0.5 }}',
        ]
    return "\n".join(parts) + "\n"
