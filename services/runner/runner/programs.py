"""From a request on the wire to a program for the sandbox."""

import base64
import binascii

from runlet.languages import Language
from runlet.messages import File, InvalidMessageError, RunRequested
from runner.sandbox.interface import Program, SourceFile


def program_from(request: RunRequested, language: Language) -> Program:
    """The program a request asks for. Raises InvalidMessageError when a file does not decode."""
    source = SourceFile(language.file_name, request.source_code.encode())
    return Program(
        language=language,
        files=(source, *(_source_file(file) for file in request.files)),
        stdin=request.stdin.encode(),
        args=request.args,
        limits=request.limits,
    )


def _source_file(file: File) -> SourceFile:
    if file.encoding == "utf8":
        return SourceFile(file.name, file.content.encode())
    try:
        return SourceFile(file.name, base64.b64decode(file.content, validate=True))
    except binascii.Error as error:
        raise InvalidMessageError(f"The file {file.name} is not base64: {error}") from error
