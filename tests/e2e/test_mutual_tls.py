"""Services that are known by their certificates: the broker as it is served, behind a real proxy, over real TLS."""

import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from multidict import CIMultiDict

from tests.e2e.app_harness import Script
from tests.e2e.processes import Running, run
from tests.e2e.raw_client import HttpSender, RawCitizen, Reply, eventually, http_sender
from tests.e2e.relying_service import Service
from tests.support import nginx
from tests.support.certificates import Authority, Certificate
from tests.support.nginx import USUAL, WITH_CERTIFICATES
from tests.support.ports import LOOPBACK

CALLBACK = "http://localhost:9/callback"
ELSEWHERE = "127.0.0.2"
"""An address of this machine that is not the proxy's."""

TEXTS = f"""
names = {{ en = "Ferries", cy = "Fferïau" }}
home = "http://localhost:8002/"
redirect_uris = ["{CALLBACK}"]
sector = "ferries.example"
level = "low"
scopes = ["openid", "profile"]
refresh = true
contact = "Ferries, 01632 960 901"
claims = [{{ claim = "name", reason = {{ en = "To address you", cy = "I'ch cyfarch" }} }}]
"""
FERRY = (
    TEXTS
    + 'authentication = "tls_client_auth"\nbinding = "mtls"\ntls_subject = { dn = "CN=ferry,O=Ferries\\\\, Ltd" }\n'
)
OWN = TEXTS + 'authentication = "self_signed_tls_client_auth"\nbinding = "mtls"\njwks_file = "own.json"\n'
KEYED = TEXTS + 'binding = "mtls"\njwks_file = "../../.demo/secrets/keyed.jwks.json"\n'
COUNTER = FERRY + 'own_scopes = ["desk"]\ndesk_locations = [{ id = "quay" }]\n'
DN = "CN=ferry,O=Ferries\\, Ltd"


@dataclass(slots=True)
class Caller(Service):
    """A service that sends only its client id: the certificate authenticates it."""

    key: str = ""
    kid: str = ""

    def assertion(self) -> dict[str, str]:
        """Its id."""
        return {"client_id": self.client_id}


@dataclass(slots=True)
class Ferry(RawCitizen):
    """A sign-in for a service that calls the endpoints that require certificates."""

    calls: HttpSender = field(kw_only=True)
    there: str = field(kw_only=True)

    async def call(self, path: str, form: dict[str, str]) -> Reply:  # type: ignore[override]
        """The service calls on its own connection."""
        return await self.calls.send("POST", self.there + path, form)

    async def opened(self, token: str) -> Reply:
        """What a token opens on that connection."""
        return await self.calls.send("GET", f"{self.there}/userinfo", headers={"Authorization": f"Bearer {token}"})


@dataclass
class Port:
    """Everything that runs, and the certificates."""

    broker: Running
    proxy: nginx.Nginx
    authority: Authority
    ferry: Certificate
    own: Certificate
    direct: str

    @asynccontextmanager
    async def raw_citizen(self, client_id: str, certificate: Certificate | None) -> AsyncIterator[Ferry]:
        """A sign-in of a service whose connections show this certificate."""
        async with AsyncExitStack() as opened:
            browser = await opened.enter_async_context(http_sender())
            calls = await opened.enter_async_context(http_sender(tls=self.tls(certificate)))
            service: Service = Caller(client_id, self.broker.issuer, CALLBACK)
            if client_id == "keyed":
                kept = self.broker.folder / ".demo" / "secrets"
                [key] = json.loads((kept / "keyed.jwks.json").read_text())["keys"]
                service = Service(client_id, self.broker.issuer, CALLBACK, (kept / "keyed.pem").read_text(), key["kid"])
            yield Ferry(browser, service, calls=calls, there=self.proxy.origin)

    def tls(self, certificate: Certificate | None) -> ssl.SSLContext:
        """Trusts the proxy, and shows the certificate."""
        context = self.authority.trust()
        if certificate is not None:
            context.load_cert_chain(certificate.chain, certificate.key)
        return context


