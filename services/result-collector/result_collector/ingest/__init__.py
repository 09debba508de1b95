"""From events to rows: batches, one transaction each, acknowledged after the commit."""
