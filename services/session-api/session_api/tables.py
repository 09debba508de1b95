"""Code sessions: their table and their form in memory."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Index,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    func,
)

ACTIVE, INACTIVE = "ACTIVE", "INACTIVE"

OpaqueValue = str | int


class OpaqueJSON(TypeDecorator[OpaqueValue]):
    """A string or an integer kept as JSON, so that 5 and "5" come back as they were given."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: OpaqueValue | None, dialect: Dialect) -> str | None:
        """The JSON text that is stored."""
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> OpaqueValue | None:
        """The value that was given."""
        return None if value is None else json.loads(value)


metadata = MetaData()

code_sessions = Table(
    "code_sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("status", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("source_code", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("user_id", OpaqueJSON),
    Column("problem_id", OpaqueJSON),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("status IN ('ACTIVE', 'INACTIVE')", name="code_sessions_status"),
)

Index("code_sessions_newest", code_sessions.c.created_at.desc(), code_sessions.c.id.desc())
Index(
    "code_sessions_newest_of_user",
    code_sessions.c.user_id,
    code_sessions.c.created_at.desc(),
    code_sessions.c.id.desc(),
)


@dataclass(frozen=True)
class NewSession:
    """What a session starts with."""

    language: str
    source_code: str
    user_id: OpaqueValue | None = None
    problem_id: OpaqueValue | None = None


@dataclass(frozen=True)
class CodeSession:
    """A session as it is stored; times in UTC."""

    id: UUID
    status: str
    language: str
    source_code: str
    revision: int
    user_id: OpaqueValue | None
    problem_id: OpaqueValue | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Saved:
    """What an autosave answers."""

    id: UUID
    status: str
    revision: int
    updated_at: datetime
