"""Attacks with forged tokens at every endpoint that accepts one, and responses that reveal no difference."""

import ast
import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto import jose
from broker.model.service import ClientAuthentication, SecurityProfile, Service
from broker.oidc.authorization_checks import RequestSource
from broker.oidc.authorization_request import authorization_request
from broker.oidc.client_authentication import AssertionAudience, Credentials, authenticate_client, parse_credentials
from broker.oidc.dpop import DpopNonces, ProvedRequest, check_proof
from broker.oidc.errors import EndpointError
from broker.oidc.resource_request import parse_access_token
from tests.support.outcome import outcome
from tests.support.syntax_trees import nodes_of
from tests.unit.oidc.examples import ISSUER, NOW, SENDER, SERVER, key, keys, parameters, service

ROOT = Path(__file__).parents[3]
URL = f"{ISSUER}/token"
OWN = key("ES256", "tax")
PUBLIC = {name: OWN.jwk[name] for name in ("kty", "crv", "x", "y")}
KEYS = keys(OWN, key("RS256", "tax"))
FAPI2 = service(profile=SecurityProfile.FAPI2)
NONCES = DpopNonces("epoch", lambda _data: bytes(32), lambda _data, mark: mark == bytes(32))


def b64(value: bytes | str | Mapping[str, Any]) -> str:
    text = json.dumps(value) if isinstance(value, Mapping) else value
    data = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signature(signed: str, private: Any = OWN.private) -> bytes:
    return bytes(pyjwt.get_algorithm_by_name("ES256").sign(signed.encode(), private))


