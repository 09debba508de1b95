"""docs/settings.md says what the code reads, and the compose files give what the code has."""

from pathlib import Path

import pytest

from support.documents import setting_docs
from support.documents.setting_docs import DEPLOYMENT, Setting, compose_variables, settings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/settings.md"


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == setting_docs.page(), "Write it again: make docs"


@pytest.mark.parametrize("setting", settings(), ids=lambda setting: setting.name)
def test_a_setting_says_what_it_means(setting: Setting) -> None:
    assert setting.meaning.endswith(".")


def test_what_only_the_deployment_reads_is_explained() -> None:
    read_by_services = {setting.name for setting in settings()}
    assert set(compose_variables()) - read_by_services == set(DEPLOYMENT)


@pytest.mark.parametrize(
    "setting",
    [each for each in settings() if compose_variables().get(each.name)],
    ids=lambda setting: setting.name,
)
def test_compose_gives_the_default_that_the_code_has(setting: Setting) -> None:
    assert setting.default is not None
    assert compose_variables()[setting.name] == setting.default.strip("`")