@pytest.fixture(scope="module")
async def port(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> AsyncIterator[Port]:
    """`portico serve` behind nginx, which alone is believed when it passes certificates on."""
    folder, proxy = tmp_path_factory.mktemp("port"), nginx.allocate()
    ferry, own = authority.client(DN), authority.self_signed("CN=own")
    trusted = f'trusted_proxies = ["{LOOPBACK}/32"]'
    settings = f'[client_certificates]\n{trusted}\nca_file = "{authority.file}"\norigin = "{proxy.origin}"\n'
    script = Script(
        edits={
            "broker.toml": {
                "[picker]": f"{settings}\n[picker]",
                "[listen]": f'[listen]\ntrusted_proxies = ["{LOOPBACK}/32"]',
            }
        },
        files={
            "services/ferry.toml": FERRY,
            "services/own.toml": OWN,
            "services/counter.toml": COUNTER,
            "services/own.json": json.dumps(own.jwks),
            "services/keyed.toml": KEYED,
        },
    )
    async with run(folder, script) as broker:
        behind = broker.ports.first
        with nginx.running(proxy, folder / "nginx", authority.certificate(WITH_CERTIFICATES, USUAL), behind):
            yield Port(broker, proxy, authority, ferry, own, f"http://{LOOPBACK}:{behind}")


async def exchanged(raw_citizen: Ferry) -> dict[str, str]:
    """The tokens of a whole sign-in."""
    tokens: dict[str, str] = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
    return tokens


def header(certificate: Certificate) -> dict[str, str]:
    """The header that a proxy sends for a certificate."""
    return {"Client-Cert": f":{base64.b64encode(certificate.der).decode()}:"}


@pytest.mark.parametrize("client_id", ["ferry", "own", "keyed"])
async def test_certificate_bound_tokens_are_accepted_only_with_their_certificate(port: Port, client_id: str) -> None:
    certificate = port.own if client_id == "own" else port.ferry
    async with port.raw_citizen(client_id, certificate) as raw_citizen, port.raw_citizen(client_id, None) as without:
        tokens = await exchanged(raw_citizen)
        assert tokens["token_type"] == "Bearer"
        claims = (await raw_citizen.opened(tokens["access_token"])).expect().json
        assert claims["name"] == "Amina Hughes"
        refused = (await without.opened(tokens["access_token"])).expect(401)
        assert 'Bearer error="invalid_token"' in refused.headers["WWW-Authenticate"]
        other = port.ferry if client_id == "own" else port.own
        async with port.raw_citizen(client_id, other) as stranger:
            (await stranger.opened(tokens["access_token"])).expect(401)
        seen = (await raw_citizen.introspect(tokens["access_token"])).expect().json
        assert (seen["token_type"], list(seen["cnf"])) == ("Bearer", ["x5t#S256"])


async def test_a_refresh_binds_the_new_token_to_the_certificate_of_that_day(port: Port) -> None:
    renewed = port.authority.client(DN)
    async with port.raw_citizen("ferry", port.ferry) as before, port.raw_citizen("ferry", renewed) as after:
        tokens = await exchanged(before)
        fresh = (await after.refresh(tokens["refresh_token"])).expect().json
        (await after.opened(fresh["access_token"])).expect()
        (await before.opened(fresh["access_token"])).expect(401)
        (await before.opened(tokens["access_token"])).expect()


@pytest.mark.parametrize("client_id", ["ferry", "own"])
async def test_a_missing_or_wrong_certificate_fails_client_authentication(
    port: Port, client_id: str, tmp_path: Path
) -> None:
    impostor = Authority(tmp_path / "impostor")
    wrong = [
        None,
        port.own if client_id == "ferry" else port.ferry,
        port.authority.client("CN=other"),
        impostor.client(DN),
        impostor.self_signed(DN),
    ]
    for certificate in wrong:
        async with port.raw_citizen(client_id, certificate) as raw_citizen:
            reply = await raw_citizen.push()
            assert (reply.status, reply.json["error"]) == (401, "invalid_client"), certificate


async def test_a_certificate_that_has_expired_opens_nothing(port: Port) -> None:
    async with port.raw_citizen("ferry", port.authority.client(DN, hours=-1)) as raw_citizen:
        assert (await raw_citizen.push()).status in (400, 401)


async def test_a_service_with_a_key_needs_its_certificate_for_tokens(port: Port) -> None:
    async with port.raw_citizen("keyed", None) as without:
        reply = await without.redeem(await without.code())
        assert (reply.status, reply.json["error"]) == (400, "invalid_request")


async def test_a_client_cert_header_of_a_client_is_ignored(port: Port) -> None:
    form = {"client_id": "ferry", "token": "access_nothing"}
    for claimed in ([port.ferry], [port.own]):
        async with http_sender(tls=port.tls(None)) as bare:
            reply = await bare.send("POST", f"{port.proxy.origin}/introspect", form, header(claimed[0]))
            assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    async with http_sender(tls=port.tls(port.ferry)) as right:
        assert (await right.send("POST", f"{port.proxy.origin}/introspect", form, header(port.own))).status == 200


async def test_a_client_cert_header_of_an_untrusted_peer_is_ignored_and_logged(port: Port) -> None:
    form = {"client_id": "ferry", "token": "access_nothing"}
    forged = {**header(port.ferry), "X-Forwarded-For": LOOPBACK}
    async with http_sender(source=ELSEWHERE) as direct:
        reply = await direct.send("POST", f"{port.direct}/introspect", form, forged)
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")

    async def logged() -> bool:
        return "client_cert_from_untrusted_peer" in port.broker.program.output

    await eventually(10, logged)


async def test_the_address_that_a_proxy_passes_on_does_not_stand_for_the_proxy_s_own(port: Port) -> None:
    form = {"client_id": "ferry", "token": "access_nothing"}
    forwarded = {**header(port.ferry), "X-Forwarded-For": "203.0.113.9"}
    async with http_sender() as proxy:
        assert (await proxy.send("POST", f"{port.direct}/introspect", form, forwarded)).status == 200


async def test_a_proxy_that_passes_two_on_is_refused(port: Port) -> None:
    form = {"client_id": "ferry", "token": "access_nothing"}
    async with http_sender() as proxy:
        believed = await proxy.send("POST", f"{port.direct}/introspect", form, header(port.ferry))
        assert believed.status == 200
        for twice in (
            [*header(port.ferry).items(), *header(port.ferry).items()],
            [("Client-Cert", ", ".join([*header(port.ferry).values()] * 2))],
            [("Client-Cert", "x")],
        ):
            reply = await proxy.send("POST", f"{port.direct}/introspect", form, CIMultiDict(twice))
            assert (reply.status, reply.json["error"]) == (400, "invalid_request")


async def test_the_metadata_leads_services_to_where_certificates_are_asked_for(port: Port) -> None:
    async with http_sender() as browser:
        found = (await browser.send("GET", f"{port.broker.issuer}/.well-known/openid-configuration")).expect().json
    assert found["tls_client_certificate_bound_access_tokens"] is True
    assert found["mtls_endpoint_aliases"]["token_endpoint"] == f"{port.proxy.origin}/token"
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(found["token_endpoint_auth_methods_supported"])


async def test_a_partner_desk_calls_with_its_certificate_and_with_no_other(port: Port) -> None:
    form = {"grant_type": "client_credentials", "scope": "desk", "client_id": "counter"}
    path = f"{port.proxy.origin}/desk/v1/cases/any"
    async with http_sender(tls=port.tls(port.ferry)) as desk, http_sender(tls=port.tls(None)) as without:
        refused = await without.send("POST", f"{port.proxy.origin}/token", form)
        assert (refused.status, refused.json["error"]) == (401, "invalid_client")
        tokens = (await desk.send("POST", f"{port.proxy.origin}/token", form)).expect().json
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        found = await desk.send("GET", path, headers=bearer)
        assert (found.status, found.json["code"]) == (404, "case_not_found")
        stolen = await without.send("GET", path, headers=bearer)
        assert (stolen.status, stolen.json["code"]) == (401, "invalid_token")
        forged = await without.send("GET", path, headers=bearer | header(port.ferry))
        assert (forged.status, forged.json["code"]) == (401, "invalid_token")
        for certificate in (port.own, port.authority.client(DN), port.authority.client("CN=other")):
            async with http_sender(tls=port.tls(certificate)) as other:
                reply = await other.send("GET", path, headers=bearer)
                assert (reply.status, reply.json["code"]) == (401, "invalid_token")
