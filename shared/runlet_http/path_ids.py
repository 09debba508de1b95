"""Ids in the paths of calls."""

from uuid import UUID

from runlet_http.problems import not_found


def parse(text: str, what: str) -> UUID:
    """The id in a path; what is no UUID in its usual form names nothing.

    Raises ProblemError 404, which says that there is no such `what`.
    """
    try:
        parsed = UUID(text)
    except ValueError as error:
        raise not_found(what) from error
    if str(parsed) != text.lower():
        raise not_found(what)
    return parsed
