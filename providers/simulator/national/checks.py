"""Strict checks of what a client sends, exactly as the provider publishes them.

Signatures are read with joserfc, which the broker does not sign with: both sides can then not share an error.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from broker.model.json_types import JsonObject
from broker.platform import base64url
from providers.simulator.client_authentication import basic_credentials
from providers.simulator.national.dialect import Dialect, place
from providers.simulator.national.keys import import_keys, keys_of
from providers.simulator.settings import SimulatedClient

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_ASSERTION: Final = 3600
SKEW: Final = 60
LONGEST_HEADER: Final = 4096
"""Maximum length of the header of a JWT: that of a DPoP proof holds an RSA key."""
OPEN: Final = ("*", ">")
OPENED: Final = re.compile(r"(?:\*|<[^>]*>)$")
"""The open end of a scope such as `representee.*` or `service:<CODE>`."""


class Refused(Exception):
    """A request that the provider refuses, with its error code and a description for the log."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error, self.description = error, description


def check_request(dialect: Dialect, given: Mapping[str, str], pushed: Mapping[str, str]) -> None:
    """Checks an authorization request: `given` are its parameters, `pushed` those of a pushed one. Raises Refused."""
    asked = pushed or given
    permitted = dialect.words("request.permitted")
    if permitted and (unknown := sorted(asked.keys() - set(permitted))):
        raise Refused("invalid_request", f"{', '.join(unknown)} is not permitted")
    if asked.get("response_type") != "code":
        raise Refused("unsupported_response_type", "response_type is not code")
    if dialect.text("request.pushed", "use") == "required" and not pushed:
        raise Refused("invalid_request", "the request was not pushed")
    _check_scope(dialect, asked.get("scope", "").split())
    for name in ("state", "nonce"):
        _check_random(name, asked.get(name), dialect.table(f"request.{name}"))
    if "code_challenge" in asked or dialect.text("request.pkce") == "required":
        if asked.get("code_challenge_method") != "S256":
            raise Refused("invalid_request", "code_challenge_method is not S256")
        if not re.fullmatch(r"[A-Za-z0-9_-]{43}", asked.get("code_challenge", "")):
            raise Refused("invalid_request", "code_challenge is not a SHA-256 in base64url")
    for name, value in dialect.table("request.parameters").items():
        if asked.get(name) != value and not ("login_hint" in asked and name == "login_hint"):
            raise Refused("invalid_request", f"{name} is not {value}")
    _check_level(dialect, asked)
    prompts = dialect.words("request.prompt")
    if "prompt" in asked and prompts and asked["prompt"] not in prompts:
        raise Refused("invalid_request", f"prompt is not one of {', '.join(prompts)}")
    if "id_token_hint" in dialect.words("request.reauthentication"):
        _check_reauthentication(asked)
    if "claims" in asked:
        _check_claims(dialect, asked["claims"])


def open_object(dialect: Dialect, client: SimulatedClient, given: Mapping[str, str], now: float) -> dict[str, str]:
    """The parameters of a request, with those of its request object (RFC 9101 6) if it has one. Raises Refused."""
    rule = dialect.table("request.object")
    if "request" not in given:
        if rule.get("use") == "required":
            raise Refused("invalid_request_object", "request is missing")
        if "prompt" in given and "id_token_hint" in dialect.words("request.reauthentication"):
            raise Refused("invalid_request", "prompt is outside of a request object")
        return dict(given)
    if rule.get("use", "none") == "none":
        raise Refused("request_not_supported", "request objects are not supported")
    claims = verified(given["request"], keys_of(client), dialect.words("client.algorithms"))[1]
    audience = dialect.text("request.object", "audience")
    wanted = dialect.issuer if audience in ("issuer", "") else place(dialect.issuer, audience)
    if claims.get("iss") != client.client_id or claims.get("aud") != wanted:
        raise Refused("invalid_request_object", f"iss is not the client, or aud is not {wanted}")
    expires = claims.get("exp")
    if not isinstance(expires, int) or not now < expires <= now + LONGEST_ASSERTION:
        raise Refused("invalid_request_object", "exp is missing or has passed")
    if missing := [name for name in dialect.words("request.object", "claims") if name not in claims]:
        raise Refused("invalid_request_object", f"{', '.join(missing)} is missing")
    beside = dialect.words("request.object", "beside")
    for name in beside:
        if given.get(name) != claims.get(name):
            raise Refused("invalid_request_object", f"{name} beside the request object is missing or another one")
    own = {name: value for name, value in claims.items() if name not in ("iss", "aud", "exp", "iat", "nbf", "jti")}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in own.items()}


