"""What both HTTP APIs answer alike: problems, prefix, health, documents, metrics."""
