"""Client assertions as providers differ in them: every algorithm, every audience, and the certificate of the key."""

import base64
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from broker.crypto.jose import UPSTREAM_ALGORITHMS, new_signing_key_pem
from broker.model.identity import Identity
from broker.platform.refreshing_cache import RefreshingCache
from broker.platform.system import System
from providers.openid import check
from providers.openid.client_authentication import credentials
from providers.openid.config_tables import (
    CertificateHeader,
    DpopConfig,
    RequestObjectConfig,
    UpstreamAssertionAudience,
    UserinfoConfig,
    UserinfoMethod,
)
from providers.openid.metadata import CACHE_POLICY
from providers.openid.own_keys import load_own_keys
from providers.openid.request_object import RequestObjects
from tests.support.certificates import Authority, Certificate
from tests.unit.providers.presets.exchange import exchange, rebuilt
from tests.unit.providers.stage import KEY_FILE, config
from tests.unit.providers.wire import ISSUER, Wire, answer

A = UpstreamAssertionAudience
TOKEN, PAR = f"{ISSUER}/token", f"{ISSUER}/par"
PEMS = {algorithm: new_signing_key_pem(algorithm, upstream=True) for algorithm in sorted(UPSTREAM_ALGORITHMS)}
CERTIFICATE_FILE = Path("certificate.pem")


def assertion(system: System, pem: bytes, called: str = TOKEN, certificate: bytes = b"", **changes: Any) -> Any:
    """An assertion for a call, opened with joserfc, which the broker does not sign with: header and claims."""
    settings = config(ISSUER, **changes)
    own = load_own_keys(settings, lambda path: certificate if path == CERTIFICATE_FILE else pem)
    form, headers = credentials(settings, own, system)(called, TOKEN)
    assert headers == {}
    return opened(form["client_assertion"], pem)


def opened(token: str, pem: bytes) -> Any:
    """A JWS, verified with the public half of a private key."""
    kind = RSAKey if b"RSA" in pem or len(pem) > 1000 else OKPKey if len(pem) < 130 else ECKey
    registry = jws.JWSRegistry(algorithms=sorted(UPSTREAM_ALGORITHMS))
    registry.max_header_length = 8192
    return jws.deserialize_compact(token, kind.import_key(pem), registry=registry)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", sorted(PEMS))
def test_an_assertion_is_signed_with_each_algorithm(system: System, algorithm: str) -> None:
    found = assertion(system, PEMS[algorithm], key_algorithm=algorithm)
    assert found.headers()["alg"] == algorithm
    assert b'"nbf"' not in found.payload


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"assertion_audience": A.ISSUER}, f'"aud":"{ISSUER}"'),
        ({"assertion_audience": A.TOKEN_ENDPOINT}, f'"aud":"{TOKEN}"'),
        ({"assertion_audience": A.CALLED_ENDPOINT}, f'"aud":"{PAR}"'),
        ({"assertion_audiences": (A.ISSUER,)}, f'"aud":["{ISSUER}"]'),
        ({"assertion_audiences": (A.ISSUER, A.TOKEN_ENDPOINT)}, f'"aud":["{ISSUER}","{TOKEN}"]'),
        ({"assertion_audiences": (A.CALLED_ENDPOINT, A.CALLED_ENDPOINT)}, f'"aud":["{PAR}"]'),
    ],
)
def test_an_audience_is_a_text_or_a_list(system: System, written: dict[str, Any], expected: str) -> None:
    assert expected in assertion(system, PEMS["ES256"], PAR, **written).payload.decode()


def test_an_assertion_says_when_it_begins_if_a_provider_asks_for_that(system: System) -> None:
    claims = assertion(system, PEMS["ES256"], assertion_nbf=True).payload.decode()
    assert f'"nbf":{int(system.now())}' in claims


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate of a signing key."""
    return Authority(tmp_path_factory.mktemp("keys")).certificate("broker")


async def test_an_assertion_names_the_certificate_of_its_key(system: System, certificate: Certificate) -> None:
    chain, pem = certificate.chain.read_bytes(), certificate.key.read_bytes()
    every = {"key_certificate_file": CERTIFICATE_FILE, "key_certificate_headers": tuple(CertificateHeader)}
    header = assertion(system, pem, certificate=chain, **every).headers()
    der = x509.load_pem_x509_certificate(chain).public_bytes(Encoding.DER)
    for name, digest in (("x5t", hashlib.sha1(der).digest()), ("x5t#S256", hashlib.sha256(der).digest())):
        assert base64.urlsafe_b64decode(header[name] + "=") == digest
    assert base64.b64decode(header["x5c"][0]) == der
    settings = config(ISSUER, request_object=RequestObjectConfig(), **every)
    own = load_own_keys(settings, lambda path: chain if path == CERTIFICATE_FILE else pem)
    keys: RefreshingCache[Any] = RefreshingCache(Wire(system).get, system, CACHE_POLICY)
    objects = RequestObjects(settings, RequestObjectConfig(), own, keys, system)
    sent = await objects.parameters({"scope": "openid"}, "https://x")
    assert opened(sent["request"], pem).headers()["x5t#S256"] == header["x5t#S256"]
    assert "x5t" not in assertion(system, pem).headers()


def test_the_certificate_of_another_key_is_refused(system: System, certificate: Certificate) -> None:
    every = {"key_certificate_file": CERTIFICATE_FILE, "key_certificate_headers": (CertificateHeader.X5T_S256,)}
    with pytest.raises(ValueError, match="not that of the key"):
        assertion(system, PEMS["ES256"], certificate=certificate.chain.read_bytes(), **every)
    assert [problem.path for problem in check(config(ISSUER, **every), development=False)] == []
    for alone in every:
        problems = check(config(ISSUER, **{alone: every[alone]}), development=False)
        assert [problem.path for problem in problems] == ["key_certificate_file"]


@pytest.mark.parametrize("dpop", [None, DpopConfig()])
async def test_userinfo_is_asked_by_post_if_so_configured(system: System, dpop: DpopConfig | None) -> None:
    wire = Wire(system)
    ask = UserinfoConfig(method=UserinfoMethod.POST)
    wire_answer = answer({"sub": "amina", "given_name": "A", "family_name": "H", "birthdate": "1980-04-12"})
    wire.userinfo = wire_answer
    found = await wire.sign_in(wire.provider(userinfo_response=ask, dpop=dpop, key_file=KEY_FILE))
    assert isinstance(found, Identity), found
    assert (wire.asked[-1], wire.forms[-1]) == ("/userinfo", {})
    assert wire.headers[-1]["Authorization"].startswith("Bearer " if dpop is None else "DPoP ")
    assert ("DPoP" in wire.headers[-1]) is (dpop is not None)


@pytest.mark.parametrize("name", ["gov-uk-one-login", "esignet", "france-connect-plus"])
async def test_presets_with_userinfo_answer_a_post_too(system: System, name: str) -> None:
    here = exchange(name, system)
    table = replace(here.entry.config.userinfo_response, method=UserinfoMethod.POST)
    posted = replace(here, provider=rebuilt(here, userinfo_response=table))
    assert isinstance(await posted.sign_in(), Identity)
    assert here.wire.called(here.simulated.dialect.endpoints["userinfo"])[-1].method == "POST"
