"""docker-compose 1.29 and compose v2: those that are on this machine, or that its packages have."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
# Of Debian's releases the one whose package is compose v2. It needs no more than any libc has.
RELEASE = "trixie"
FOLDER = ROOT / ".runlet" / "compose-v2"
PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
FETCH_SECONDS = 300


class UnavailableError(Exception):
    """This machine neither has that version nor can fetch it."""


def compose_v1() -> list[str]:
    """The command of docker-compose 1.29. Raises UnavailableError."""
    version = _output("docker-compose", "version", "--short")
    if not version.startswith("1."):
        raise UnavailableError("There is no docker-compose 1.x here.")
    return ["docker-compose"]


def compose_v2() -> list[str]:
    """The command of compose v2: this machine's, or else Debian's. Raises UnavailableError."""
    if _output("docker", "compose", "version"):
        return ["docker", "compose"]
    command = FOLDER / PLUGIN
    if not command.exists():
        _fetch()
    return [str(command)]


def _fetch() -> None:
    """Unpack Debian's package, without installing it. Raises UnavailableError."""
    mirror = _mirror()
    for folder in ("lists/partial", "cache/archives/partial"):
        (FOLDER / folder).mkdir(parents=True, exist_ok=True)
    sources = FOLDER / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirror} {RELEASE} main\n", encoding="utf-8")
    apt_get = [
        "apt-get",
        "-q",
        f"-oDir::Etc::sourcelist={sources}",
        "-oDir::Etc::sourceparts=/dev/null",
        f"-oDir::State::lists={FOLDER / 'lists'}",
        f"-oDir::Cache={FOLDER / 'cache'}",
        "-oAPT::Sandbox::User=root",
    ]
    _do(*apt_get, "update")
    _do(*apt_get, "download", f"docker-compose/{RELEASE}")
    (package,) = FOLDER.glob("docker-compose_*.deb")
    _do("dpkg", "-x", str(package), str(FOLDER))


def _mirror() -> str:
    """Where this machine takes Debian's packages from. Raises UnavailableError."""
    if not (shutil.which("apt-get") and KEYRING.exists()):
        raise UnavailableError("There is no compose v2 here, and no Debian to take one from.")
    listed = _output(
        *("apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)"),
        "Created-By: Packages",
    )
    targets = [line.split() for line in listed.splitlines()]
    mirrors = [words[2] for words in targets if words[:2] == ["Debian", "main"]]
    mirrors = [mirror for mirror in mirrors if "security" not in mirror]
    if not mirrors:
        raise UnavailableError("There is no compose v2 here, and apt knows no mirror of Debian.")
    return mirrors[0]


def _do(*command: str) -> None:
    try:
        subprocess.run(
            command, cwd=FOLDER, capture_output=True, text=True, timeout=FETCH_SECONDS, check=True
        )
    except subprocess.SubprocessError as error:
        raise UnavailableError(f"Debian's compose v2 cannot be fetched: {error}") from error


def _output(*command: str) -> str:
    """What a command prints; nothing when it fails or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""
