"""What one machine carries, measured and simulated."""
