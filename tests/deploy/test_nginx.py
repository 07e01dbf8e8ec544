"""The proxy for services with certificates, run for real with a stand-in for a broker: which headers it forwards."""

import base64
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from cryptography import x509

from tests.deploy.test_proxy import StandIn
from tests.support import nginx
from tests.support.certificates import Authority, Certificate
from tests.support.nginx import USUAL, WITH_CERTIFICATES
from tests.support.ports import LOOPBACK


@dataclass
class Proxy:
    """The proxy, the authority that it trusts, and the stand-in behind it."""

    here: nginx.Nginx
    authority: Authority
    behind: StandIn

    async def get(
        self, name: str, certificate: Certificate | None = None, headers: list[tuple[str, str]] | None = None
    ) -> httpx.Response:
        """Calls a site on a connection with this certificate. The response lists what the stand-in received."""
        trust = self.authority.trust()
        if certificate is not None:
            trust.load_cert_chain(certificate.chain, certificate.key)
        return await self.call("POST", name, "/token", trust, headers or [])

    async def call(
        self, method: str, name: str, path: str, trust: ssl.SSLContext, headers: list[tuple[str, str]]
    ) -> httpx.Response:
        async with httpx.AsyncClient(verify=trust) as client:
            return await client.request(
                method,
                f"https://{LOOPBACK}:{self.here.port}{path}",
                content=b"a=b",
                headers=[("Host", name), *headers],
                extensions={"sni_hostname": name},
            )


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Proxy]:
    """The file as it is deployed, on other names and ports."""
    behind, here = StandIn("broker"), nginx.allocate()
    site = authority.certificate(USUAL, WITH_CERTIFICATES)
    with nginx.running(here, tmp_path_factory.mktemp("nginx"), site, behind.port):
        yield Proxy(here, authority, behind)
    behind.close()


def passed_on(answer: httpx.Response) -> str | None:
    """The `Client-Cert` header that the broker received."""
    assert answer.status_code == 200, answer.text
    return {name.lower(): value for name, value in answer.json()["headers"].items()}.get("client-cert")


@pytest.mark.parametrize("names", [0, 1, 2, 3, 20, 60])
async def test_a_certificate_of_any_length_is_passed_on_as_rfc_9440_writes_it(proxy: Proxy, names: int) -> None:
    alternatives = [x509.DNSName(f"{number}{'x' * number}.tax.example") for number in range(names)]
    certificate = proxy.authority.client("CN=tax", *alternatives)
    expected = f":{base64.b64encode(certificate.der).decode()}:"
    assert passed_on(await proxy.get(WITH_CERTIFICATES, certificate)) == (expected if names < 60 else None)


async def test_a_certificate_that_a_service_signed_itself_is_passed_on_too(proxy: Proxy) -> None:
    own = proxy.authority.self_signed("CN=tax")
    assert passed_on(await proxy.get(WITH_CERTIFICATES, own)) == f":{base64.b64encode(own.der).decode()}:"


async def test_what_a_client_says_of_a_certificate_is_never_passed_on(proxy: Proxy) -> None:
    own, other = proxy.authority.client("CN=tax"), proxy.authority.client("CN=other")
    claimed = ("Client-Cert", f":{base64.b64encode(other.der).decode()}:")
    for headers in ([claimed], [claimed, claimed], [("client_cert", claimed[1])], [("CLIENT-CERT", claimed[1])]):
        assert passed_on(await proxy.get(WITH_CERTIFICATES, None, headers)) is None
        assert passed_on(await proxy.get(USUAL, None, headers)) is None
        seen = passed_on(await proxy.get(WITH_CERTIFICATES, own, headers))
        assert seen == f":{base64.b64encode(own.der).decode()}:"
    chain = await proxy.get(WITH_CERTIFICATES, own, [("Client-Cert-Chain", claimed[1])])
    assert "client-cert-chain" not in {name.lower() for name in chain.json()["headers"]}


async def test_where_certificates_are_not_asked_for_none_is_passed_on(proxy: Proxy) -> None:
    assert passed_on(await proxy.get(USUAL, proxy.authority.client("CN=tax"))) is None


async def test_the_site_with_certificates_shows_no_pages(proxy: Proxy) -> None:
    async def status(name: str, path: str) -> int:
        return (await proxy.call("GET", name, path, proxy.authority.trust(), [])).status_code

    for path in ("/", "/authorize", "/journey/x", "/livez"):
        assert await status(WITH_CERTIFICATES, path) == 404
    assert await status(USUAL, "/authorize") == 200
    assert await status(USUAL, "/readyz") == 404


async def test_the_client_s_address_is_told_and_what_it_claims_about_it_is_not(proxy: Proxy) -> None:
    claimed = [("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9")]
    received = (await proxy.get(USUAL, None, claimed)).json()["headers"]
    assert {name.lower(): value for name, value in received.items()}["x-forwarded-for"] == "127.0.0.1"
    assert "forwarded" not in {name.lower() for name in received}


async def test_a_name_that_is_not_ours_is_answered_by_nobody(proxy: Proxy) -> None:
    with pytest.raises(httpx.ConnectError):
        await proxy.call("GET", "elsewhere.localhost", "/", proxy.authority.trust(), [])
