"""Serving health and metrics of a process that a test has made."""

import threading

from runlet_telemetry.ops_server import OpsServer
from runlet_telemetry.supervision import LoopContext


def serve(ops: OpsServer) -> int:
    """Serve until the tests end; gives the port."""
    loop = ops.loop()
    context = LoopContext(loop.max_silence_seconds)
    threading.Thread(target=loop.run, args=(context,), name=loop.name, daemon=True).start()
    return ops.port
