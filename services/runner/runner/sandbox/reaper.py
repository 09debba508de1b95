"""Removing what runners and engines that died have left behind."""

import threading

import structlog

from runner.sandbox.engine import OWNER_LABEL, Engine
from runner.sandbox.interface import SandboxUnavailableError

log = structlog.get_logger()

INTERVAL_SECONDS = 30
# Owners that are processes outside of containers; nobody else can tell whether they live.
# Their sandboxes end by themselves when the owner's connection closes.
HOST_OWNER_PREFIX = "host:"


class Reaper:
    """Looks for sandboxes without a living owner, at the start and then regularly.

    An owner itself may lose sandboxes: one that is frozen, or one from before the engine restarted.
    Such a stray is removed when it is seen for the second time, as a new one is not attached yet.
    """

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self._owner = owner
        self._strays: set[str] = set()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Remove what an earlier life of this runner left, then watch in the background."""
        self.sweep(strays_at_once=True)
        threading.Thread(target=self._watch, name="reaper", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(INTERVAL_SECONDS):
            self.sweep()

    def sweep(self, strays_at_once: bool = False) -> None:
        """Remove what has no owner any more; own strays only when they were seen before."""
        try:
            owners = {
                sandbox["Id"]: sandbox["Labels"].get(OWNER_LABEL, "")
                for sandbox in self._engine.sandboxes()
            }
            own = {sandbox for sandbox, owner in owners.items() if owner == self._owner}
            strays = own - self._engine.attached()
            lost = strays if strays_at_once else strays & self._strays
            self._strays = strays
            for sandbox, owner in owners.items():
                if sandbox in lost or self._is_orphan(owner):
                    log.info("orphan_removed", container=sandbox, owner=owner)
                    self._engine.remove(sandbox)
        except SandboxUnavailableError as error:
            log.warning("orphans_not_looked_for", error=str(error))

    def _is_orphan(self, owner: str) -> bool:
        if owner == self._owner or owner.startswith(HOST_OWNER_PREFIX):
            return False
        return not self._engine.is_running(owner)
