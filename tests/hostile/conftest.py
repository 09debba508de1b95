from collections.abc import Iterator

import pytest

from support.sandboxes.sandboxes import TestBed, open_test_bed


@pytest.fixture(scope="module", params=[1, 100], ids=["fresh", "reused"])
def bed(request: pytest.FixtureRequest) -> Iterator[TestBed]:
    with open_test_bed(request.param, compile_time_limit_ms=4000) as bed:
        yield bed
