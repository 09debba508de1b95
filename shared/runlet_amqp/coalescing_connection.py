"""A connection of pika's that sends a message in one piece and at once."""

from collections.abc import Sequence

import pika
from pika.adapters.utils.io_services_utils import _AsyncPlaintextTransport as PlainTransport


class CoalescingConnection(pika.SelectConnection):  # type: ignore[misc]
    """Sends a message in one piece and at once.

    pika's own sends its method, header and body in a packet each, when its loop comes round.
    """

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        super()._output_marshaled_frames([b"".join(marshaled_frames)])

    def _adapter_emit_data(self, data: bytes) -> None:
        super()._adapter_emit_data(data)
        # A transport of TLS does so itself.
        if isinstance(self._transport, PlainTransport) and self._transport.get_write_buffer_size():
            self._transport._on_socket_writable()
