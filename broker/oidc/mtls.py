"""Client certificates: the header from a trusted proxy (RFC 9440), and client authentication with them (RFC 8705 2)."""

import base64
import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from broker.crypto.jose import (
    MAX_CERTIFICATE,
    Authorities,
    Certificate,
    InvalidToken,
    KeySet,
    distinguished_name,
    email,
    ip_address,
    read_certificate,
)
from broker.model.service import ClientAuthentication, Service, TlsSubject
from broker.oidc.errors import EndpointError

METHODS: Final = (ClientAuthentication.TLS_CLIENT_AUTH, ClientAuthentication.SELF_SIGNED_TLS_CLIENT_AUTH)
"""Client authentication methods that need a certificate."""

_BYTES: Final = re.compile(r":([A-Za-z0-9+/]+={0,2}):", re.ASCII)
_LONGEST: Final = MAX_CERTIFICATE * 4 // 3 + 8


def client_certificate(headers: Sequence[str]) -> Certificate | None:
    """Parses the `Client-Cert` header of a trusted proxy (RFC 9440 2.2). Returns None without one.

    Raises EndpointError for several headers, since all but one are forged, and for an invalid certificate.
    """
    if not headers:
        return None
    if len(headers) > 1:
        raise _unreadable(f"{len(headers)} Client-Cert headers")
    found = _BYTES.fullmatch(headers[0]) if len(headers[0]) <= _LONGEST else None
    if found is None:
        raise _unreadable("the Client-Cert header is no byte sequence, or too long")
    try:
        return read_certificate(base64.b64decode(found[1], validate=True))
    except (binascii.Error, InvalidToken) as problem:
        detail = problem.detail if isinstance(problem, InvalidToken) else "the Client-Cert header is not base64"
        raise _unreadable(detail) from None


def _unreadable(detail: str) -> EndpointError:
    return EndpointError("invalid_request", "the client certificate cannot be read", detail)


def certificate_error(
    service: Service, certificate: Certificate | None, keys: KeySet, authorities: Authorities, now: float
) -> str | None:
    """Reason for which a certificate does not authenticate the service by its registered method; None if it does.

    `tls_client_auth`: issued by one of `authorities` with the registered subject (RFC 8705 2.1).
    `self_signed_tls_client_auth`: its key is one of the service's `keys`, with any issuer (RFC 8705 2.2).
    """
    if certificate is None:
        return "no client certificate came through a trusted proxy"
    if not certificate.good_at(now):
        return "the client certificate has expired, or is not good yet"
    if service.credentials.method is ClientAuthentication.SELF_SIGNED_TLS_CLIENT_AUTH:
        return None if certificate.holds_key_of(keys) else "the client certificate has none of the registered keys"
    if service.credentials.tls_subject is None or not matches_subject(certificate, service.credentials.tls_subject):
        return (
            f"the client certificate names {certificate.subject.rfc4514_string()[:200]!r}, not the registered subject"
        )
    if not certificate.issued_by(authorities, now):
        return "none of the authorities issued the client certificate for a client's use"
    return None


def matches_subject(certificate: Certificate, subject: TlsSubject) -> bool:
    """Whether a certificate has the registered subject, compared by the rules of its kind of name (RFC 8705 2.1.2)."""
    match subject:
        case TlsSubject(dn=str(dn)):
            return bool(certificate.subject == _name(dn))
        case TlsSubject(san_dns=str(host)):
            return host.lower() in certificate.dns
        case TlsSubject(san_uri=str(uri)):
            return uri in certificate.uris
        case TlsSubject(san_ip=str(ip)):
            return ip_address(ip) in certificate.ips
        case TlsSubject(san_email=str(address)):
            return email(address) in certificate.emails
    return False


@lru_cache(maxsize=1024)
def _name(dn: str) -> object:
    return distinguished_name(dn)
