"""What the lifecycle of an execution says of its callback.

These events count the attempts of the callback, all others those of the execution.
"""

DELIVERED = "callback_delivered"
FAILED = "callback_failed"

ALL = (DELIVERED, FAILED)
