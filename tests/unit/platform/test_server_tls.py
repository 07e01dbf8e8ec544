"""TLS to one remote server: its own authorities, chosen roots, a client certificate; handshakes without a socket."""

import hashlib
import ssl
from pathlib import Path

import pytest

from broker.platform.http_client import ConnectionTerms, HttpClients
from broker.platform.tls import ServerTls, TlsUnusable, server_context
from tests.support.certificates import Authority, Certificate


def digest(authority: Authority) -> str:
    """The SHA-256 of an authority's certificate."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(authority.file.read_text())).hexdigest()


def speak(client: ssl.SSLContext, server: Certificate, demanded: Path | None = None) -> dict[str, object] | None:
    """A handshake in memory. Returns the client's certificate as the server sees it. Raises SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.chain, server.key)
    if demanded is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(demanded)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(back, there, server_hostname="localhost"),
        context.wrap_bio(there, back, server_side=True),
    ]
    done: set[int] = set()
    for turn in range(20):
        end = turn % 2
        try:
            ends[end].do_handshake()
            done.add(end)
        except ssl.SSLWantReadError:
            continue
        if len(done) == 2:
            break
    assert len(done) == 2
    return ends[1].getpeercert()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that signs for localhost."""
    return Authority(tmp_path / "one")


def test_an_authority_of_one_server_takes_the_place_of_all_others(authority: Authority, tmp_path: Path) -> None:
    server = authority.certificate("localhost")
    assert speak(server_context(ServerTls(authority.file)), server) is None
    for other in (ServerTls(), ServerTls(Authority(tmp_path / "two").file)):
        with pytest.raises(ssl.SSLCertVerificationError):
            speak(server_context(other), server)


def test_of_the_authorities_only_the_chosen_roots_are_trusted(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "two")
    both = tmp_path / "both.pem"
    both.write_text(authority.file.read_text() + other.file.read_text())
    server = authority.certificate("localhost")
    assert speak(server_context(ServerTls(both, frozenset({digest(authority)}))), server) is None
    with pytest.raises(ssl.SSLCertVerificationError):
        speak(server_context(ServerTls(both, frozenset({digest(other)}))), server)
    with pytest.raises(TlsUnusable, match="tls_roots"):
        server_context(ServerTls(both, frozenset({"0" * 64})))
    with pytest.raises(TlsUnusable, match="tls_roots"):
        server_context(ServerTls(None, frozenset({digest(authority)})))


def test_the_client_certificate_is_shown(authority: Authority, tmp_path: Path) -> None:
    server, own = authority.certificate("localhost"), Authority(tmp_path / "two").certificate("portico")
    shown = server_context(ServerTls(authority.file, cert_file=own.chain, key_file=own.key))
    assert shown.get_ca_certs()
    with pytest.raises(ssl.SSLError):
        speak(server_context(ServerTls(authority.file)), server, authority.file)
    with pytest.raises(TlsUnusable, match="key_file"):
        server_context(ServerTls(authority.file, cert_file=own.chain, key_file=server.key))
    with pytest.raises(TlsUnusable, match="cert_file"):
        server_context(ServerTls(authority.file, cert_file=tmp_path / "missing.pem"))


async def test_the_operators_authorities_are_trusted_beside_a_client_certificate(
    authority: Authority, tmp_path: Path
) -> None:
    server, own = authority.certificate("localhost"), Authority(tmp_path / "two").certificate("portico")
    clients = HttpClients(ca_file=authority.file)
    shown = clients.context(ConnectionTerms(ServerTls(cert_file=own.chain, key_file=own.key)))
    assert speak(shown, server) is None


async def test_connections_with_the_same_terms_share_one_context(authority: Authority) -> None:
    clients = HttpClients(development=True)
    terms = ConnectionTerms(ServerTls(authority.file))
    same = ConnectionTerms(ServerTls(authority.file), {"User-Agent": "Portico of the city"})
    assert clients.context(terms) is clients.context(same)
    assert clients.context(ConnectionTerms()) is clients.tls
    with pytest.raises(TlsUnusable):
        clients.client("provider:x", terms=ConnectionTerms(ServerTls(Path("/nowhere/ca.pem"))))
    assert "provider:x" not in clients.clients
    await clients.close()
