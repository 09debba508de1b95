"""From a delivery to its settled end."""
