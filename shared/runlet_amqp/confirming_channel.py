"""Many publications on their way at once, each confirmed by itself."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

import structlog
from pika.channel import Channel
from pika.exceptions import AMQPChannelError, AMQPConnectionError
from pika.frame import Method
from pika.spec import Basic, BasicProperties

from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerRefusedError, BrokerUnavailableError, as_broker_error

log = structlog.get_logger()


class _Unconfirmed(NamedTuple):
    """A message that the broker has not answered to, and the second in which it was sent."""

    message_id: str
    future: "Future[None]"
    sent_at: float


class ConfirmingChannel:
    """Publishes, and says of each message whether the broker has it (publisher confirms).

    The broker numbers what it confirms from 1, in the order of publication, and may confirm
    several at once: https://www.rabbitmq.com/docs/confirms. For the thread of the connection only.
    """

    def __init__(self, channel: Channel, on_ready: Callable[[], None]) -> None:
        self._channel = channel
        self._sent = 0
        self._unconfirmed: dict[int, _Unconfirmed] = {}
        self._passed_seconds = 0.0
        self._returned: set[str] = set()
        channel.add_on_return_callback(self._note_return)
        channel.confirm_delivery(self._settle, callback=lambda _ready: on_ready())

    @property
    def is_settled(self) -> bool:
        """Whether the broker has answered to everything that was sent."""
        return not self._unconfirmed

    def send(self, message: Envelope, future: "Future[None]") -> None:
        """Publish; the future is done when the broker has answered, or will not any more."""
        try:
            properties = message.properties()
            self._channel.basic_publish(
                message.exchange,
                message.routing_key,
                message.body,
                properties,
                mandatory=message.must_route,
            )
        except (AMQPChannelError, AMQPConnectionError, OSError) as error:
            future.set_exception(as_broker_error(error))
            return
        except Exception as error:  # noqa: BLE001 (whatever pika's encoding raises)
            # Nothing of it was sent: pika encodes a message as a whole first.
            log.error("message_not_encoded", type=message.type, error=repr(error))
            future.set_exception(BrokerRefusedError(f"A message cannot be encoded: {error!r}"))
            return
        self._sent += 1
        self._unconfirmed[self._sent] = _Unconfirmed(
            properties.message_id, future, self._passed_seconds
        )

    def note_passing(self, seconds: float) -> float:
        """Count `seconds` as passed, and give those that the oldest unconfirmed message waits.

        Counted by whoever waited them: a process that was frozen has yet to read what came.
        """
        self._passed_seconds += seconds
        oldest = next(iter(self._unconfirmed.values()), None)
        return self._passed_seconds - oldest.sent_at if oldest else 0.0

    def abandon(self, error: str) -> None:
        """The channel is gone: whether the broker has what is unconfirmed is unknown."""
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        for each in unconfirmed.values():
            each.future.set_exception(BrokerUnavailableError(error))

    def _note_return(
        self, _channel: Channel, _method: Basic.Return, properties: BasicProperties, _body: bytes
    ) -> None:
        # It comes before the confirmation, which then only says that the broker is done with it.
        self._returned.add(properties.message_id)

    def _settle(self, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        answer = frame.method
        for tag in self._answered(answer.delivery_tag, answer.multiple):
            message_id, future, _sent_at = self._unconfirmed.pop(tag)
            if isinstance(answer, Basic.Nack):
                future.set_exception(BrokerUnavailableError("The broker refused a message."))
            elif message_id in self._returned:
                self._returned.discard(message_id)
                problem = "The broker has no queue for a message."
                future.set_exception(BrokerUnavailableError(problem))
            else:
                future.set_result(None)

    def _answered(self, tag: int, multiple: bool) -> list[int]:
        if not multiple:
            return [tag]
        return [each for each in self._unconfirmed if each <= tag]
