"""The session API: where programs are kept while they are written.

It owns the database `sessions`: code sessions with their revisions, created, autosaved, read and
closed. It knows the languages on offer and their templates, and nothing of executions, of the
broker or of Docker. `sessions` and `languages` are its rooms, `bootstrap` puts them together.
"""
