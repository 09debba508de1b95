"""Calling a deployment that asks for tokens."""

from dataclasses import dataclass
from typing import Any

import requests

from support.deployments.api_client import Platform

TOKEN = "a-token-of-the-tests"


@dataclass(frozen=True)
class GuardedPlatform(Platform):
    """Shows its token with every call."""

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One HTTP call with a bound on its time."""
        headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
        return super().call(method, path, headers=headers, **options)
