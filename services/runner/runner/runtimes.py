"""python -m runner.runtimes: builds the image of every language on the engine it is given."""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import docker
import structlog
from docker.errors import BuildError, DockerException, ImageNotFound
from msgspec import Meta

from runlet import config
from runlet.config import comma_separated
from runlet.languages import Language, offered
from runlet.settings import LanguageList, LogLevel
from runlet_telemetry import logs

log = structlog.get_logger()

INPUTS_LABEL = "runlet.inputs"
# By which `make clean` finds images that lost their name to newer ones.
IMAGE_LABEL = "runlet.image"
AGENT_IMAGE = "runlet/agent"
BASE_TAG = "runlet/toolchain-base"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
TRUSTING_BASE = f"""ARG BASE_IMAGE
FROM ${{BASE_IMAGE}}
COPY {CA_BUNDLE.name} {CA_BUNDLE}
"""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Where the sources of the images are, and what to build."""

    runtimes_dir: Annotated[
        str, Meta(description="Folder with a Dockerfile for each language.")
    ] = "/app/deploy/runtimes"
    agent_dir: Annotated[str, Meta(description="Folder with the agent's source.")] = "/app/agent"
    base_image: Annotated[str, Meta(description="Image that the language images are built on.")] = (
        "debian:bookworm-slim"
    )
    languages: LanguageList = ""
    log_level: LogLevel = "INFO"


class RuntimeBuilder:
    """Builds images whose inputs have changed since they were built.

    Three layers: the agent, the toolchain of a language (deploy/runtimes/<id>), and the runtime,
    which is the toolchain with the agent in it.
    """

    def __init__(self, client: docker.DockerClient, settings: Config) -> None:
        self._client = client
        self._agent_dir = Path(settings.agent_dir)
        self._runtimes_dir = Path(settings.runtimes_dir)
        self._base_image = settings.base_image

    def build(self, language: Language) -> None:
        """Build one language's image. Raises docker.errors.DockerException when that fails."""
        folder = self._runtimes_dir / language.id
        inputs = _digest(self._base_image, self._agent_dir, folder)
        if self._is_current(language.image, inputs):
            log.info("runtime_is_current", language=language.id)
            return
        toolchain = f"runlet/toolchain-{language.id}"
        base = {"BASE_IMAGE": self._trusting_base()}
        self._image(AGENT_IMAGE, self._agent_dir, "Dockerfile", base)
        self._image(toolchain, folder, "Dockerfile", base)
        runtime = {"TOOLCHAIN": toolchain}
        self._image(
            language.image, self._agent_dir, "runtime.Dockerfile", runtime, {INPUTS_LABEL: inputs}
        )
        log.info("runtime_built", language=language.id, image=language.image)

    def _trusting_base(self) -> str:
        """The base image with the certificates trusted here, which the host gave to this image.

        A base may bring none, and behind an intercepting proxy its own would not be enough.
        """
        if not CA_BUNDLE.is_file():
            return self._base_image
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(CA_BUNDLE, folder)
            Path(folder, "Dockerfile").write_text(TRUSTING_BASE, encoding="utf-8")
            self._image(BASE_TAG, Path(folder), "Dockerfile", {"BASE_IMAGE": self._base_image})
        return BASE_TAG

    def _is_current(self, image: str, inputs: str) -> bool:
        try:
            labels = self._client.images.get(image).labels
        except ImageNotFound:
            return False
        return labels.get(INPUTS_LABEL) == inputs

    def _image(
        self,
        tag: str,
        folder: Path,
        dockerfile: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._client.images.build(
            path=str(folder),
            dockerfile=dockerfile,
            tag=tag,
            buildargs=dict(arguments),
            labels={IMAGE_LABEL: tag, **(labels or {})},
            rm=True,
            forcerm=True,
        )


def _digest(base_image: str, *folders: Path) -> str:
    digest = hashlib.sha256(base_image.encode())
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _check_folders(settings: Config, languages: Iterable[str]) -> None:
    wanted = [Path(settings.agent_dir), *(Path(settings.runtimes_dir, name) for name in languages)]
    missing = [str(folder) for folder in wanted if not (folder / "Dockerfile").is_file()]
    if missing:
        raise config.ConfigError(
            f"No Dockerfile in {', '.join(missing)}: set AGENT_DIR and RUNTIMES_DIR."
        )


def main() -> int:
    """Build all offered languages; 1 when one cannot be built, 2 for a bad configuration."""
    try:
        settings = config.load(Config, os.environ)
        languages = offered(comma_separated(settings.languages))
        _check_folders(settings, languages)
    except (config.ConfigError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure("runtimes", settings.log_level)
    try:
        builder = RuntimeBuilder(docker.DockerClient.from_env(timeout=900), settings)
        for language in languages.values():
            builder.build(language)
    except BuildError as error:
        lines = [str(entry.get("stream", "")).rstrip() for entry in error.build_log]
        log.error(
            "runtime_build_failed", error=str(error), log=[line for line in lines if line][-20:]
        )
        return 1
    except DockerException as error:
        log.error("runtime_build_failed", error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
