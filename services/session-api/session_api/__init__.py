"""The session API: where programs are kept while they are written."""
