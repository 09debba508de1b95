"""Serving health and metrics of a process that a test has made."""

from runlet_telemetry.ops_server import OpsServer
from runlet_telemetry.supervision import Supervisor


def serve(ops: OpsServer) -> int:
    """Serve until the tests end; gives the port."""
    Supervisor().start(ops.loop())
    return ops.port
