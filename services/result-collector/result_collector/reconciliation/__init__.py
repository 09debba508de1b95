"""Finding executions that are stuck, and settling them."""
