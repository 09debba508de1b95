"""What more than one Runlet service must agree on, and nothing else."""
