"""How long the guard may look at one program."""

import time


class OverBudgetError(Exception):
    """The program takes more time to look at than it is worth."""


class Budget:
    """Processor time of the calling thread, so that a busy machine changes no finding."""

    def __init__(self, seconds: float) -> None:
        self._end = time.thread_time() + seconds

    @property
    def is_spent(self) -> bool:
        """Whether the time is over."""
        return time.thread_time() > self._end

    def check(self) -> None:
        """Raises OverBudgetError when the time is over."""
        if self.is_spent:
            raise OverBudgetError
