import pytest

from result_collector.ingest.text_sanitizer import storable


@pytest.mark.parametrize("text", ["", "plain", "ü 🐍 \ufffd\n\t\x01"])
def test_what_can_be_stored_stays(text: str) -> None:
    assert storable(text) == text


@pytest.mark.parametrize("text", ["\0", "\ud800"])
def test_what_cannot_is_replaced_one_by_one(text: str) -> None:
    assert storable(f"a{text}{text}b") == "a\ufffd\ufffdb"
