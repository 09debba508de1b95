"""What can be seen of a run, to compare one by a fork with one whose interpreter was started."""

import re

from runner.sandbox.interface import Outcome

# Another one in each process, or in each container.
_ADDRESS = re.compile(r"0x[0-9a-f]{8,}")


def seen(outcome: Outcome) -> tuple[object, ...]:
    """Reason, exit code, signal, stdout and stderr, without addresses in memory."""
    result = outcome.result
    stdout, stderr = (_ADDRESS.sub("0x", text or "") for text in (result.stdout, result.stderr))
    return (outcome.reason, result.exit_code, result.signal, stdout, stderr)
