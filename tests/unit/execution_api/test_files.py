import pytest

from execution_api.runs import files
from runlet.messages import File


@pytest.mark.parametrize("name", ["a", "a/b.txt", ".hidden", "...", "a b", "ü" * 127, "-rf", "~"])
def test_a_relative_path_can_name_a_file(name: str) -> None:
    assert files.name_problem(name) is None


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/", "a//b", ".", "..", "./a", "a/./b", "a/..", "../a", "a\\b", "ü" * 128],
)
def test_any_other_path_cannot(name: str) -> None:
    assert files.name_problem(name)


@pytest.mark.parametrize(
    ("content", "size"), [("", 0), ("YQ==", 1), ("AAECAw==", 4), ("AAAA" * 10, 30)]
)
def test_base64_is_measured_decoded(content: str, size: int) -> None:
    file = File("x", content, "base64")
    assert files.content_problem(file) is None
    assert files.decoded_size(file) == size


@pytest.mark.parametrize("content", ["?", "YQ", "YQ==\n", " YQ==", "ü", "YQ==YQ==", "-_-_"])
def test_what_is_no_base64_is_refused(content: str) -> None:
    assert files.content_problem(File("x", content, "base64"))


def test_text_is_measured_in_bytes() -> None:
    assert files.decoded_size(File("x", "aü🐍")) == 7


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b"], ["d/a", "d/b", "a"], ["a.b", "a"]])
def test_different_names_fit_together(names: list[str]) -> None:
    assert files.collision(names) is None


@pytest.mark.parametrize("names", [["a", "a"], ["a", "a/b"], ["a/b/c", "a"], ["a/b/c", "x", "a/b"]])
def test_a_file_cannot_be_another_or_its_folder(names: list[str]) -> None:
    assert files.collision(names)
