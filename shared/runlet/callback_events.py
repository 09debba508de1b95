"""What the lifecycle of an execution says of its callback.

These events count the attempts of the callback, all others those of the execution.
"""

# The status of a callback that is still to be delivered.
PENDING = "PENDING"

DELIVERED = "callback_delivered"
FAILED = "callback_failed"

ALL = (DELIVERED, FAILED)
