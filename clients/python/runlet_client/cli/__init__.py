"""The `runlet` command."""
