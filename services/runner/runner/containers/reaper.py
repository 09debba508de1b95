"""Removing what runners and engines that died have left behind."""

from typing import Any

import structlog

from runlet.backoff import Stop
from runner.containers.engine import OWNER_LABEL, Engine, name_of
from runner.sandbox.interface import SandboxUnavailableError

log = structlog.get_logger()

INTERVAL_SECONDS = 30
# Owners that are processes outside of containers: other runners cannot tell whether they live.
# Their sandboxes end by themselves when the owner's connection closes.
HOST_OWNER_PREFIX = "host:"


class Reaper:
    """Looks for sandboxes without a living owner, at the start and then regularly.

    An owner itself may lose sandboxes: one that is frozen, or one from before the engine restarted.
    And one that was created and not started, because its owner died between the two, cannot end by
    itself. Such a stray is removed when it is seen a second time: a new one may be on its way.
    """

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self._owner = owner
        self._strays: set[str] = set()

    def run(self, stop: Stop) -> None:
        """The loop: remove what an earlier life of this runner left, then watch until `stop`."""
        self.sweep(stop, strays_at_once=True)
        while not stop.wait(INTERVAL_SECONDS):
            self.sweep(stop)

    def sweep(self, stop: Stop, strays_at_once: bool = False) -> None:
        """Remove what has no owner any more, and strays when they were seen before, until `stop`.

        With `strays_at_once` own strays are not looked at twice.
        """
        try:
            sandboxes = self._engine.sandboxes()
            own = {name_of(sandbox) for sandbox in sandboxes if _owner(sandbox) == self._owner}
            unstarted = {name_of(each) for each in sandboxes if each["State"] == "created"}
            strays = (own | unstarted) - self._engine.attached()
            lost = strays & (self._strays | own if strays_at_once else self._strays)
            self._strays = strays
            dead = self._dead(set(map(_owner, sandboxes)), stop)
            orphans = [each for each in sandboxes if name_of(each) in lost or _owner(each) in dead]
            self._remove(orphans, stop)
        except SandboxUnavailableError as error:
            log.warning("orphan_scan_failed", error=str(error))

    def _dead(self, owners: set[str], stop: Stop) -> set[str]:
        """Which owners do not run; those that were not asked about before `stop` are spared."""
        # Each question may take as long as the engine is waited for, and each look at `stop` says
        # that the loop turns.
        return {owner for owner in owners if not stop.is_set() and self._is_dead(owner)}

    def _remove(self, orphans: list[dict[str, Any]], stop: Stop) -> None:
        for orphan in orphans:
            if stop.is_set():
                return
            if self._engine.remove(name_of(orphan)):
                log.info("orphan_removed", container=name_of(orphan), owner=_owner(orphan))
            elif not self._engine.answers():
                # The others would only wait for the same time-out, one after the other.
                return

    def _is_dead(self, owner: str) -> bool:
        if owner == self._owner or owner.startswith(HOST_OWNER_PREFIX):
            return False
        return not self._engine.is_running(owner)


def _owner(sandbox: dict[str, Any]) -> str:
    owner: str = sandbox["Labels"].get(OWNER_LABEL, "")
    return owner
