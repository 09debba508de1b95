"""From a delivery to a request, and from a request to a program for the sandbox."""

import base64
import binascii
import dataclasses

from runlet import messages
from runlet.languages import Language
from runlet.messages import File, InvalidMessageError, RunRequested
from runlet_amqp.consumer import Delivery
from runner.sandbox.interface import Program, SourceFile


def request_from(delivery: Delivery) -> RunRequested:
    """The request a delivery carries, under the attempt it now stands for.

    Raises InvalidMessageError when there is none.
    """
    message = messages.decode(delivery.type, delivery.body)
    if not isinstance(message, RunRequested):
        raise InvalidMessageError(f"{delivery.type} is no request to run something.")
    # A message that came back took a runner with it: that was an attempt as well.
    attempt = message.attempt + delivery.earlier_deliveries
    return dataclasses.replace(message, attempt=attempt)


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
