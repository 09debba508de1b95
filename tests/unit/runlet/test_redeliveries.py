from runlet_amqp.consumer import Delivery
from runlet_amqp.redelivery_counter import counted
from support.telemetry.metrics import rise, value

QUEUE = "runs.python"


def delivery(earlier: int) -> Delivery:
    headers: dict[str, object] = {"x-delivery-count": earlier} if earlier else {}
    return Delivery(QUEUE, 1, 1, None, b"", None, headers)


def test_only_what_was_delivered_before_counts_and_everything_is_passed_on() -> None:
    redeliveries = rise("runlet_redeliveries_total", queue=QUEUE)
    passed_on: list[Delivery] = []
    receive = counted([QUEUE], passed_on.append)

    receive(delivery(earlier=0))
    assert redeliveries() == 0

    receive(delivery(earlier=2))
    assert redeliveries() == 1
    assert [each.earlier_deliveries for each in passed_on] == [0, 2]


def test_a_queue_without_redeliveries_has_a_series_at_0() -> None:
    counted(["runs.untouched"], lambda _delivery: None)

    assert value("runlet_redeliveries_total", queue="runs.untouched") == 0
