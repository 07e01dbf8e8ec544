"""ID tokens and claims of the simulator, valid and invalid."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Final

from broker.crypto import jwe
from broker.crypto.jose import hash_claim, sign
from broker.model.json_types import JsonObject
from broker.platform import base64url
from providers.simulator.settings import Issuer, Persona
from providers.simulator.state import SimulatedIssuer, SimulatedSignIn, new_key

DAY: Final = 86_400

SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "profile": ("name", "given_name", "family_name", "birthdate", "role"),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "address": ("address",),
}


def level_index(issuer: Issuer, persona: Persona, acr_values: tuple[str, ...], outcome: str) -> int:
    """The index of the level that is reached: the first requested one that the persona can reach, or their highest."""
    best = range(len(issuer.levels))[persona.highest]
    if outcome == "lower_level":
        return 0
    asked = [issuer.levels.index(acr) for acr in acr_values if acr in issuer.levels]
    return next((index for index in asked if index <= best), best)


def claims_about(sign_in: SimulatedSignIn) -> dict[str, object]:
    """The claims of the requested scopes, for userinfo."""
    names = {name for scope in sign_in.request.scope for name in SCOPES.get(scope, ())}
    if sign_in.outcome.name == "incomplete_reply":
        names -= {"name", "given_name", "family_name", "birthdate"}
    claims = {name: value for name, value in sign_in.persona.claims.items() if name in names or name == "sub"}
    other: Mapping[str, object] = {"other_subject": "somebody-else", "number_subject": 4711}
    return {**claims, "sub": other.get(sign_in.outcome.name, claims["sub"])}


def id_token(simulated: SimulatedIssuer, sign_in: SimulatedSignIn, access_token: str, now: int, life: int) -> str:
    """The ID token of a sign-in, modified by its outcome."""
    claims = _honest_claims(simulated, sign_in, now, life)
    claims["at_hash"] = hash_claim(access_token, simulated.issuer.algorithm)
    claims = _bend(sign_in.outcome.name, claims, simulated, now)
    return _sign(sign_in.outcome.name, claims, simulated)


def _honest_claims(simulated: SimulatedIssuer, sign_in: SimulatedSignIn, now: int, life: int) -> dict[str, object]:
    request = sign_in.request
    index = level_index(simulated.issuer, sign_in.persona, request.acr_values, sign_in.outcome.name)
    claims = {
        "iss": simulated.url,
        "sub": sign_in.persona.claims["sub"],
        "aud": request.client.client_id,
        "iat": now,
        "exp": now + life,
        "auth_time": sign_in.at,
        "acr": simulated.issuer.levels[index],
        "amr": list(simulated.issuer.amr[index]),
    }
    return claims if request.nonce is None else {**claims, "nonce": request.nonce}


def _bend(outcome: str, claims: dict[str, object], simulated: SimulatedIssuer, now: int) -> dict[str, object]:
    me = claims["aud"]
    changes: Mapping[str, JsonObject] = {
        "unknown_acr": {"acr": "a-level-nobody-has-heard-of"},
        "missing_acr": {"acr": None},
        "missing_nonce": {"nonce": None},
        "other_nonce": {"nonce": "the-nonce-of-another-sign-in"},
        "expired": {"exp": now - 3600},
        "from_the_future": {"iat": now + 3600, "exp": now + 7200},
        "old_token": {"iat": now - 3600},
        "other_issuer": {"iss": f"{simulated.url}-of-somebody-else"},
        "wrong_audience": {"aud": "somebody-else"},
        "second_audience": {"aud": [me, "a-stranger"], "azp": me},
        "wrong_party": {"azp": "a-stranger"},
        "wrong_access_token": {"at_hash": hash_claim("another", simulated.issuer.algorithm)},
        "missing_subject": {"sub": None},
        "wrong_subject": {"sub": "somebody-else"},
        "stale_sign_in": {"auth_time": now - DAY},
        "number_subject_signed": {"sub": 4711},
        "text_time": {"auth_time": str(now)},
    }
    bent = {**claims, **changes.get(outcome, {})}
    return {name: value for name, value in bent.items() if value is not None}


def _sign(outcome: str, claims: JsonObject, simulated: SimulatedIssuer) -> str:
    key = simulated.memory.key
    match outcome:
        case "wrong_signature" | "unsafe_reply":
            return sign(claims, new_key(simulated.issuer, key.kid))
        case "unknown_key":
            return sign(claims, new_key(simulated.issuer))
        case "id_token_encrypted":
            return _encrypted(sign(claims, key))
        case "full_header":
            beside = {"jku": "https://evil.example/jwks", "x5u": "https://evil.example/x", "x5c": ["MIIB"]}
            return sign(claims, key, "JWT", {**beside, "jwk": dict(new_key(simulated.issuer).jwk), "x5t": "a"})
        case "no_signature":
            return _parts({"alg": "none"}, claims) + "."
        case "shared_secret_signature":
            signed = _parts({"alg": "HS256", "kid": key.kid}, claims)
            secret = json.dumps(dict(key.jwk)).encode()
            return f"{signed}.{base64url.encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"
        case _:
            return sign(claims, key)


def _encrypted(token: str) -> str:
    """A token encrypted to a discarded key: it cannot be decrypted."""
    alg = jwe.KEY_ALGORITHMS[0]
    lost = jwe.load_decryption_key(jwe.new_decryption_key_pem(alg), alg)
    (key,) = jwe.parse_encryption_keys({"keys": [dict(lost.jwk)]})
    return jwe.encrypt(token.encode(), key, alg, "A256GCM", cty="JWT")


def _parts(header: JsonObject, claims: JsonObject) -> str:
    return ".".join(base64url.encode(json.dumps(dict(part)).encode()) for part in (header, claims))
