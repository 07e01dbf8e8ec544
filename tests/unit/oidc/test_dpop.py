"""DPoP proofs and nonces."""

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto import jose
from broker.crypto.seal import sealer
from broker.oidc.dpop import CLOCK_SKEW, MAX_AGE, DpopNonces, DpopProof, ProvedRequest, check_proof, proof_used_before
from broker.oidc.errors import DPOP_ALGORITHMS, EndpointError
from tests.support.system import FakeRandom
from tests.unit.oidc.examples import ISSUER, NOW, key

URL = f"{ISSUER}/token"
RING = sealer(bytes(32), (), FakeRandom().draw)
ACCESS = "at_abc"
ATH = base64.urlsafe_b64encode(hashlib.sha256(ACCESS.encode()).digest()).rstrip(b"=").decode()


def nonces(epoch: str = "run-1", lifetime: int = 300) -> DpopNonces:
    return DpopNonces(
        epoch,
        lambda data: RING.mac("dpop nonce", data),
        lambda data, mark: RING.mac_matches("dpop nonce", data, mark),
        lifetime,
    )


def proof(signing: jose.SigningKey | None = None, typ: str = "dpop+jwt", **changes: Any) -> str:
    signing = signing or key("ES256", "tax")
    claims = {"htm": "POST", "htu": URL, "iat": NOW, "jti": "j-1", "nonce": nonces().issue(NOW)} | changes
    jwk = {member: value for member, value in signing.jwk.items() if member in ("kty", "crv", "x", "y", "n", "e")}
    return jose.sign({n: v for n, v in claims.items() if v is not None}, signing, typ, {"jwk": jwk})


def check(*headers: str, access_token: str | None = None, now: float = NOW) -> DpopProof | None:
    return check_proof(ProvedRequest(headers, "POST", URL), nonces(), now, access_token)


def refused(*headers: str, access_token: str | None = None) -> EndpointError:
    with pytest.raises(EndpointError) as error:
        check(*headers, access_token=access_token)
    return error.value


@pytest.mark.parametrize("alg", DPOP_ALGORITHMS)
def test_a_proof_names_its_key_and_its_use(alg: str) -> None:
    jkt = jose.thumbprint(jose.public_jwk(key(alg, "tax")))
    assert check(proof(key(alg, "tax"))) == DpopProof(jkt, f"{jkt}.j-1", NOW + MAX_AGE)


def test_a_request_without_a_proof_has_none() -> None:
    assert check() is None


def test_a_dpop_proof_may_name_the_mtls_endpoint() -> None:
    alias = "https://mtls.example/token"
    made = proof(htu=alias)
    assert refused(made).code == "invalid_dpop_proof"
    assert check_proof(ProvedRequest([made], "POST", URL, alias), nonces(), NOW) is not None
    assert check_proof(ProvedRequest([proof()], "POST", URL, alias), nonces(), NOW) is not None
    with pytest.raises(EndpointError):
        check_proof(ProvedRequest([proof(htu="https://mtls.example/par")], "POST", URL, alias), nonces(), NOW)


def test_two_proofs_are_refused() -> None:
    assert refused(proof(), proof()).code == "invalid_dpop_proof"


def test_two_keys_never_share_the_use_of_an_id() -> None:
    one, other = check(proof()), check(proof(key("EdDSA", "tax")))
    assert one is not None
    assert other is not None
    assert one.jti != other.jti


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"htm": "GET"}, "htm"),
        ({"htm": "post"}, "htm"),
        ({"htm": None}, "htm"),
        ({"htu": None}, "htu"),
        ({"htu": 1}, "htu"),
        ({"htu": "https://evil.example/token"}, "htu"),
        ({"htu": f"{ISSUER}/token/"}, "htu"),
        ({"htu": f"{ISSUER}/Token"}, "htu"),
        ({"htu": "http://id.example/token"}, "htu"),
        ({"htu": "https://id.example:8443/token"}, "htu"),
        ({"htu": "https://user@id.example/token"}, "htu"),
        ({"htu": "https://id.example:x/token"}, "htu"),
        ({"htu": "https://[id.example/token"}, "htu"),
        ({"htu": "/token"}, "htu"),
        ({"iat": None}, "iat"),
        ({"iat": str(NOW)}, "iat"),
        ({"iat": True}, "iat"),
        ({"iat": NOW - MAX_AGE - 1}, "iat"),
        ({"iat": NOW + CLOCK_SKEW + 1}, "iat"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 1}, "jti"),
        ({"jti": "x" * 257}, "jti"),
        ({"jti": "a\0b"}, "jti"),
    ],
)
def test_an_invalid_dpop_proof_is_refused(changes: dict[str, Any], said: str) -> None:
    error = refused(proof(**changes))
    assert (error.code, error.status, error.challenge, error.nonce) == ("invalid_dpop_proof", 400, None, False)
    assert error.detail.startswith(said)
    assert error.description == "the DPoP proof does not hold"


