"""Which callback URLs a deployment accepts, for its OpenAPI document."""

import re
from typing import Any

from runlet.callback_hosts import AllowedHosts
from runlet.callback_urls import DEFAULT_PORTS, LABEL, MAX_URL_LENGTH, TARGET


def describe(allowed: AllowedHosts) -> dict[str, Any]:
    """The JSON schema of the URLs that may be called; nothing fits it when there are none."""
    if not allowed:
        return {"not": {}, "description": "This deployment allows no callbacks."}
    authorities = [
        f"{scheme}://{authority}"
        for entry in allowed.entries
        for scheme in DEFAULT_PORTS
        for authority in [_authority(entry.host, entry.port, scheme, entry.subdomains)]
    ]
    return {
        "type": "string",
        "maxLength": MAX_URL_LENGTH,
        "pattern": f"^(?:{'|'.join(authorities)}){TARGET}$",
        "description": "A URL that this deployment may call.",
    }


def _authority(host: str, port: int | None, scheme: str, subdomains: bool) -> str:
    name = re.escape(f"[{host}]" if ":" in host else host).replace(r"\-", "-")
    below = rf"(?:{LABEL}\.)+" if subdomains else ""
    default = DEFAULT_PORTS[scheme]
    behind = f"(?::{default})?" if port in (None, default) else f":{port}"
    return f"{below}{name}{behind}"
