"""Removing what runners that died have left behind."""

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
    """Looks for sandboxes without a living owner, at the start and then regularly."""

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self._owner = owner
        self._stopped = threading.Event()

    def start(self) -> None:
        """Remove what an earlier life of this runner left, then watch in the background."""
        self._sweep(owned_as_well=True)
        threading.Thread(target=self._watch, name="reaper", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(INTERVAL_SECONDS):
            self._sweep(owned_as_well=False)

    def _sweep(self, owned_as_well: bool) -> None:
        try:
            for sandbox in self._engine.sandboxes():
                owner = sandbox["Labels"].get(OWNER_LABEL, "")
                if owned_as_well if owner == self._owner else self._is_orphan(owner):
                    log.info("orphan_removed", container=sandbox["Id"], owner=owner)
                    self._engine.remove(sandbox["Id"])
        except SandboxUnavailableError as error:
            log.warning("orphans_not_looked_for", error=str(error))

    def _is_orphan(self, owner: str) -> bool:
        return not owner.startswith(HOST_OWNER_PREFIX) and not self._engine.is_running(owner)
