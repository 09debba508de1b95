import pytest

from support.platform import Platform, required


@pytest.fixture(params=["", "/api/v1"], ids=["bare", "prefixed"])
def platform(request: pytest.FixtureRequest) -> Platform:
    return Platform(required("RUNLET_TEST_GATEWAY_URL") + request.param)


@pytest.fixture
def gateway() -> Platform:
    return Platform(required("RUNLET_TEST_GATEWAY_URL"))
