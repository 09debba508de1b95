"""Why a broker refuses a client, and which setting to change."""

import re
import ssl

import pika
from pika.exceptions import (
    AuthenticationError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

# OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH, _EMAIL_MISMATCH and _IP_ADDRESS_MISMATCH.
_WRONG_NAME = (62, 63, 64)
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_TOO_OLD = ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "VERSION_TOO_LOW")

_NOT_TAKEN = ("CERTIFICATE", "UNKNOWN_CA")
# With TLS 1.3 a server's verdict on its client comes after the handshake, where pika reports it as
# a failure of the protocol and keeps OpenSSL's reason as text.
_ALERT = re.compile(r"SSLError.*\[SSL: (\w+)\]")


_LOGIN_ERRORS = (AuthenticationError, ProbableAuthenticationError)
# AMQP's reply codes access-refused, precondition-failed and not-allowed.
_REFUSALS = (403, 406, 530)


def explain(error: BaseException, address: pika.ConnectionParameters | None) -> str | None:
    """Say why the broker refused and the way out.

    `address` is where a connection was tried. Gives None for what is no matter of settings, such
    as a broker that is away.
    """
    if isinstance(error, ChannelClosedByBroker | ConnectionClosedByBroker):
        return _about_reply(error)
    return _about_attempt(error, address) if address else None


def _about_reply(error: ChannelClosedByBroker | ConnectionClosedByBroker) -> str | None:
    if error.reply_code in _REFUSALS:
        return f"The message broker refuses what it is asked for: {error.reply_text}"
    return None


def _about_attempt(error: BaseException, address: pika.ConnectionParameters) -> str | None:
    place = f"{address.host}:{address.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _about_certificate(error, place, address.host)
    if isinstance(error, ssl.SSLError):
        return _about_handshake(error.reason or "", place)
    if isinstance(error, IncompatibleProtocolError):
        return _about_protocol(error, address, place)
    if isinstance(error, _LOGIN_ERRORS):
        return (
            f"The message broker at {place} ended the connection at the login. "
            "Check user and password in AMQP_URL."
        )
    if isinstance(error, ProbableAccessDeniedError):
        return (
            f"The message broker at {place} does not let this user into the virtual host "
            f"{address.virtual_host}. Check the end of AMQP_URL, and the user's permissions."
        )
    return None


def _about_protocol(
    error: IncompatibleProtocolError, address: pika.ConnectionParameters, place: str
) -> str | None:
    if address.ssl_options is None:
        return (
            f"{place} does not speak AMQP in plain text. Where that port expects TLS, begin the "
            "address in AMQP_URL with amqps://."
        )
    alert = _ALERT.search(str(error))
    return _about_handshake(alert[1], place) if alert else None


def _about_certificate(error: ssl.SSLCertVerificationError, place: str, host: str) -> str:
    if error.verify_code in _WRONG_NAME:
        return (
            f"The certificate that the message broker at {place} shows is for another name than "
            f"{host}. Put a name into AMQP_URL that is in the certificate, or issue one for {host}."
        )
    return (
        f"The certificate that the message broker at {place} shows is not trusted "
        f"({error.verify_message}). Name the authority that signed it in AMQP_CA_FILE."
    )


def _about_handshake(reason: str, place: str) -> str | None:
    if reason in _NOT_TLS:
        return (
            f"{place} does not speak TLS. Put the port of the broker's TLS listener into AMQP_URL "
            "(5671 as a rule), or begin the address with amqp:// where plain text is meant."
        )
    if reason in _TOO_OLD:
        return f"The message broker at {place} speaks no TLS of version 1.2 or newer. Update it."
    if any(word in reason for word in _NOT_TAKEN):
        return (
            f"The message broker at {place} does not take the certificate it was shown, or was "
            f"shown none ({reason}). Name one it trusts in AMQP_CERT_FILE and AMQP_KEY_FILE."
        )
    return None
