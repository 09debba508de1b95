"""What the platform had to give up: listed, requeued, deleted."""