def _check_scope(dialect: Dialect, scope: list[str]) -> None:
    known = dialect.words("request.scopes")
    if "openid" not in scope:
        raise Refused("invalid_scope", "openid is missing")
    for name in scope:
        if not any(name == one or (one.endswith(OPEN) and name.startswith(OPENED.sub("", one))) for one in known):
            raise Refused("invalid_scope", f"{name} is not a scope")


def _check_random(name: str, value: str | None, rule: JsonObject) -> None:
    if value is None:
        if rule.get("required"):
            raise Refused("invalid_request", f"{name} is missing")
        return
    least, most, alphabet = rule.get("least", 1), rule.get("most", 4096), rule.get("alphabet", ".")
    if isinstance(least, int) and isinstance(most, int) and not least <= len(value) <= most:
        raise Refused("invalid_request", f"{name} has {len(value)} characters")
    if re.fullmatch(f"(?:{alphabet})*", value) is None:
        raise Refused("invalid_request", f"{name} has characters that are not allowed")


def _check_level(dialect: Dialect, asked: Mapping[str, str]) -> None:
    name = dialect.text("request.level", "parameter")
    if not name or name not in asked:
        return
    if asked[name] not in dialect.requested_levels.values():
        raise Refused("invalid_request", f"{name} is none of the values that are published")


def _check_reauthentication(asked: Mapping[str, str]) -> None:
    """A new authentication is requested of the person of an ID token."""
    if ("prompt" in asked) != ("id_token_hint" in asked):
        raise Refused("invalid_request", "prompt and id_token_hint belong together")


def _check_claims(dialect: Dialect, text: str) -> None:
    try:
        document = json.loads(text)
    except ValueError:
        raise Refused("invalid_request", "claims is not JSON") from None
    known = dialect.table("request.claims")
    for document_name, names in document.items():
        allowed = known.get(document_name, [])
        if not isinstance(allowed, list) or not set(names) <= set(allowed):
            raise Refused("invalid_request", f"claims.{document_name} has a claim that cannot be requested")


def check_client(
    dialect: Dialect,
    client: SimulatedClient,
    form: Mapping[str, str],
    headers: Mapping[str, str],
    now: float,
    endpoint: str,
) -> str | None:
    """Checks the client authentication of a call to an endpoint. Returns the `jti` of an assertion. Raises Refused."""
    methods = dialect.words("client.methods")
    if client.jwks is not None and client.secret is None:
        if "client_assertion" not in form:
            raise Refused("invalid_client", "a client assertion is missing")
        return _check_assertion(dialect, client, form, now, endpoint)
    basic = basic_credentials(headers.get("authorization", ""))
    if basic is not None and "client_secret_basic" in methods and "client_secret" not in form:
        pair = basic
    elif "client_secret" in form and "client_secret_post" in methods and basic is None:
        pair = form.get("client_id", ""), form["client_secret"]
    else:
        raise Refused("invalid_client", f"the client does not authenticate by one of {', '.join(methods)}")
    if pair != (client.client_id, client.secret):
        raise Refused("invalid_client", "the secret is wrong")
    return None


