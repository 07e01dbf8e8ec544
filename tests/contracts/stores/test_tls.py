"""TLS to real servers: PostgreSQL with `ssl = on`, Redis with `--tls-port`. Who is believed, and who is let in."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.crypto.seal import Sealer
from broker.model.store_results import StoreUnavailable
from broker.platform.system import System
from broker.platform.tls import ClientTls, client_context
from broker.stores.ephemeral.open import open_ephemeral_stores
from broker.stores.ephemeral.transport import RedisAccess
from broker.stores.sql.address import DatabaseAccess
from broker.stores.sql.migrate import migrate
from broker.stores.sql.schema import schema_is_current
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.support.certificates import Authority, Certificate
from tests.support.ports import free_port
from tests.support.postgres import OWNER, PostgresServer
from tests.support.redis import RedisServer

pytestmark = pytest.mark.store
HOST = "localhost"


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that signed nothing of the servers'."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def client(authority: Authority) -> Certificate:
    """The broker's own certificate."""
    return authority.client("CN=portico")


@pytest.fixture(scope="module", params=[HOST, "db.example"])
def postgres_tls(request: pytest.FixtureRequest, authority: Authority) -> Iterator[tuple[str, str]]:
    """A PostgreSQL that requires client certificates; its URL by host name, and by IP address."""
    server = PostgresServer()
    try:
        server.encrypt(authority.certificate(request.param), clients=authority.file)
        server.start()
        yield request.param, f"postgresql://{OWNER}@{HOST}:{server.port}/postgres"
    finally:
        server.remove()


@pytest.fixture(scope="module", params=[HOST, "db.example"])
def redis_tls(request: pytest.FixtureRequest, authority: Authority) -> Iterator[tuple[str, str]]:
    """A Redis that requires client certificates; its URL by host name, and by IP address."""
    certificate, port = authority.certificate(request.param), free_port()
    server = RedisServer(
        tls_port=str(port),
        tls_cert_file=str(certificate.chain),
        tls_key_file=str(certificate.key),
        tls_ca_cert_file=str(authority.file),
    )
    try:
        server.start()
        yield request.param, f"rediss://{HOST}:{port}/0"
    finally:
        server.remove()


def ways(
    authority: Authority, stranger: Authority, client: Certificate, named: str
) -> Iterator[tuple[ClientTls, str | None]]:
    """TLS settings of a broker, and the word of the error that names the fault; None if the connection must succeed."""
    shown = {"cert_file": client.chain, "key_file": client.key}
    wrong_name = None if named == HOST else "Hostname mismatch"
    yield ClientTls(authority.file, **shown), wrong_name
    yield ClientTls(stranger.file, **shown), "certificate verify failed"
    yield ClientTls(**shown), "certificate verify failed"
    yield ClientTls(verify=False, **shown), None
    other = stranger.client("CN=portico")
    for alone in (ClientTls(verify=False), ClientTls(None, verify=False, cert_file=other.chain, key_file=other.key)):
        yield alone, ""


async def test_postgresql_over_tls_is_believed_by_authority_and_name_and_asks_for_our_certificate(
    postgres_tls: tuple[str, str], authority: Authority, stranger: Authority, client: Certificate
) -> None:
    named, url = postgres_tls
    for how, wrong in ways(authority, stranger, client, named):
        access = DatabaseAccess(tls=client_context(how))
        if wrong is None:
            await migrate(url, access)
            assert await schema_is_current(url, access)
            continue
        for ask in (migrate, schema_is_current):
            with pytest.raises(StoreUnavailable) as error:
                await ask(url, access)
            assert wrong in str(error.value), (how, error.value)
            assert "\n    " in str(error.value), f"no fix: {error.value}"
    with pytest.raises(StoreUnavailable, match="pg_hba"):
        await schema_is_current(url)


async def test_what_facts_send_to_postgresql_is_encrypted(
    postgres_tls: tuple[str, str], authority: Authority, client: Certificate, sealer: Sealer, system: System
) -> None:
    named, url = postgres_tls
    access = DatabaseAccess(tls=client_context(ClientTls(authority.file, named == HOST, client.chain, client.key)))
    await migrate(url, access)
    sql = await open_sql_stores(url, sealer, system, access)
    try:
        assert await sql.schema_is_current()
    finally:
        await sql.close()


async def test_redis_over_tls_is_believed_by_authority_and_name_and_asks_for_our_certificate(
    redis_tls: tuple[str, str],
    authority: Authority,
    stranger: Authority,
    client: Certificate,
    some_sql: SqlStores,
    sealer: Sealer,
    system: System,
) -> None:
    named, url = redis_tls
    for how, wrong in ways(authority, stranger, client, named):
        passing = open_ephemeral_stores(
            url, sealer, system, some_sql.kill_switches, RedisAccess(tls=client_context(how))
        )
        try:
            if wrong is None:
                assert await passing.rate_limits.allow("key", 100, 60)
                continue
            with pytest.raises(StoreUnavailable) as error:
                await passing.rate_limits.allow("key", 100, 60)
            assert wrong in str(error.value), (how, error.value)
        finally:
            await passing.close()


async def test_a_server_without_tls_is_refused_with_a_fix(postgres: PostgresServer, authority: Authority) -> None:
    url = f"postgresql://{OWNER}@{HOST}:{postgres.port}/postgres"
    with pytest.raises(StoreUnavailable, match=r"rejected SSL upgrade\n    .*tls = false"):
        await schema_is_current(url, DatabaseAccess(tls=client_context(ClientTls(authority.file))))


def test_localhost_is_this_machine() -> None:
    assert socket.gethostbyname(HOST) == "127.0.0.1"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it contains no certificate in PEM"),
        (b"no certificate", "it contains no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a certificate that cannot be read"),
        ("-----BEGIN CERTIFICATE-----".encode("utf-16"), "this is UTF-16 text"),
    ],
)
def test_a_ca_file_that_holds_no_authority_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"ca_file: .*{what}"):
        client_context(ClientTls(file))


@pytest.mark.parametrize("shape", ["plain", "mark", "windows", "comment"])
def test_a_ca_file_is_read_as_editors_and_authorities_write_it(
    tmp_path: Path, authority: Authority, shape: str
) -> None:
    pem = authority.file.read_bytes()
    written = {
        "plain": pem,
        "mark": b"\xef\xbb\xbf" + pem,
        "windows": pem.replace(b"\n", b"\r\n"),
        "comment": "# Unsere Behörde\n".encode() + pem,
    }
    file = tmp_path / "ca.pem"
    file.write_bytes(written[shape])
    assert len(client_context(ClientTls(file)).get_ca_certs()) == 1


def test_a_client_certificate_must_have_its_own_unencrypted_key(
    tmp_path: Path, authority: Authority, client: Certificate
) -> None:
    other = authority.client("CN=other")
    with pytest.raises(ValueError, match="key_file: it is not the key of the certificate"):
        client_context(ClientTls(cert_file=client.chain, key_file=other.key))
    both = tmp_path / "both.pem"
    both.write_bytes(client.chain.read_bytes() + client.key.read_bytes())
    client_context(ClientTls(cert_file=both))
    with pytest.raises(ValueError, match="key_file: there is no certificate"):
        client_context(ClientTls(key_file=client.key))
    with pytest.raises(ValueError, match="cert_file: certificate and key cannot be used"):
        client_context(ClientTls(cert_file=client.chain))
