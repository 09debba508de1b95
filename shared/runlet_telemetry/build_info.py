"""What runs here: a version for people, and a digest that differs when anything does."""

import hashlib
import platform
from pathlib import Path

from runlet_telemetry.metrics import BUILD_INFO

# As in pyproject.toml, which no image has.
VERSION = "0.2.0"
DIGEST_LENGTH = 12


def announce(service: str, source: Path) -> None:
    """Set the metric that says what runs: `service`, with its own code in the folder `source`."""
    digest = digest_of(*shared_packages(), source)
    BUILD_INFO.labels(service, VERSION, digest, platform.python_version()).set(1)


def shared_packages() -> list[Path]:
    """The folders of the shared packages that lie beside this one: in an image, those it needs."""
    return sorted(Path(__file__).parents[1].glob("runlet*/"))


def digest_of(*folders: Path) -> str:
    """A digest of all Python files in these folders, wherever the folders themselves are."""
    whole = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            content = file.read_bytes()
            whole.update(f"{file.relative_to(folder)} {len(content)} ".encode())
            whole.update(content)
    return whole.hexdigest()[:DIGEST_LENGTH]
