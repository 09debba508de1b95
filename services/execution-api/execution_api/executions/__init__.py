"""Reading executions, waiting for their ends, cancelling them."""
