"""The tokens callers show, and whose they are."""

import hashlib
import hmac
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from runlet.clock import Clock
from runlet.config import ConfigError

log = structlog.get_logger()

MIN_TOKEN_LENGTH = 16
CHECK_FILE_EVERY_SECONDS = 1.0

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
# What fits into a header, and is no comma, which separates tokens.
_TOKEN = re.compile(rf"[!-+\--~]{{{MIN_TOKEN_LENGTH},}}")

# The SHA-256 of each token, by the name of its owner: digests are all of one length.
Digests = Mapping[str, bytes]


@dataclass(frozen=True)
class Entry:
    """One token of a setting; `place` says where it stands, in words."""

    place: str
    text: str


def in_setting(name: str, value: str) -> list[Entry]:
    """The entries of a setting, separated by commas. Raises ConfigError when there are none."""
    parts = [part.strip() for part in value.split(",")]
    if not any(parts):
        raise ConfigError(f"{name} is set, but holds no token.")
    return [Entry(f"entry {place} of {name}", part) for place, part in enumerate(parts, 1)]


def in_file(name: str, path: str) -> list[Entry]:
    """The entries of a file, one a line; lines that begin with # are comments.

    Raises ConfigError when it cannot be read, or holds none: every call would be refused then.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        # A UnicodeDecodeError would show what it could not decode.
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{name} names {path}, which cannot be read: {why}.") from None
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    entries = [(number, line) for number, line in numbered if line and not line.startswith("#")]
    if not entries:
        raise ConfigError(f"{name} names {path}, which holds no token.")
    return [Entry(f"line {number} of {path}", line) for number, line in entries]


def digests_of(entries: Iterable[Entry]) -> dict[str, bytes]:
    """What the entries `name:token` stand for; a token without a name is called token1, token2...

    Raises ConfigError, which never shows a token.
    """
    digests: dict[str, bytes] = {}
    for number, entry in enumerate(entries, 1):
        before, colon, after = entry.text.partition(":")
        name, token = (before.strip(), after.strip()) if colon else (f"token{number}", before)
        _check(entry.place, name, token)
        if name in digests:
            raise ConfigError(f"The name in {entry.place} is taken already. Give it another one.")
        digest = digest_of(token)
        if digest in digests.values():
            raise ConfigError(f"The token in {entry.place} stands there twice. Keep one of them.")
        digests[name] = digest
    return digests


def check_token(name: str, token: str) -> None:
    """Raises ConfigError, which does not show it, for a setting that is no usable token."""
    _check(name, "token", token)


def digest_of(token: str) -> bytes:
    """The SHA-256 of a token; a header may hold anything, so nothing is refused here."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def owner(token: str, digests: Digests) -> str | None:
    """Whose token it is; takes as long for a token that is nearly right as for any other."""
    shown, found = digest_of(token), None
    for name, digest in digests.items():
        if hmac.compare_digest(shown, digest):
            found = name
    return found


def _check(place: str, name: str, token: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"The name before the colon in {place} is not usable. It is made of at most 64 "
            "letters, digits, dots, dashes and underscores."
        )
    if not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"The token in {place} is not usable. It needs at least {MIN_TOKEN_LENGTH} characters, "
            "all of them visible ASCII and none a comma."
        )


class TokenFile:
    """The tokens of a file, as they are now, next to some that do not change.

    Any thread may ask. A file that becomes unusable leaves the tokens as they were.
    """

    def __init__(self, name: str, path: str, fixed: Iterable[Entry], clock: Clock) -> None:
        """Reads the file. Raises ConfigError when it cannot be used."""
        self._name = name
        self._path = path
        self._fixed = tuple(fixed)
        self._clock = clock
        self._lock = threading.Lock()
        self._version = self._look()
        self._digests = self._read()
        self._look_again_at = clock.monotonic() + CHECK_FILE_EVERY_SECONDS

    def digests(self) -> Digests:
        """The tokens that are good now, to within a second."""
        due = self._clock.monotonic() >= self._look_again_at
        # One thread looks; the others go by what is known meanwhile.
        if due and self._lock.acquire(blocking=False):
            try:
                self._refresh()
                self._look_again_at = self._clock.monotonic() + CHECK_FILE_EVERY_SECONDS
            finally:
                self._lock.release()
        return self._digests

    def _refresh(self) -> None:
        version = self._look()
        if version == self._version:
            return
        # Before it is read: what changes meanwhile is then another version.
        self._version = version
        try:
            self._digests = self._read()
        except ConfigError as error:
            log.warning("token_file_reload_failed", reason=str(error))
            return
        log.info("token_file_reloaded", count=len(self._digests))

    def _read(self) -> Digests:
        return digests_of([*self._fixed, *in_file(self._name, self._path)])

    def _look(self) -> tuple[int, ...]:
        try:
            seen = Path(self._path).stat()
        except OSError:
            return ()
        return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns
