"""Client certificates at a provider (RFC 8705), over sockets: handshakes, other addresses, bound tokens, renewal."""

import asyncio
import base64
import contextlib
import hashlib
import json
import shutil
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from broker.crypto.jose import hash_claim, load_signing_key, new_signing_key_pem, sign
from broker.model.identity import Identity
from broker.platform import base64url
from broker.platform.http_client import HttpClients, Timeouts
from broker.platform.operator_files import content
from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailure, UpstreamRedirect
from providers import ProviderDependencies
from providers.openid import OpenIdProvider, build, check
from providers.openid.config_tables import UpstreamAuthentication
from tests.support.certificates import Authority, Certificate
from tests.unit.providers.stage import ASK, CALLBACK, CARD, config
from tests.unit.providers.wire import AMINA

PATIENCE = Timeouts(connect=2, read=2, total=4)


def digest(der: bytes) -> str:
    """The confirmation of a certificate (RFC 8705 3.1)."""
    return base64url.encode(hashlib.sha256(der).digest())


@dataclass(slots=True)
class TlsProvider:
    """A provider on two ports: one for everybody, and one that demands a client certificate of its authority.

    `access` is made of the certificate that the connection showed.
    """

    system: System
    authority: Authority
    form: str = "jwt"
    bound_to: str | None = None
    port: int = 0
    certificate_port: int = 0
    nonce: str = ""
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    key: Any = field(default_factory=lambda: load_signing_key(new_signing_key_pem("ES256"), "ES256", "k-1"))

    @property
    def issuer(self) -> str:
        """The issuer, at the port for everybody."""
        return f"https://localhost:{self.port}"

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["TlsProvider"]:
        """Serves both ports until the block ends."""
        server = self.authority.certificate("localhost")
        contexts = []
        for demanded in (False, True):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server.chain, server.key)
            if demanded:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.authority.file)
            contexts.append(context)
        servers = [await asyncio.start_server(self._connection, "127.0.0.1", 0, ssl=one) for one in contexts]
        self.port, self.certificate_port = (one.sockets[0].getsockname()[1] for one in servers)
        try:
            yield self
        finally:
            for listener in servers:
                listener.close()
            for writer in self._writers:
                writer.close()
            for writer in self._writers:
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    await writer.wait_closed()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        peer = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                sent = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(sent.get("content-length", 0)))
                status, answer = self._answer(head[0].split()[1], body, peer)
                text = json.dumps(answer).encode()
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n".encode()
                    + f"content-length: {len(text)}\r\n\r\n".encode()
                    + text
                )
                await writer.drain()

    def _answer(self, path: str, body: bytes, peer: bytes | None) -> tuple[int, object]:
        shown = "" if peer is None else digest(peer)
        self.seen.append((path, shown))
        mutual = f"https://localhost:{self.certificate_port}"
        if path == "/jwks":
            return 200, {"keys": [dict(self.key.jwk)]}
        if path.startswith("/.well-known/"):
            names = {"token_endpoint": "token", "userinfo_endpoint": "userinfo"}
            if self.form == "opaque":
                names["introspection_endpoint"] = "introspect"
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "jwks_uri": f"{self.issuer}/jwks",
                **{name: f"{self.issuer}/{place}" for name, place in names.items()},
                "mtls_endpoint_aliases": {name: f"{mutual}/{place}" for name, place in names.items()},
            }
        if peer is None:
            return 401, {"error": "invalid_client"}
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        confirmation = {"cnf": {"x5t#S256": shown if self.bound_to is None else self.bound_to}}
        if path == "/introspect":
            return 200, {"active": form["token"] == "an-opaque-token", **confirmation}
        if path == "/userinfo":
            return 200, AMINA
        return self._tokens(form, confirmation if self.bound_to != "" else {})

    def _tokens(self, form: Mapping[str, str], confirmation: Mapping[str, object]) -> tuple[int, object]:
        if form.get("client_id") != "portico" or "client_assertion" in form:
            return 401, {"error": "invalid_client"}
        now = int(self.system.now())
        access = "an-opaque-token" if self.form == "opaque" else sign({"sub": "amina", **confirmation}, self.key)
        claims = {"iss": self.issuer, "sub": "amina", "aud": "portico", "iat": now, "exp": now + 300}
        more = {"auth_time": now, "nonce": self.nonce, "acr": "eid:high", "at_hash": hash_claim(access, "ES256")}
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": sign({**claims, **more}, self.key)}

    def provider(self, outgoing: HttpClients, own: Certificate | None, **changes: Any) -> OpenIdProvider:
        """The broker's side, with a certificate or none."""
        files = {} if own is None else {"certificate_file": own.chain, "certificate_key_file": own.key}
        usual = {"authentication": UpstreamAuthentication.TLS_CLIENT_AUTH, "key_file": None, **files}
        settings = config(self.issuer, ca_file=self.authority.file, **{**usual, **changes})
        return build(CARD, settings, ProviderDependencies(outgoing, self.system, content))

    async def sign_in(self, provider: OpenIdProvider) -> Identity | ProviderFailure:
        """A whole sign-in, with a code that nothing checks."""
        away = await provider.begin(ASK)
        assert isinstance(away, UpstreamRedirect), away
        self.nonce = parse_qs(urlsplit(away.url).query)["nonce"][0]
        return await provider.complete(away.provider_state, CallbackParameters({"code": "c"}, CALLBACK))


@pytest.fixture
async def there(system: System, tmp_path: Path) -> AsyncIterator[TlsProvider]:
    """A provider that demands certificates."""
    async with TlsProvider(system, Authority(tmp_path / "authority")).serving() as made:
        yield made


@pytest.fixture
async def outgoing() -> AsyncIterator[HttpClients]:
    """The broker's connections."""
    made = HttpClients(development=True, patience=PATIENCE)
    yield made
    await made.close()


async def renewed(outgoing: HttpClients) -> None:
    """Lets go of the provider's connections, as a reload does before the provider is built again."""
    pool = outgoing.detach("provider:eid")
    if pool is not None:
        await pool.close()


async def test_the_certificate_is_shown_at_the_addresses_for_it_and_authenticates(
    there: TlsProvider, outgoing: HttpClients
) -> None:
    own = there.authority.client("CN=portico")
    found = await there.sign_in(there.provider(outgoing, own, certificate_bound_tokens=True))
    assert isinstance(found, Identity), found
    shown = digest(own.der)
    assert {path: certificate for path, certificate in there.seen if path in ("/token", "/userinfo")} == {
        "/token": shown,
        "/userinfo": shown,
    }


async def test_without_a_certificate_of_the_authority_there_is_no_handshake(
    there: TlsProvider, outgoing: HttpClients, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger").client("CN=portico")
    found = await there.sign_in(there.provider(outgoing, stranger))
    assert isinstance(found, ProviderFailure)
    assert (found.fault, found.outage) == ("token_unreachable", True)
    await renewed(outgoing)
    found = await there.sign_in(there.provider(outgoing, None))
    assert isinstance(found, ProviderFailure)
    assert found.fault == "token_client"


@pytest.mark.parametrize("form", ["jwt", "opaque"])
@pytest.mark.parametrize("bound_to", ["", "of-another-client"])
async def test_a_token_for_another_certificate_or_for_none_is_rejected(
    there: TlsProvider, outgoing: HttpClients, form: str, bound_to: str
) -> None:
    there.form, there.bound_to = form, bound_to
    own = there.authority.client("CN=portico")
    found = await there.sign_in(there.provider(outgoing, own, certificate_bound_tokens=True))
    assert isinstance(found, ProviderFailure)
    assert (found.fault, found.outage) == ("token_binding", False)
    await renewed(outgoing)
    assert isinstance(await there.sign_in(there.provider(outgoing, own)), Identity)


async def test_a_token_that_the_broker_cannot_read_is_introspected(there: TlsProvider, outgoing: HttpClients) -> None:
    there.form = "opaque"
    own = there.authority.client("CN=portico")
    assert isinstance(await there.sign_in(there.provider(outgoing, own, certificate_bound_tokens=True)), Identity)
    assert ("/introspect", digest(own.der)) in there.seen


async def test_a_renewed_certificate_under_the_same_path_is_shown_once_the_provider_is_built_again(
    there: TlsProvider, outgoing: HttpClients, tmp_path: Path
) -> None:
    old, new = there.authority.client("CN=portico"), there.authority.client("CN=portico")
    own = Certificate(tmp_path / "own.pem", tmp_path / "own.key")
    for certificate in (old, new):
        shutil.copy(certificate.chain, own.chain)
        shutil.copy(certificate.key, own.key)
        await renewed(outgoing)
        there.seen.clear()
        found = await there.sign_in(there.provider(outgoing, own, certificate_bound_tokens=True))
        assert isinstance(found, Identity), found
        assert ("/token", digest(certificate.der)) in there.seen


def test_bound_tokens_need_a_certificate() -> None:
    problems = check(config("https://op.example", certificate_bound_tokens=True), development=False)
    assert [problem.path for problem in problems] == ["certificate_file"]


@pytest.mark.parametrize("method", ["self_signed_tls_client_auth", "tls_client_auth"])
async def test_the_key_of_a_self_signed_certificate_is_published_with_it(
    system: System, outgoing: HttpClients, tmp_path: Path, method: str
) -> None:
    """RFC 8705 2.2.2: the provider knows the certificate by the key set alone."""
    own = Authority(tmp_path / "one").self_signed("CN=portico")
    settings = config(
        "https://op.example",
        authentication=UpstreamAuthentication(method),
        key_file=None,
        certificate_file=own.chain,
        certificate_key_file=own.key,
    )
    keys = build(CARD, settings, ProviderDependencies(outgoing, system, content)).jwks["keys"]
    if method == "tls_client_auth":
        assert keys == []
        return
    [key] = keys
    assert [base64.b64decode(one) for one in key["x5c"]] == [own.der]
    assert {name: key[name] for name in ("kty", "crv", "x", "y")} == {
        name: own.jwks["keys"][0][name] for name in ("kty", "crv", "x", "y")
    }
    assert "d" not in key
