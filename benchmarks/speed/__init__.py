"""make bench: what a run costs, next to what it would cost without Runlet, in one sitting."""