def _check_assertion(
    dialect: Dialect, client: SimulatedClient, form: Mapping[str, str], now: float, endpoint: str
) -> str:
    if "private_key_jwt" not in dialect.words("client.methods"):
        raise Refused("invalid_client", "private_key_jwt is not supported")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise Refused("invalid_client", "client_assertion_type is wrong")
    header, claims = verified(form["client_assertion"], keys_of(client), dialect.words("client.algorithms"))
    required = dialect.words("client.assertion", "claims") or ("iss", "sub", "aud", "exp", "jti")
    if missing := [name for name in required if name not in claims]:
        raise Refused("invalid_client", f"the assertion lacks {', '.join(missing)}")
    if claims["iss"] != client.client_id or claims["sub"] != client.client_id:
        raise Refused("invalid_client", "iss or sub is not the client")
    audiences = {
        "issuer": dialect.issuer,
        "token_endpoint": dialect.endpoints["token"],
        "called_endpoint": endpoint,
    }
    allowed = [audiences[name] for name in dialect.words("client.audience")]
    named = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if not named or not any(one in allowed for one in named):
        raise Refused("invalid_client", f"aud is none of {', '.join(allowed)}")
    typ = dialect.text("client.assertion", "typ")
    if typ and header.get("typ") != typ:
        raise Refused("invalid_client", f"typ is not {typ}")
    longest = dialect.number("client.lifetime") or LONGEST_ASSERTION
    expires, jti = claims["exp"], claims["jti"]
    if not isinstance(expires, int) or not isinstance(jti, str) or not now < expires <= now + longest + 1:
        raise Refused("invalid_client", f"exp is not within {longest} s, or jti is not a text")
    return jti


def check_proof(
    dialect: Dialect, proof: str | None, method: str, url: str, now: float, access_token: str = ""
) -> tuple[str, str, str]:
    """Checks a DPoP proof (RFC 9449 4.3). Returns its key's thumbprint, its `jti` and its `nonce`. Raises Refused."""
    if not proof:
        raise Refused("invalid_dpop_proof", "the proof is missing")
    header = unverified_header(proof)
    key = header.get("jwk")
    if header.get("typ") != "dpop+jwt" or not isinstance(key, dict) or "d" in key:
        raise Refused("invalid_dpop_proof", "typ or jwk is wrong")
    claims = verified(proof, [key], dialect.words("dpop", "algorithms"))[1]
    if claims.get("htm") != method or claims.get("htu") != url:
        raise Refused("invalid_dpop_proof", f"htm or htu is not {method} {url}")
    issued, jti = claims.get("iat"), claims.get("jti")
    skew = dialect.number("dpop", "skew") or SKEW
    if not isinstance(issued, int) or not now - 120 <= issued <= now + skew or not isinstance(jti, str):
        raise Refused("invalid_dpop_proof", "iat or jti is wrong")
    if access_token and claims.get("ath") != base64url.encode(hashlib.sha256(access_token.encode()).digest()):
        raise Refused("invalid_dpop_proof", "ath is not that of the access token")
    return import_keys([key]).keys[0].thumbprint(), jti, str(claims.get("nonce", ""))


def verified(token: str, keys: list[JsonObject], algorithms: tuple[str, ...]) -> tuple[JsonObject, JsonObject]:
    """Header and claims of a signed JWT. Raises Refused."""
    registry = JWSRegistry(algorithms=list(algorithms))
    registry.max_header_length = LONGEST_HEADER
    try:
        found = jwt.decode(token, import_keys(keys), registry=registry)
    except (JoseError, ValueError) as problem:
        raise Refused("invalid_client", f"a JWT cannot be verified: {type(problem).__name__}") from None
    return found.header, found.claims


def unverified_header(token: str) -> JsonObject:
    """The header of a compact token, empty if it cannot be read."""
    return _unverified(token, 0)


def hinted_subject(asked: Mapping[str, str]) -> str | None:
    """The subject of the ID token hint, None without one."""
    found = _unverified(asked["id_token_hint"], 1).get("sub") if "id_token_hint" in asked else None
    return None if found is None else str(found)


def _unverified(token: str, index: int) -> JsonObject:
    try:
        part = json.loads(base64url.decode(token.split(".")[index]))
    except (ValueError, IndexError):
        return {}
    return part if isinstance(part, dict) else {}
