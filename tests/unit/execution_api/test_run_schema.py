from typing import Any

import pytest
from marshmallow import ValidationError

from execution_api.runs.run_request import RunBody
from execution_api.runs.schema import RunSchema
from runlet.messages import File


def load(**body: Any) -> RunBody:
    """A body as the API reads it."""
    loaded: RunBody = RunSchema().load(body)
    return loaded


def test_an_empty_body_leaves_everything_open() -> None:
    assert load() == RunBody()


def test_code_is_another_name_of_source_code() -> None:
    assert load(code="1") == load(source_code="1")


@pytest.mark.parametrize("code", ["1", "2"])
def test_only_one_of_code_and_source_code_is_to_be_sent(code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        load(code=code, source_code="1")
    assert list(refused.value.messages_dict) == ["code"]


def test_lists_become_part_of_a_value() -> None:
    body = load(args=["a"], files=[{"name": "x", "content": "y"}])
    assert body.args == ("a",)
    assert body.files == (File("x", "y", "utf8"),)


def test_a_long_list_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValidationError) as refused:
        load(args=[None] * 1000)
    assert refused.value.messages_dict == {"args": ["Must have at most 100 entries."]}


def test_two_faults_are_told_together() -> None:
    with pytest.raises(ValidationError) as refused:
        load(stdin=1, files=[{"name": "/x", "content": ""}])
    assert set(refused.value.messages_dict) == {"stdin", "files"}
