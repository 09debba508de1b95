"""Why a broker could not be reached, in the words of those who set its address."""

import re
import ssl

import pika
from pika.exceptions import IncompatibleProtocolError

# OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH, _EMAIL_MISMATCH and _IP_ADDRESS_MISMATCH.
_WRONG_NAME = (62, 63, 64)
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_TOO_OLD = ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "VERSION_TOO_LOW")

_NOT_TAKEN = ("CERTIFICATE", "UNKNOWN_CA")
# With TLS 1.3 a server's verdict on its client comes after the handshake, where pika reports it as
# a failure of the protocol and keeps OpenSSL's reason as text.
_ALERT = re.compile(r"SSLError.*\[SSL: (\w+)\]")


class BrokerRefusedError(OSError):
    """A connection that will fail until a setting or a certificate is changed."""


def explained(error: Exception, address: pika.ConnectionParameters) -> BrokerRefusedError | None:
    """The cause of a failed attempt to connect to `address` and the way out of it.

    Gives None for what is no matter of settings, such as a broker that is away.
    """
    place = f"{address.host}:{address.port}"
    sentence = None
    if isinstance(error, ssl.SSLCertVerificationError):
        sentence = _about_certificate(error, place, address.host)
    elif isinstance(error, ssl.SSLError):
        sentence = _about_handshake(error.reason or "", place)
    elif isinstance(error, IncompatibleProtocolError) and address.ssl_options is None:
        sentence = (
            f"{place} does not speak AMQP in plain text. Where that port expects TLS, begin the "
            "address in AMQP_URL with amqps://."
        )
    elif isinstance(error, IncompatibleProtocolError) and (alert := _ALERT.search(str(error))):
        sentence = _about_handshake(alert[1], place)
    return BrokerRefusedError(sentence) if sentence else None


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
