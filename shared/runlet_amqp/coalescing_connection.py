"""A connection of pika's that sends a message in one piece and at once.

It overrides private parts of pika. Where they are not as they were in PIKA_VERSION, pika's own
connection is used.
"""

from collections.abc import Sequence
from typing import Any

import pika
from pika.adapters.utils import io_services_utils

PIKA_VERSION = "1.4.4"

_CONNECTION_PARTS = ("_output_marshaled_frames", "_adapter_emit_data")
_TRANSPORT_PARTS = ("get_write_buffer_size", "_on_socket_writable")
# A transport of TLS sends at once itself.
_PLAIN_TRANSPORT: Any = getattr(io_services_utils, "_AsyncPlaintextTransport", None)


class CoalescingConnection(pika.SelectConnection):  # type: ignore[misc]
    """Sends a message in one piece and at once.

    pika's own sends its method, header and body in a packet each, when its loop comes round.
    """

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        super()._output_marshaled_frames([b"".join(marshaled_frames)])

    def _adapter_emit_data(self, data: bytes) -> None:
        super()._adapter_emit_data(data)
        transport = self._transport
        if isinstance(transport, _PLAIN_TRANSPORT) and transport.get_write_buffer_size():
            transport._on_socket_writable()


def connection_class() -> type[pika.SelectConnection]:
    """CoalescingConnection where it fits the pika that is installed, else pika's own."""
    has_parts = (
        _PLAIN_TRANSPORT is not None
        and all(hasattr(pika.SelectConnection, name) for name in _CONNECTION_PARTS)
        and all(hasattr(_PLAIN_TRANSPORT, name) for name in _TRANSPORT_PARTS)
    )
    return CoalescingConnection if has_parts else pika.SelectConnection
