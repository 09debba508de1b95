"""What an operator sees of a process: logs, metrics, traces, health."""
