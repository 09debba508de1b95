"""What can go wrong with the database, in the project's own terms.

Engines of `runlet_postgres.engines` raise these in place of what psycopg2 and SQLAlchemy raise for
the same. Anything else that comes out of a statement, such as a wrong type, is a defect.
"""

from psycopg2 import Error, errors
from sqlalchemy import ExceptionContext
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError

# A service may start before the one that migrates its database has done so.
_NOT_MIGRATED = (errors.UndefinedTable, errors.UndefinedColumn)


class DatabaseError(Exception):
    """The database did not do what it was asked."""


class DatabaseUnavailableError(DatabaseError):
    """The same may work later.

    It does not answer, has ended the statement, takes no writes, or has not got the schema yet.
    """


class InvalidDataError(DatabaseError):
    """It refuses these values, and will again."""


class ConstraintViolatedError(InvalidDataError):
    """The values break a rule of the schema; `constraint` is its name, if it has one."""

    def __init__(self, message: str, constraint: str | None = None) -> None:
        super().__init__(message)
        self.constraint = constraint


def raise_mapped(context: ExceptionContext) -> None:
    """Raise the error in place of a library's, without the statement, which may quote programs.

    A listener of SQLAlchemy's `handle_error`; what is not mapped goes on as it is.
    """
    cause, found = context.original_exception, context.sqlalchemy_exception
    message = _shorten(cause)
    if isinstance(cause, errors.ReadOnlySqlTransaction):
        # The server has become a standby; connections made from now on find its successor.
        raise DatabaseUnavailableError(message)
    if isinstance(cause, _NOT_MIGRATED):
        raise DatabaseUnavailableError(message)
    if isinstance(found, OperationalError | InterfaceError):
        raise DatabaseUnavailableError(message)
    if isinstance(found, IntegrityError):
        name = cause.diag.constraint_name if isinstance(cause, Error) else None
        raise ConstraintViolatedError(message, name)
    if isinstance(found, DataError):
        raise InvalidDataError(message)
    if found is not None:
        _shorten(found)


def _shorten(error: BaseException) -> str:
    """Keep the first line of a server's error: those below quote statements and rows."""
    if error.args:
        error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])
    return str(error.args[0]) if error.args else type(error).__name__
