"""Settings that more than one service reads: their range and their meaning."""

from typing import Annotated

from msgspec import Meta

CallbackAllowedHosts = Annotated[
    str,
    Meta(
        description="Where callbacks may go: `host`, `host:port` or `*.example.com`, with commas "
        "between them; `host!private` where it may have a private address. Empty: no callbacks."
    ),
]

DatabaseUrl = Annotated[
    str,
    Meta(
        description="Where the service's database is, as libpq knows it: "
        "`postgresql+psycopg2://user:password@host/database?sslmode=…`."
    ),
]

LanguageList = Annotated[
    str, Meta(description="Comma-separated ids of the languages that are offered. Unset: all.")
]

LogLevel = Annotated[
    str,
    Meta(
        pattern="^(?i:debug|info|warning|error|critical)$",
        description="Least severe level that is logged.",
    ),
]
