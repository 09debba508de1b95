"""The runner: takes requests from the broker, runs them in a sandbox, publishes what happened."""
