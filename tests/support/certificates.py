"""Certificate authorities of a test's own, and what they sign."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """Files in PEM: a certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """An authority nobody else knows; its files are in `folder`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._own = Certificate(folder / f"{name}.pem", folder / f"{name}-key.pem")
        _openssl(
            *("req", "-x509", *_KEY, "-days", "2", "-subj", f"/CN=Test {name}"),
            *("-keyout", self._own.key, "-out", self._own.cert),
        )

    @property
    def cert(self) -> Path:
        """What its friends trust."""
        return self._own.cert

    def issue(self, name: str, *alternatives: str) -> Certificate:
        """A certificate for `alternatives`, such as DNS:localhost or IP:127.0.0.1."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}-key.pem")
        request = self._folder / f"{name}.csr"
        _openssl("req", "-new", *_KEY, "-subj", f"/CN={name}", "-keyout", made.key, "-out", request)
        extensions = self._folder / f"{name}.ext"
        names = ",".join(alternatives) or f"DNS:{name}"
        extensions.write_text(f"subjectAltName={names}\n", encoding="utf-8")
        _openssl(
            *("x509", "-req", "-in", request, "-out", made.cert, "-days", "2"),
            *("-CA", self._own.cert, "-CAkey", self._own.key, "-CAcreateserial"),
            *("-extfile", extensions),
        )
        return made


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
