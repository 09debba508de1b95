"""Keeping the broker's policies while the services run: it may lose them with its data."""

from collections.abc import Sequence

import structlog

from runlet_amqp.errors import BrokerRefusedError, BrokerUnavailableError
from runlet_amqp.management import TIMEOUT_SECONDS, Management
from runlet_amqp.policies import Policy
from runlet_telemetry.supervision import Loop, LoopContext

log = structlog.get_logger()

EVERY_SECONDS = 60.0


class PolicyKeeper:
    """Applies policies when its loop begins, and again wherever they are gone."""

    def __init__(self, management: Management, policies: Sequence[Policy]) -> None:
        self._management = management
        self._policies = policies
        self._logged: type[BrokerUnavailableError] | None = None

    def loop(self) -> Loop:
        """What a Supervisor runs."""
        # Connecting and the answer, for each policy and the list of them.
        longest_turn = 2 * TIMEOUT_SECONDS * (len(self._policies) + 1)
        return Loop("policy-keeper", self._run, max_silence_seconds=longest_turn)

    def turn(self) -> None:
        """Apply the policies once; a failure is logged when it begins."""
        try:
            self._management.apply_policies(self._policies)
        except BrokerUnavailableError as error:
            self._log(error)
            return
        if self._logged is not None:
            log.info("policies_applied", policies=len(self._policies))
        self._logged = None

    def _run(self, context: LoopContext) -> None:
        while not context.is_set():
            self.turn()
            context.wait(EVERY_SECONDS)

    def _log(self, error: BrokerUnavailableError) -> None:
        if self._logged is type(error):
            return
        self._logged = type(error)
        # What is away comes again; a refusal lasts until somebody changes a setting.
        write = log.error if isinstance(error, BrokerRefusedError) else log.warning
        write("policies_not_applied", error=str(error))
