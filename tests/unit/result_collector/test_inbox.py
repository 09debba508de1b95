from dataclasses import replace

from result_collector.ingest.inbox import BATCH_BYTES, Inbox
from runlet_amqp.consumer import Delivery
from support.databases.stores import delivery


def of_size(size: int, connection_generation: int = 1) -> Delivery:
    """A delivery with so large a body."""
    one = delivery("execution.finished.v1", b" " * size)
    return replace(one, connection_generation=connection_generation)


def inbox_with(*deliveries: Delivery) -> Inbox:
    """An inbox with these deliveries."""
    inbox = Inbox()
    for each in deliveries:
        inbox.put(each)
    return inbox


def test_a_batch_is_bounded_by_the_bytes_in_it() -> None:
    half = BATCH_BYTES // 2
    inbox = inbox_with(of_size(half), of_size(half), of_size(1))
    assert [len(inbox.take_batch(0)) for _ in range(2)] == [2, 1]


def test_what_is_larger_than_a_batch_is_taken_alone() -> None:
    inbox = inbox_with(of_size(2 * BATCH_BYTES), of_size(1))
    assert [len(inbox.take_batch(0)) for _ in range(2)] == [1, 1]


def test_deliveries_keep_their_order() -> None:
    deliveries = [of_size(size) for size in (3, 1, 2)]
    assert inbox_with(*deliveries).take_batch(0) == deliveries


def test_an_empty_inbox_gives_nothing_in_time() -> None:
    assert Inbox().take_batch(0) == []


def test_a_new_connection_drops_what_the_one_before_had_delivered() -> None:
    inbox = Inbox()
    for generation in range(1, 11):
        for _ in range(100):
            inbox.put(of_size(1, generation))
    assert len(inbox) == 100
    assert {each.connection_generation for each in inbox.take_batch(0)} == {10}
