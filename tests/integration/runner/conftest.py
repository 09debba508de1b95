"""One sandbox whose Python runs are forks, and one that starts each interpreter."""

from collections.abc import Iterator

import pytest

from support.sandboxes.sandboxes import TestBed, open_test_bed


@pytest.fixture(scope="module")
def forked() -> Iterator[TestBed]:
    with open_test_bed(100) as bed:
        yield bed


@pytest.fixture(scope="module")
def started() -> Iterator[TestBed]:
    with open_test_bed(100, fork_servers=False) as bed:
        yield bed
