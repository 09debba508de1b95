"""Reading tokens, knowing them again, and taking over a file that changed."""

import hmac
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from runlet.config import ConfigError
from runlet_http import tokens
from runlet_http.tokens import TokenFile
from support.clocks import ManualClock

FIRST, SECOND, THIRD = ("0123456789abcdef-first", "0123456789abcdef-other", "0123456789abcdef/3==")
SECRET = "so-secret"


def named(value: str) -> dict[str, str]:
    """Which of the three tokens a setting accepts, and under which name."""
    digests = tokens.digests_of(tokens.in_setting("API_TOKENS", value))
    found = {token: tokens.owner(token, digests) for token in (FIRST, SECOND, THIRD)}
    return {token: name for token, name in found.items() if name}


def test_tokens_have_the_names_they_are_given_or_their_number() -> None:
    assert named(f"ci:{FIRST}, {SECOND} ,web.2:{THIRD}") == {
        FIRST: "ci",
        SECOND: "token2",
        THIRD: "web.2",
    }


@pytest.mark.parametrize("shown", ["", FIRST[:-1], f"{FIRST}x", FIRST.upper(), "ü" * 30, "\udcff"])
def test_what_is_not_exactly_a_token_is_nobodys(shown: str) -> None:
    digests = tokens.digests_of(tokens.in_setting("API_TOKENS", f"ci:{FIRST}"))
    assert tokens.owner(shown, digests) is None


def test_every_token_is_compared_whichever_is_the_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests = tokens.digests_of(tokens.in_setting("API_TOKENS", f"{FIRST},{SECOND},{THIRD}"))
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return bool(real(one, other))

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for shown in (FIRST, THIRD, "none"):
        compared.clear()
        tokens.owner(shown, digests)
        assert compared == [(32, 32)] * 3


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (" ", "holds no token"),
        (",", "holds no token"),
        (f"{FIRST},,{SECOND}", "entry 2 of API_TOKENS is not usable"),
        ("ci:", "entry 1 of API_TOKENS is not usable"),
        (f"{SECRET}", "at least 16 characters"),
        (f"ci:{SECRET} with spaces", "visible ASCII"),
        (f"ci:{SECRET}-ünsichtbar-ünlesbar", "visible ASCII"),
        (f":{SECRET}-0123456789", "name before the colon in entry 1"),
        (f"a b:{SECRET}-0123456789", "name before the colon in entry 1"),
        (f"ci:{SECRET}-0123456789,ci:{FIRST}", "name in entry 2 of API_TOKENS is taken"),
        (f"token2:{SECRET}-0123456789,{FIRST}", "name in entry 2 of API_TOKENS is taken"),
        (f"a:{SECRET}-0123456789,b:{SECRET}-0123456789", "entry 2 of API_TOKENS stands there twi"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_without_its_tokens(value: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        tokens.digests_of(tokens.in_setting("API_TOKENS", value))
    assert SECRET not in str(refused.value)


class RotatingFile:
    """A file of tokens, its reader, and a clock between them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.clock = ManualClock()

    def write(self, content: str) -> None:
        """Replace the file as careful writers do: by renaming another over it."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(content, encoding="utf-8")
        fresh.rename(self._path)

    def read(self, *fixed: tokens.Entry) -> TokenFile:
        """A reader of the file as it is now."""
        return TokenFile("API_TOKENS_FILE", str(self._path), fixed, self.clock)


@pytest.fixture
def file(tmp_path: Path) -> RotatingFile:
    """A file with a comment, an empty line and a token."""
    rotating = RotatingFile(tmp_path / "tokens")
    rotating.write(f"# who may call\n\n  ci:{FIRST}  \n")
    return rotating


def owners(reader: TokenFile) -> list[str | None]:
    return [tokens.owner(token, reader.digests()) for token in (FIRST, SECOND)]


def test_a_changed_file_counts_within_a_second_and_not_sooner(file: RotatingFile) -> None:
    reader = file.read()
    file.write(f"web:{SECOND}")
    assert owners(reader) == ["ci", None]
    file.clock.move(1)
    assert owners(reader) == [None, "web"]


def test_a_file_that_is_written_in_place_counts_too(file: RotatingFile, tmp_path: Path) -> None:
    reader = file.read()
    (tmp_path / "tokens").write_text(f"ci:{FIRST}\n{SECOND}", encoding="utf-8")
    file.clock.move(1)
    assert owners(reader) == ["ci", "token2"]


def test_a_file_that_has_not_changed_is_not_read_again(
    file: RotatingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = file.read()
    monkeypatch.setattr(tokens, "in_file", lambda *_: pytest.fail("It was read."))
    for _ in range(3):
        file.clock.move(2)
        assert owners(reader) == ["ci", None]


def test_tokens_of_the_setting_stay_beside_those_of_the_file(file: RotatingFile) -> None:
    reader = file.read(tokens.Entry("entry 1 of API_TOKENS", f"fixed:{SECOND}"))
    assert owners(reader) == ["ci", "fixed"]
    file.write(f"web:{THIRD}")
    file.clock.move(1)
    assert owners(reader) == [None, "fixed"]


@pytest.mark.parametrize("content", ["", "# nobody\n", SECRET, f"ci:{SECOND}\nci:{THIRD}"])
def test_a_file_that_becomes_unusable_leaves_the_tokens_as_they_were_and_says_so_once(
    file: RotatingFile, content: str
) -> None:
    reader = file.read()
    file.write(content)
    with capture_logs() as logs:
        for _ in range(3):
            file.clock.move(1)
            assert owners(reader) == ["ci", None]
    assert [entry["event"] for entry in logs] == ["token_file_reload_failed"]
    assert SECRET not in str(logs)
    assert SECOND not in str(logs)


def test_a_file_that_goes_and_comes_back_is_followed(file: RotatingFile, tmp_path: Path) -> None:
    reader = file.read()
    (tmp_path / "tokens").unlink()
    file.clock.move(1)
    assert owners(reader) == ["ci", None]
    file.write(f"web:{SECOND}")
    file.clock.move(1)
    assert owners(reader) == [None, "web"]


@pytest.mark.parametrize("content", [b"\xff\xfe-0123456789abcdef", b"", b"# nobody"])
def test_an_unusable_file_stops_the_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokens"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="API_TOKENS_FILE"):
        tokens.in_file("API_TOKENS_FILE", str(path))


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        TokenFile("API_TOKENS_FILE", os.fspath(tmp_path / "none"), (), ManualClock())
