"""The environment that programs run in."""

from runlet.languages import WORKING_DIRECTORY, Language

_BASE = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    f"HOME={WORKING_DIRECTORY}",
    "TMPDIR=/tmp",
    "LANG=C.UTF-8",
)


def environment_of(language: Language) -> tuple[str, ...]:
    """The environment of every program of a language, which its fork server has from the start."""
    return (*_BASE, *language.environment)