def token(header: Mapping[str, Any] | str, payload: Mapping[str, Any], private: Any = OWN.private) -> str:
    """A token with a valid ES256 signature and any header."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(signature(signed, private))}"


# --- endpoints that accept a token, with the claims each accepts ---


def by_assertion(text: str) -> None:
    credentials = Credentials("tax", ClientAuthentication.PRIVATE_KEY_JWT, text)
    authenticate_client(credentials, FAPI2, KEYS, AssertionAudience(ISSUER), NOW)


def by_object(text: str) -> None:
    authorization_request({"client_id": "tax", "request": text}, FAPI2, RequestSource.PUSHED, SERVER, SENDER)


def by_proof(text: str) -> None:
    check_proof(ProvedRequest([text], "POST", URL), NONCES, NOW)


def by_hint(text: str) -> None:
    authorization_request(parameters(id_token_hint=text), FAPI2, RequestSource.PUSHED, SERVER, SENDER)


ASSERTION = {"iss": "tax", "sub": "tax", "aud": ISSUER, "jti": "j", "iat": NOW, "exp": NOW + 60}
OBJECT = {**parameters(), "iss": "tax", "aud": ISSUER, "nbf": int(NOW), "exp": int(NOW) + 60}
PROOF = {"htm": "POST", "htu": URL, "iat": NOW, "jti": "j", "nonce": NONCES.issue(NOW)}
HINT = {"iss": ISSUER, "aud": "tax", "sub": "pairwise-1", "exp": 1}
OURS = key()

Place = tuple[Callable[[str], None], Mapping[str, Any], Mapping[str, Any], Any, str]
PLACES: dict[str, Place] = {
    "assertion": (by_assertion, {"alg": "ES256", "kid": OWN.kid}, ASSERTION, OWN.private, "invalid_client"),
    "request object": (
        by_object,
        {"alg": "ES256", "kid": OWN.kid, "typ": "oauth-authz-req+jwt"},
        OBJECT,
        OWN.private,
        "invalid_request_object",
    ),
    "proof": (
        by_proof,
        {"alg": "ES256", "typ": "dpop+jwt", "jwk": PUBLIC},
        PROOF,
        OWN.private,
        "invalid_dpop_proof",
    ),
    "hint": (by_hint, {"alg": "ES256", "kid": OURS.kid}, HINT, OURS.private, "invalid_request"),
}
EVIL = jose.load_signing_key(jose.new_signing_key_pem("ES256"), "ES256", "evil")
EVIL_JWK = {name: EVIL.jwk[name] for name in ("kty", "crv", "x", "y")}

TRICKS: dict[str, Mapping[str, Any]] = {
    "no algorithm": {"alg": None},
    "none": {"alg": "none"},
    "NONE": {"alg": "NONE"},
    "none with a space": {"alg": "none "},
    "an empty algorithm": {"alg": ""},
    "HS256": {"alg": "HS256"},
    "HS512": {"alg": "HS512"},
    "RS256": {"alg": "RS256"},
    "RS1": {"alg": "RS1"},
    "ES384": {"alg": "ES384"},
    "ES256K": {"alg": "ES256K"},
    "small letters": {"alg": "es256"},
    "a list of algorithms": {"alg": ["ES256", "none"]},
    "an address of keys": {"jku": "https://evil.example/jwks"},
    "an address of keys at home": {"jku": f"{ISSUER}/jwks"},
    "an address of certificates": {"x5u": "https://evil.example/x"},
    "certificates": {"x5c": ["MIIB"]},
    "a critical header": {"crit": ["exp"]},
    "a critical b64": {"crit": ["b64"], "b64": False},
    "b64": {"b64": False},
    "b64 as usual": {"b64": True},
    "no critical header": {"crit": []},
    "a kid that is a number": {"kid": 0},
    "a kid that is a list": {"kid": [OWN.kid]},
    "a kid that is an object": {"kid": {"$ne": ""}},
    "another typ": {"typ": "logout+jwt"},
    "a typ that is a number": {"typ": 1},
    "the typ of an access token": {"typ": "at+jwt"},
}
KIDS = [
    "../../../dev/null",
    "/dev/null",
    "' OR '1'='1",
    "x\0",
    "|id",
    "%00",
    "https://evil.example/k",
    "",
    " ",
    "k" * 5000,
]


def refused(place: str, text: str) -> None:
    believe, _, _, _, code = PLACES[place]
    with pytest.raises(EndpointError) as error:
        believe(text)
    assert error.value.code == code
    assert error.value.status in (400, 401)
    assert not error.value.nonce


@pytest.mark.parametrize("place", PLACES)
def test_a_valid_token_is_accepted_only_for_its_purpose(place: str) -> None:
    believe, header, payload, private, _ = PLACES[place]
    good = token(header, payload, private)
    believe(good)
    for other in PLACES:
        if other != place:
            refused(other, good)


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("place", PLACES)
def test_a_malicious_header_is_refused_despite_a_valid_signature(place: str, trick: str) -> None:
    _, header, payload, private, _ = PLACES[place]
    changed = {name: value for name, value in {**header, **TRICKS[trick]}.items() if value is not None}
    refused(place, token(changed, payload, private))


@pytest.mark.parametrize("place", ["assertion", "request object", "hint"])
def test_no_kid_leads_to_a_key_that_is_not_registered(place: str) -> None:
    _, header, payload, _, _ = PLACES[place]
    for kid in [*KIDS, "evil"]:
        refused(place, token({**header, "kid": kid}, payload, EVIL.private))
    for brought in ({"jwk": EVIL_JWK}, {"jwk": {**EVIL_JWK, "kid": header["kid"]}}):
        refused(place, token({**header, **brought}, payload, EVIL.private))


@pytest.mark.parametrize("place", PLACES)
def test_a_token_without_its_own_signature_is_refused(place: str) -> None:
    _, header, payload, private, _ = PLACES[place]
    head, body = b64(header), b64(payload)
    right = signature(f"{head}.{body}", private)
    r, s = int.from_bytes(right[:32]), int.from_bytes(right[32:])
    wrong: list[bytes] = [
        b"",
        bytes(64),
        right[:63],
        right + b"\0",
        right[32:] + right[:32],
        encode_dss_signature(r, s),
        signature(f"{head}.{body}", EVIL.private),
        signature(f"{head}.{b64({**payload, 'more': 1})}", private),
    ]
    for bad in wrong:
        refused(place, f"{head}.{body}.{b64(bad)}")
    for text in (
        f"{head}.{body}",
        f"{head}.{body}.",
        f"{head}..{b64(right)}",
        f"{head}.{body}.{b64(right)}.",
        f"{head}.{body}.{b64(right)}=",
        f" {head}.{body}.{b64(right)}",
        f"{head}\n.{body}.{b64(right)}",
        json.dumps({"protected": head, "payload": body, "signature": b64(right)}),
    ):
        refused(place, text)


@pytest.mark.parametrize("place", PLACES)
def test_a_token_with_a_duplicate_member_is_rejected(place: str) -> None:
    _, header, payload, private, _ = PLACES[place]
    doubled = json.dumps(header)[:-1] + ', "alg": "ES256"}'
    refused(place, token(doubled, payload, private))
    signed = f"{b64(header)}.{b64(json.dumps(payload)[:-1] + f', {json.dumps(next(iter(payload)))}: 1' + '}')}"
    refused(place, f"{signed}.{b64(signature(signed, private))}")


@pytest.mark.parametrize("place", ["assertion", "request object", "hint"])
def test_a_public_key_is_never_taken_for_a_secret(place: str) -> None:
    """The confusion of HS256 and a public key, with every way of writing the key down."""
    _, header, payload, private, _ = PLACES[place]
    public = private.public_key()
    ways = [
        public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo) for encoding in (Encoding.PEM, Encoding.DER)
    ]
    jwk = {name: OURS.jwk[name] if place == "hint" else OWN.jwk[name] for name in ("crv", "kty", "x", "y")}
    for secret in (*ways, json.dumps(jwk).encode(), b"", bytes(32)):
        signed = f"{b64({**header, 'alg': 'HS256'})}.{b64(payload)}"
        mac = pyjwt.get_algorithm_by_name("HS256").sign(signed.encode(), secret)
        refused(place, f"{signed}.{b64(mac)}")


def test_a_proof_brings_no_key_that_is_huge_weak_private_or_symmetric() -> None:
    def brought(jwk: Mapping[str, Any], alg: str = "PS256") -> str:
        signed = f"{b64({'alg': alg, 'typ': 'dpop+jwt', 'jwk': jwk})}.{b64(PROOF)}"
        return f"{signed}.{b64(bytes(256))}"

    modulus = b64(b"\xff" * 1024)
    weak = dict(
        pyjwt.get_algorithm_by_name("RS256").to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True)
    )
    for jwk in (
        {"kty": "RSA", "n": modulus, "e": "AQAB"},
        {"kty": "RSA", "n": b64(b"\xff" * 512), "e": modulus},
        {"kty": "RSA", "n": b64(b"\xff" * 512), "e": "AQ"},
        {name: weak[name] for name in ("kty", "n", "e")},
        {"kty": "oct", "k": b64(bytes(32))},
    ):
        refused("proof", brought(jwk))
    header = PLACES["proof"][1]
    for changes in (
        {"d": b64(bytes(32))},
        {"crv": "P-384"},
        {"y": PUBLIC["x"]},
        {"x": ""},
        {"kty": "OKP"},
        {"use": "enc"},
    ):
        refused("proof", token({**header, "jwk": {**PUBLIC, **changes}}, PROOF))
    refused("proof", token({**header, "jwk": EVIL_JWK}, PROOF))
    refused("proof", token({**header, "jwk": [PUBLIC]}, PROOF))
    refused("proof", token({**header, "more": "x" * jose.MAX_EMBEDDED}, PROOF))


# --- further attacks ---

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
HEADERS = st.sampled_from(("alg", "kid", "typ", "jwk", "jku", "x5u", "x5c", "x5t", "crit", "b64", "zip", "enc", "cty"))
HARMLESS_HEADERS = {"x5t", "zip", "enc", "cty"}
"""Headers that a JWS may have and that say nothing to us (RFC 7515 4)."""


@pytest.mark.parametrize("place", PLACES)
@given(changes=st.dictionaries(HEADERS, JSON, min_size=1, max_size=4))
def test_no_header_member_changes_the_meaning_of_a_token(place: str, changes: dict[str, Any]) -> None:
    believe, header, payload, private, _ = PLACES[place]
    said = {**header, **changes}
    text = token(said, payload, private)
    try:
        believe(text)
    except EndpointError:
        refused(place, text)
    else:
        free = {*HARMLESS_HEADERS, "typ", *(["kid"] if place == "proof" and isinstance(said.get("kid"), str) else [])}
        same = {name: value for name, value in said.items() if name not in free}
        assert same == {name: value for name, value in header.items() if name != "typ"}
        assert said.get("typ") in (header.get("typ"), None)  # a kind that is null is one that was left out


@pytest.mark.parametrize("place", PLACES)
@given(data=st.data())
def test_each_claim_with_any_other_value_is_rejected(place: str, data: st.DataObject) -> None:
    believe, header, payload, private, _ = PLACES[place]
    bound = [name for name in ("iss", "aud", "htm", "htu", "jti", "sub", "nonce", "exp") if name in payload]
    name = data.draw(st.sampled_from([name for name in bound if (place, name) != ("request object", "nonce")]))
    value = data.draw(JSON)
    text = token(header, {**payload, name: value}, private)
    believed = outcome(lambda: believe(text), EndpointError)
    if isinstance(believed, EndpointError):
        assert believed.code in (PLACES[place][-1], "invalid_request", "use_dpop_nonce")
    else:
        match name:
            case "jti":
                assert isinstance(value, str)
                assert value
            case "sub":
                assert (isinstance(value, str) and place in ("hint", "request object")) or value == "tax"
            case "exp":
                assert place == "hint" or (isinstance(value, int | float) and value > NOW)
            case _:
                assert value == payload[name]


@given(st.text(st.characters(max_codepoint=255)), st.sampled_from(("", "Basic ", "Bearer ", "DPoP ", "basic ")))
def test_any_header_is_accepted_or_refused_without_an_exception(text: str, scheme: str) -> None:
    for read in (lambda: parse_credentials({}, scheme + text), lambda: parse_access_token(scheme + text)):
        found = outcome(read, EndpointError)
        if isinstance(found, EndpointError):
            assert found.code in ("invalid_client", "invalid_token")
            assert found.status == 401
            assert found.challenge


# --- errors that leak no difference ---


def error_of(found: Service | None, method: ClientAuthentication, proof: str = "wrong") -> EndpointError:
    with pytest.raises(EndpointError) as error:
        authenticate_client(Credentials("tax", method, proof), found, KEYS, AssertionAudience(ISSUER), NOW)
    return error.value


@pytest.mark.parametrize("method", ClientAuthentication)
def test_unregistered_clients_wrong_secrets_and_wrong_methods_get_the_same_error(
    method: ClientAuthentication,
) -> None:
    known = [each for each in ClientAuthentication if (each, method) != (ClientAuthentication.NONE,) * 2]
    every = [None, *(service(authentication=each, secret_digest="0" * 64) for each in known)]
    answers = [error_of(found, method) for found in every]
    assert len({json.dumps(error.body()) for error in answers}) == 1
    assert len({(error.status, error.challenge, error.nonce) for error in answers}) == 1


SECRETS = {"secret", "secret_digest", "proof", "verifier", "hashed", "mac", "ath", "assertion", "password"}
"""Names of secret values, whose comparison must take constant time."""

HARMLESS = ["cookies.py: secret != newest"]
"""Newly generated values, which no client can have sent."""


def compared(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Comparisons of a secret with `==` or `in`: not by its digest, and not in constant time."""
    for node in nodes:
        if not isinstance(node, ast.Compare):
            continue
        if not all(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Constant) for side in sides):
            continue
        names = {side.attr if isinstance(side, ast.Attribute) else getattr(side, "id", "") for side in sides}
        if names & SECRETS:
            yield ast.unparse(node)


def test_no_secret_is_compared_letter_by_letter() -> None:
    assert list(compared(ast.walk(ast.parse("given.secret == known")))) == ["given.secret == known"]
    assert list(compared(ast.walk(ast.parse("compare_digest(secret, known) and proof is None")))) == []
    folders = ("oidc", "actions", "web", "stores")
    files = [path for folder in folders for path in (ROOT / "broker" / folder).rglob("*.py")]
    files += [ROOT / "broker" / "crypto" / "seal.py"]
    found = [f"{path.name}: {where}" for path in files for where in compared(nodes_of(path))]
    assert found == HARMLESS
