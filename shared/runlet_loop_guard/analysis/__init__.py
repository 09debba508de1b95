"""What can be proved of a loop: how it may be left, and what its state becomes."""
