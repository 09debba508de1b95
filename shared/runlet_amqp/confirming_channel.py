"""Many publications on their way at once, each confirmed by itself."""

from collections.abc import Callable
from concurrent.futures import Future

from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic, BasicProperties

from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError, broker_errors


class ConfirmingChannel:
    """Publishes, and says of each message whether the broker has it (publisher confirms).

    The broker numbers what it confirms from 1, in the order of publication, and may confirm
    several at once: https://www.rabbitmq.com/docs/confirms. For the thread of the connection only.
    """

    def __init__(self, channel: Channel, on_ready: Callable[[], None]) -> None:
        self._channel = channel
        self._sent = 0
        self._unconfirmed: dict[int, tuple[str, Future[None]]] = {}
        self._returned: set[str] = set()
        channel.add_on_return_callback(self._note_return)
        channel.confirm_delivery(self._settle, callback=lambda _ready: on_ready())

    @property
    def is_settled(self) -> bool:
        """Whether the broker has answered to everything that was sent."""
        return not self._unconfirmed

    def send(self, message: Envelope, future: "Future[None]") -> None:
        """Publish; the future is done when the broker has answered, or will not any more."""
        properties = message.properties()
        try:
            with broker_errors():
                self._channel.basic_publish(
                    message.exchange,
                    message.routing_key,
                    message.body,
                    properties,
                    mandatory=message.must_route,
                )
        except BrokerUnavailableError as error:
            future.set_exception(error)
            return
        self._sent += 1
        self._unconfirmed[self._sent] = (properties.message_id, future)

    def abandon(self, error: str) -> None:
        """The channel is gone: whether the broker has what is unconfirmed is unknown."""
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        for _message_id, future in unconfirmed.values():
            future.set_exception(BrokerUnavailableError(error))

    def _note_return(
        self, _channel: Channel, _method: Basic.Return, properties: BasicProperties, _body: bytes
    ) -> None:
        # It comes before the confirmation, which then only says that the broker is done with it.
        self._returned.add(properties.message_id)

    def _settle(self, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        answer = frame.method
        for tag in self._answered(answer.delivery_tag, answer.multiple):
            message_id, future = self._unconfirmed.pop(tag)
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
