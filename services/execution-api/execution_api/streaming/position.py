"""Where a reader of a stream stands, in a form that any replica understands."""

import re
from dataclasses import dataclass, replace

from execution_api.errors import InvalidError
from execution_api.streaming.output_buffer import StreamName

LAST_EVENT_ID = "Last-Event-ID"
# What is left out at the end counts as 0: 1 is the beginning of the first attempt.
PATTERN = "[0-9]{1,9}(?:-[0-9]{1,12}){0,2}"


@dataclass(frozen=True)
class Position:
    """The attempt, and how many characters of both its streams were sent."""

    attempt: int = 0
    stdout: int = 0
    stderr: int = 0

    @classmethod
    def parse(cls, event_id: str | None) -> "Position | None":
        """Read the id of an event back; None for no id. Raises InvalidError for another."""
        if event_id is None:
            return None
        if not re.fullmatch(PATTERN, event_id, re.ASCII):
            raise InvalidError(
                LAST_EVENT_ID,
                "Must be the id of an event of this stream, such as 1-120-14. "
                "Leave the header out to read from the beginning.",
            )
        return cls(*map(int, event_id.split("-")))

    def __str__(self) -> str:
        return f"{self.attempt}-{self.stdout}-{self.stderr}"

    def of(self, stream: StreamName) -> int:
        """How many characters of a stream were sent."""
        return self.stdout if stream == "stdout" else self.stderr

    def after(self, stream: StreamName, text: str) -> "Position":
        """The position when this text was sent as well."""
        sent = self.of(stream) + len(text)
        return replace(self, stdout=sent) if stream == "stdout" else replace(self, stderr=sent)
