"""TLS for connections to stores and SMTP servers: trusted authorities and the broker's client certificate.

Certificate and host name are verified unless the operator sets `verify = false`.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

from broker.platform.operator_files import Unfit, content, unmarked


class TlsUnusable(ValueError):
    """TLS settings that cannot be used: the `setting` at fault, `what` is wrong, and the `fix`."""

    def __init__(self, setting: str, what: str, fix: str) -> None:
        super().__init__(f"{setting}: {what}\n    {fix}")
        self.setting = setting
        self.what = what
        self.fix = fix


@dataclass(frozen=True, slots=True)
class ClientTls:
    """TLS parameters of a client. Without `ca_file` the operating system's authorities are trusted."""

    ca_file: Path | None = None
    verify: bool = True
    cert_file: Path | None = None
    key_file: Path | None = None


def client_context(how: ClientTls) -> ssl.SSLContext:
    """The SSL context of such connections: TLS 1.2 or later. Raises TlsUnusable."""
    context = ssl.create_default_context() if how.ca_file is None else trust_context(how.ca_file)
    if not how.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if how.key_file is not None and how.cert_file is None:
        fix = "name the certificate with cert_file, or remove key_file"
        raise TlsUnusable("key_file", "there is no certificate for this key", fix)
    if how.cert_file is not None:
        _show(context, how.cert_file, how.key_file)
    return context


def trust_context(ca_file: Path) -> ssl.SSLContext:
    """An SSL context that trusts the authorities in a PEM file only. Raises TlsUnusable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=authorities(ca_file))
    except Unfit as unfit:
        raise TlsUnusable("ca_file", unfit.what, unfit.fix) from None
    except (ssl.SSLError, ValueError):
        fix = "put the certificates (PEM) of the authorities into it, and nothing else"
        raise TlsUnusable("ca_file", "it contains a certificate that cannot be read", fix) from None
    return context


def authorities(ca_file: Path) -> str:
    """The certificates in a PEM file, for `SSLContext.load_verify_locations`. Raises Unfit."""
    pem = unmarked(content(ca_file)).decode("ascii", "ignore")
    if "-----BEGIN CERTIFICATE-----" not in pem:
        raise Unfit("it contains no certificate in PEM", "put the certificates (PEM) of the authorities into it")
    return pem


def _show(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    for setting, path in (("cert_file", cert_file), ("key_file", key_file)):
        if path is not None:
            try:
                data = content(path)
                if unmarked(data) != data:
                    raise Unfit("it starts with a byte order mark", "save it as UTF-8 without one")
            except Unfit as unfit:
                raise TlsUnusable(setting, unfit.what, unfit.fix) from None
    fix = "name the certificate (PEM, with its intermediate certificates) and its unencrypted key (PEM)"
    try:
        # prevents OpenSSL from asking for a passphrase at the terminal
        context.load_cert_chain(cert_file, key_file, password=lambda: b"")
    except (ssl.SSLError, OSError, ValueError) as problem:
        reason = getattr(problem, "reason", None)
        if reason == "KEY_VALUES_MISMATCH":
            raise TlsUnusable("key_file", "it is not the key of the certificate in cert_file", fix) from None
        raise TlsUnusable("cert_file", "certificate and key cannot be used together", fix) from None