@pytest.mark.parametrize(
    "htu",
    [
        URL,
        f"{URL}?x=1",
        f"{URL}#x",
        "https://ID.example/token",
        "https://id.example:443/token",
        "HTTPS://id.example/token",
    ],
)
def test_htu_is_compared_without_query_case_and_default_port(htu: str) -> None:
    assert check(proof(htu=htu)) is not None


@pytest.mark.parametrize("ahead", [-MAX_AGE, -1, 0, 10, CLOCK_SKEW])
def test_a_dpop_proof_expires_after_a_short_time(ahead: int) -> None:
    assert check(proof(iat=NOW + ahead)) is not None


def test_a_proof_with_pkcs1_padding_holds_in_no_profile() -> None:
    """FAPI 2.0 Security Profile 5.4.1."""
    assert "alg" in refused(proof(key("RS256", "tax"))).detail


@pytest.mark.parametrize("header", ["", "abc", "a.b.c", proof(typ="JWT"), proof()[:-8] + "AAAAAAAA", "x" * 9000])
def test_a_malformed_dpop_proof_is_refused(header: str) -> None:
    assert refused(header).code == "invalid_dpop_proof"


# At a resource


def test_at_a_resource_the_proof_names_the_token() -> None:
    assert check(proof(ath=ATH), access_token=ACCESS) is not None
    for ath in (None, ATH[:-1], "", 1, base64.urlsafe_b64encode(hashlib.sha256(b"other").digest()).decode()):
        error = refused(proof(ath=ath), access_token=ACCESS)
        assert (error.code, error.status) == ("invalid_dpop_proof", 401)
        assert (error.challenge or "").startswith('DPoP error="invalid_dpop_proof"')


def test_a_replayed_dpop_proof_gets_the_error_of_its_endpoint() -> None:
    assert proof_used_before(at_resource=False).status == 400
    assert proof_used_before(at_resource=True).status == 401


# Nonces


@pytest.mark.parametrize(
    "nonce",
    [
        None,
        "",
        "abc",
        1,
        nonces("run-2").issue(NOW),
        nonces().issue(NOW - 301),
        nonces().issue(NOW + CLOCK_SKEW + 1),
        nonces().issue(NOW)[:-2] + "AA",
        f"{int(NOW) - 1:x}" + nonces().issue(NOW)[8:],
    ],
)
def test_without_a_current_nonce_a_new_one_is_offered(nonce: Any) -> None:
    error = refused(proof(nonce=nonce))
    assert (error.code, error.status, error.nonce) == ("use_dpop_nonce", 400, True)
    at_resource = refused(proof(nonce=nonce, ath=ATH), access_token=ACCESS)
    assert (at_resource.code, at_resource.status, at_resource.nonce) == ("use_dpop_nonce", 401, True)
    assert 'error="use_dpop_nonce"' in (at_resource.challenge or "")


def test_an_invalid_dpop_proof_is_rejected_before_its_nonce_is_checked() -> None:
    assert refused(proof(nonce=None, htm="GET")).code == "invalid_dpop_proof"


@given(st.integers(0, 300))
def test_a_nonce_is_good_for_its_lifetime(age: int) -> None:
    assert nonces().is_valid(nonces().issue(NOW - age), NOW)


def test_a_nonce_can_be_made_to_live_shorter() -> None:
    assert nonces(lifetime=30).is_valid(nonces().issue(NOW - 30), NOW)
    assert not nonces(lifetime=30).is_valid(nonces().issue(NOW - 31), NOW)


@given(st.text())
def test_no_text_passes_for_a_nonce(text: str) -> None:
    assert not nonces().is_valid(text, NOW)
