import pytest

from runlet_telemetry.trace_context import child_of, parse, trace_id

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


def test_a_step_has_a_span_of_its_own_in_the_same_trace() -> None:
    child = parse(child_of(TRACEPARENT))
    assert child is not None
    assert (child.trace_id, child.flags) == (TRACE, "01")
    assert child.span_id != SPAN


@pytest.mark.parametrize("flags", ["00", "01", "03"])
def test_whether_the_caller_records_is_passed_on(flags: str) -> None:
    assert child_of(f"00-{TRACE}-{SPAN}-{flags}").endswith(f"-{flags}")


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        "",
        "nonsense",
        TRACEPARENT.upper(),
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-0g",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{TRACEPARENT}\n",
        f"{TRACEPARENT},{TRACEPARENT}",
    ],
)
def test_what_is_no_traceparent_begins_a_new_trace(traceparent: str | None) -> None:
    assert parse(traceparent) is None
    assert trace_id(traceparent) is None
    first, second = (parse(child_of(traceparent)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert len({first.trace_id, second.trace_id, TRACE}) == 3


@pytest.mark.parametrize("later", [f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-ever"])
def test_a_later_version_is_read_as_far_as_it_is_known(later: str) -> None:
    assert trace_id(later) == TRACE
    assert child_of(later).startswith(f"00-{TRACE}-")
