"""TLS for connections to stores, SMTP servers and providers: trusted authorities and the broker's client certificate.

Certificate and host name are verified unless the operator sets `verify = false`.
"""

import contextlib
import hashlib
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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


@dataclass(frozen=True, slots=True)
class ServerTls:
    """TLS parameters for one remote server.

    `ca_file` (PEM) replaces the operating system's authorities. Of these, only those in `roots` are trusted: SHA-256 of
    a certificate in hexadecimal; empty: all. `cert_file` and `key_file` are the broker's client certificate.
    """

    ca_file: Path | None = None
    roots: frozenset[str] = frozenset()
    cert_file: Path | None = None
    key_file: Path | None = None

    def digest(self) -> bytes:
        """A digest of what the files hold, of which a renewed certificate makes another one. Raises TlsUnusable."""
        found = hashlib.sha256()
        for setting in ("ca_file", "cert_file", "key_file"):
            path: Path | None = getattr(self, setting)
            if path is None:
                continue
            try:
                found.update(hashlib.sha256(content(path)).digest())
            except Unfit as unfit:
                raise TlsUnusable(setting, unfit.what, unfit.fix) from None
        return found.digest()


def server_context(how: ServerTls) -> ssl.SSLContext:
    """The SSL context for a remote server: TLS 1.2 or later, with verification. Raises TlsUnusable."""
    if how.roots:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=_chosen(how))
    else:
        context = ssl.create_default_context() if how.ca_file is None else trust_context(how.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if how.cert_file is not None:
        _show(context, how.cert_file, how.key_file)
    return context


class ServerContexts:
    """SSL contexts for remote servers: one for all connections with the same terms, until a file has other content."""

    def __init__(self, suites: str, own: str | None) -> None:
        """`suites` are the permitted cipher suites, `own` further authorities (PEM) beside the operating system's."""
        self._suites = suites
        self._own = own
        self._made: dict[ServerTls, tuple[bytes, ssl.SSLContext]] = {}

    def get(self, how: ServerTls) -> ssl.SSLContext:
        """The context of these terms. Raises TlsUnusable."""
        digest = how.digest()
        if how not in self._made or self._made[how][0] != digest:
            context = server_context(how)
            context.set_ciphers(self._suites)
            if self._own is not None and how.ca_file is None and not how.roots:
                context.load_verify_locations(cadata=self._own)
            self._made[how] = (digest, context)
        return self._made[how][1]


def _chosen(how: ServerTls) -> bytes:
    """The authorities with these digests, DER. Raises TlsUnusable if there is none."""
    pem = _system_authorities() if how.ca_file is None else authorities(how.ca_file)
    known = {hashlib.sha256(der).hexdigest(): der for der in _certificates(pem)}
    found = [known[root] for root in sorted(how.roots & known.keys())]
    if not found:
        fix = "correct the digests, or name the authorities with ca_file"
        raise TlsUnusable("tls_roots", "no trusted authority has one of these digests", fix)
    return b"".join(found)


def _certificates(pem: str) -> Iterator[bytes]:
    """Each certificate of a PEM text, DER."""
    for block in _BLOCK.findall(pem):
        with contextlib.suppress(ValueError):
            yield ssl.PEM_cert_to_DER_cert(block)


def _system_authorities() -> str:
    """The operating system's authorities, PEM. OpenSSL itself reads a folder of them only when it needs one."""
    paths = ssl.get_default_verify_paths()
    folder = Path(paths.capath) if paths.capath else None
    files = [Path(paths.cafile)] if paths.cafile else sorted(folder.glob("*.pem")) if folder else []
    return "\n".join(file.read_text("ascii", "ignore") for file in files if file.is_file())


_BLOCK: Final = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----", re.ASCII)


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
